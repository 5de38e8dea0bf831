"""The progress bar: its text, the moment it appears, and its silence without a terminal."""

import io
import os
import pty
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from hypothesis import given
from hypothesis import strategies as st

from flows.output.progress import NoDisplay
from flows.output.progress_bar import ProgressBar, Tally, duration, import_progress

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen:
    """A terminal's other end: what was shown on it."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        self.stream: TextIO = os.fdopen(theirs, "w", buffering=1)
        self._shown = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                block = os.read(self._ours, 65536)
            except OSError:
                return
            if not block:
                return
            self._shown += block

    def close(self) -> None:
        self.stream.close()
        self._reader.join(5)
        os.close(self._ours)

    @property
    def text(self) -> str:
        return ESCAPES.sub("", self._shown.decode())


@contextmanager
def screen() -> Iterator[Screen]:
    shown = Screen()
    try:
        yield shown
    finally:
        if not shown.stream.closed:
            shown.close()


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    """In a pipe or a log file there is no bar, however long the import takes."""
    stream = io.StringIO()
    with import_progress(stream, quiet_seconds=0) as display:
        assert isinstance(display, NoDisplay)
        display.file("a.jsonl", size=10)(1, 10)
        with display.stage("deduplicating"):
            time.sleep(0.05)
    assert stream.getvalue() == ""


def test_what_is_quick_stays_quiet() -> None:
    """An import that ends before the bar's moment leaves not a byte on the terminal."""
    with screen() as shown:
        with import_progress(shown.stream, quiet_seconds=5) as display:
            display.file("a.jsonl", size=10)(1, 10)
        shown.close()
        assert shown.text == ""


def test_a_long_import_shows_rows_rate_share_and_time_left() -> None:
    """The bar says how many rows, how fast, which share of the bytes and how long it will take yet; then it goes."""
    with screen() as shown:
        with import_progress(shown.stream, quiet_seconds=0.05) as display:
            chunk_loaded = display.file("a.jsonl", size=4_000_000)
            for part in range(1, 4):
                time.sleep(0.15)
                chunk_loaded(10_000, part * 1_000_000)
            time.sleep(0.3)
        shown.close()
        assert re.search(r"loading .*30,000 rows · [\d,]+ rows/s · 75 % · 0:0\d left", shown.text), shown.text


def test_several_files_say_which_one_has_begun() -> None:
    """With many files, the bar says the number of the last that has begun, and fits into 80 columns."""
    with screen() as shown:
        with import_progress(shown.stream, quiet_seconds=0.05) as display:
            display.expect(4_000_000_000, files=730)
            for number in range(182):
                chunk_loaded = display.file(f"{number}.jsonl", size=4_000_000)
                chunk_loaded(549_451, 2_000_000)
            time.sleep(0.3)
        shown.close()
        assert re.search(r"file 182 of 730 .*100,000,082 rows · .* · 9 % · .* left", shown.text), shown.text


def test_what_was_loaded_before_a_pause_makes_no_rate() -> None:
    """After resuming, rows and share start where the import stands, and the rate counts what has been loaded since."""
    tally = Tally()
    tally.begin(1_000, now=100)
    tally.resume("a", rows=500, bytes_read=500, now=100)
    tally.begin(1_000, now=100)
    tally.resume("b", rows=10, bytes_read=10, now=100)
    assert (tally.rows, tally.bytes_read, tally.rate()) == (510, 510, (0, 0))
    tally.add("a", rows=20, bytes_read=520, now=110)
    assert tally.rate() == (2, 2)


def test_a_stage_without_a_number_shows_its_name() -> None:
    """While an import deduplicates, the bar says so, and how long it has been at it."""
    with screen() as shown:
        with import_progress(shown.stream, quiet_seconds=0.05) as display:
            display.file("a.jsonl", size=10)(1_234, 10)
            with display.stage("deduplicating, rolling up, publishing"):
                time.sleep(0.5)
        shown.close()
        assert re.search(r"deduplicating, rolling up, publishing .*1,234 rows · 0:0\d", shown.text), (
            shown.text
        )


def test_several_files_side_by_side_are_one_bar() -> None:
    """Chunks of several files, reported from several threads, add up; none is lost and none counted twice."""
    with screen() as shown:
        with import_progress(shown.stream, quiet_seconds=0) as display:
            assert isinstance(display, ProgressBar)
            callbacks = [display.file(f"{name}.jsonl", size=1_000) for name in range(4)]

            def load(place: int) -> None:
                for read in range(10, 1_001, 10):
                    callbacks[place](7, read)

            threads = [threading.Thread(target=load, args=(place,)) for place in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert (display.tally.rows, display.tally.bytes_read) == (4 * 100 * 7, 4_000)
            assert display.tally.share == 100
        shown.close()


def test_a_hostile_name_of_a_stage_cannot_command_the_terminal() -> None:
    """Control characters in what is shown are spelt out."""
    with screen() as shown:
        with (
            import_progress(shown.stream, quiet_seconds=0.02) as display,
            display.stage("a\x1b]0;owned\x07b"),
        ):
            time.sleep(0.3)
        shown.close()
        assert "]0;owned\x07" not in shown.text
        assert "\\x1b]0;owned\\x07" in shown.text


@given(
    sizes=st.lists(st.integers(0, 10**13), min_size=1, max_size=5),
    steps=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 10**6), st.integers(0, 10**13), st.floats(0, 60))
    ),
)
def test_the_share_never_passes_a_hundred_and_never_falls(
    sizes: list[int], steps: list[tuple[int, int, int, float]]
) -> None:
    """Whatever order chunks come in, the share of the bytes is between 0 and 100 and only rises; the words always come."""
    tally, now, last = Tally(), 0.0, 0
    for size in sizes:
        tally.begin(size, now=now)
    for place, rows, read, passed in steps:
        name = place % len(sizes)
        now += passed
        tally.add(str(name), rows=rows, bytes_read=min(read, sizes[name]), now=now)
        assert last <= tally.share <= 100
        assert tally.text().startswith(f"{tally.rows:,} rows")
        last = tally.share


def test_a_span_of_time_reads_like_a_clock() -> None:
    """Seconds, minutes and hours as on a clock."""
    assert [duration(seconds) for seconds in (-1, 0, 7.4, 59.6, 750, 11_100)] == [
        "0:00",
        "0:00",
        "0:07",
        "1:00",
        "12:30",
        "3:05:00",
    ]
