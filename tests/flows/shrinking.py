"""Shrink a world on which the two readings disagree, as long as they disagree on the same part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy

from tests.reference.world import World

Same = Callable[[World], bool]


def shrunk(world: World, is_same: Same, *, most_tries: int = 400) -> World:
    """Return the smallest world found by leaving things out, within a number of tries."""
    tries = 0
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(world):
            tries += 1
            if tries > most_tries:
                return world
            if is_same(smaller):
                world, progress = smaller, True
                break
    return world


def _smaller(world: World) -> Iterator[World]:
    for place in reversed(range(1, len(world.steps))):
        candidate = deepcopy(world)
        del candidate.steps[place]
        yield _without_unread(candidate)
    for place, step in enumerate(world.steps):
        for file in step.files if len(step.files) > 1 else ():
            candidate = deepcopy(world)
            candidate.steps[place].files.remove(file)
            yield _without_unread(candidate)
    for place, export in enumerate(world.exports):
        size = len(export.rows)
        part = size // 2
        while part:
            for start in range(0, size, part):
                candidate = deepcopy(world)
                del candidate.exports[place].rows[start : start + part]
                if candidate.exports[place].rows:
                    yield candidate
            part //= 2
    yield from _with_less_catalog(world)


def _with_less_catalog(world: World) -> Iterator[World]:
    for place, step in enumerate(world.steps):
        for kind in ("contracts", "customers", "meters", "plans"):
            for number in range(len(getattr(step.documents, kind, ()))):
                candidate = deepcopy(world)
                del getattr(candidate.steps[place].documents, kind)[number]
                yield candidate


def _without_unread(world: World) -> World:
    read = {name for step in world.steps for name in step.files}
    world.exports = [export for export in world.exports if export.name in read]
    return world
