"""Random worlds: a catalog, exports of several files, and the commands that import them.

A seed determines a world. Files are bytes, so both readings must find out what they mean.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta

from tests.reference.world import Step, World
from tests.reference.world_files import FileMaker
from tests.reference.world_values import DAY, ERAS, HOUR


def make_world(seed: int, *, rows: int = 200, files: int = 3) -> World:
    """Return the world of a seed, with `rows` rows in `files` files."""
    return _Maker(seed).world(rows, files)


class _Maker(FileMaker):
    """The steps of a world, in order."""

    def world(self, rows: int, files: int) -> World:
        self.steps.append(Step("catalog", self.clock - DAY, deepcopy(self.make_catalog())))
        for size in self.pick(([files], [1] * files, [1, files - 1], [files - 1, 1])):
            if self.exports and self.chance(0.25):
                self.steps.append(Step("catalog", self.clock, self.changed_catalog()))
            self.add_run(size, rows // files)
            if self.chance(0.1):
                self.steps.append(Step("zone", self.clock, zone=self.pick(ERAS)[0]))
            if self.chance(0.15):
                self.steps.append(Step("rollup", self.clock + self.pick((-1, 5, 40)) * DAY))
            self.advance()
        if self.chance(0.3):
            again = self.pick([step for step in self.steps if step.command == "run"])
            limit = self.pick((None, "100%"))
            self.steps.append(Step("run", self.clock, None, again.files[:2], again.mapping, limit))
        if self.chance(0.25):
            self.steps.append(Step("catalog", self.clock, self.changed_catalog()))
            self.steps.append(Step("rollup", self.clock))
        return World(self.seed, self.zone, self.steps, self.exports)

    def add_run(self, files: int, rows: int) -> None:
        """A run over new files, perhaps an old one among them; perhaps the same again with a higher limit."""
        mapped = self.mapping() if self.chance(0.3) else None
        settings = self.settings() if mapped is None and self.chance(0.15) else None
        run = Step("run", self.clock, mapping=mapped.text() if mapped else settings)
        known = [export.name for export in self.exports if not export.is_mapped]
        if known and run.mapping is None and self.chance(0.3):
            run.files.append(self.pick(known))
        for _ in range(files):
            drafts = [self.next_draft() for _ in range(rows)]
            if self.older and self.chance(0.6):
                overlap = self.random.randint(1, len(drafts) // 2)
                drafts = deepcopy(self.older[-overlap:]) + drafts[overlap:]
            self.older = drafts
            number = len(self.exports)
            export = self.mapped_export(number, mapped, drafts) if mapped else self.export(number, drafts)
            export.is_mapped = run.mapping is not None
            self.exports.append(export)
            run.files.insert(self.random.randint(0, len(run.files)), export.name)
        run.most_rejected = self.pick((None, "60%", "100%"))
        self.steps.append(run)
        if self.bad_share > 0.05 and self.chance(0.5):
            self.advance()
            self.steps.append(
                Step("run", self.clock, files=list(run.files), mapping=run.mapping, most_rejected="90%")
            )

    def advance(self) -> None:
        self.clock += self.pick(
            (timedelta(0), HOUR, 3 * DAY, 20 * DAY, 31 * DAY, timedelta(days=7, microseconds=5))
        )
