"""The table of ratios, absolute figures beside them, and the targets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.bench.rounds import Result


@dataclass(frozen=True)
class Target:
    """A ratio that is wanted: at least `least`, or at most `most`; with neither it is only printed.

    work: the same ratio by processor seconds. stock: the same ratio on a stock Postgres.
    """

    name: str
    ratio: float | None
    least: float | None = None
    most: float | None = None
    work: float | None = None
    stock: float | None = None

    @property
    def wanted(self) -> str:
        """The bound, in words."""
        if self.least is None and self.most is None:
            return "–"
        return f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"

    @property
    def is_met(self) -> bool | None:
        """Whether it is met; None where there was nothing to compare."""
        if self.ratio is None or self.least is self.most:
            return None
        return self.ratio >= self.least if self.least is not None else self.ratio <= (self.most or 0)


@dataclass(frozen=True)
class Chapter:
    """One case: its results beside one of them, and what is wanted of them."""

    title: str
    results: Sequence[Result]
    beside: str
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()


def result_of(results: Sequence[Result], contender: str, server: str) -> Result:
    """The result of a contender on a server."""
    return next(result for result in results if (result.contender, result.server) == (contender, server))


def speed_ratio(
    results: Sequence[Result], faster: str, slower: str, server: str = "embedded"
) -> float | None:
    """Return the ratio of two speeds in rows a second, or None if one has no time on this server."""
    speeds = {(result.contender, result.server): result.speed for result in results}
    one, other = speeds.get((faster, server)), speeds.get((slower, server))
    return None if one is None or other is None else one / other


def work_ratio(
    results: Sequence[Result], cheaper: str, dearer: str, server: str = "embedded"
) -> float | None:
    """Return the ratio of rows per processor second, which does not depend on the load of the machine."""
    one, other = result_of(results, cheaper, server), result_of(results, dearer, server)
    if one.cpu is None or other.cpu is None:
        return None
    return (one.rows / one.cpu) / (other.rows / other.cpu)


def time_ratio(
    results: Sequence[Result], longer: str, shorter: str, server: str = "embedded"
) -> float | None:
    """Return the ratio of two wall times, or None if one is missing."""
    one, other = result_of(results, longer, server).seconds, result_of(results, shorter, server).seconds
    return None if one is None or other is None else one.median / other.median


def faster(name: str, results: Sequence[Result], one: str, other: str, *, least: float) -> Target:
    """That one contender is so many times as fast as another."""
    return Target(
        name,
        speed_ratio(results, one, other),
        least=least,
        work=work_ratio(results, one, other),
        stock=speed_ratio(results, one, other, "stock"),
    )


def chapter_lines(chapter: Chapter) -> Iterator[str]:
    """A case as Markdown."""
    yield f"\n## {chapter.title}\n"
    yield f"| contender | server | speed beside {chapter.beside} | rows/s | median s (least–most) | CPU s | rows per CPU s beside it | peak MiB |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for result in chapter.results:
        yield _result_line(chapter, result)
    for note in chapter.notes:
        yield f"\n{note}"


def _result_line(chapter: Chapter, result: Result) -> str:
    seconds, speed, cpu = result.seconds, result.speed, result.cpu
    if seconds is None or speed is None or cpu is None:
        return f"| {result.contender} | {result.server} | no time | {result.complaint} | | | | |"
    ratio = speed_ratio(chapter.results, result.contender, chapter.beside, result.server)
    work = work_ratio(chapter.results, result.contender, chapter.beside, result.server)
    return (
        f"| {result.contender} | {result.server} | {'–' if ratio is None else f'{ratio:.2f}'} | {speed:,.0f} "
        f"| {seconds.median:.2f} ({seconds.least:.2f}–{seconds.most:.2f}, {seconds.rounds} round{'s' if seconds.rounds > 1 else ''}) | {cpu:.2f} "
        f"| {'–' if work is None else f'{work:.2f}'} | {result.peak_bytes / 2**20:.0f} |"
    )


def target_lines(targets: Sequence[Target]) -> Iterator[str]:
    """All targets as Markdown."""
    yield "\n## Targets\n"
    yield "| | our server settings | by CPU seconds | stock server | target | |"
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    for target in targets:
        ratio, work, stock = map(_shown, (target.ratio, target.work, target.stock))
        yield f"| {target.name} | {ratio or '–'} | {work} | {stock} | {target.wanted} | {_verdict(target)} |"


def _shown(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def _verdict(target: Target) -> str:
    if target.ratio is None:
        return "not measured"
    return {True: "met", False: "missed", None: ""}[target.is_met]
