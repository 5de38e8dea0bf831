"""One of our commands with its stages timed from inside: ``staged.py run …``, seconds by stage into BENCH_STAGES."""

import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from flows.commands.app import app
from flows.imports import finish, recompute, run

STAGES = {
    run: ("identify_sources", "load_files", "finish_import"),
    recompute: ("publish",),
    finish: ("deduplicate_import", "list_removed_events", "merge", "publish"),
}
"""Functions timed by the module that calls them; a function that is gone has no time."""


def watch(module: ModuleType, name: str, seconds: dict[str, float]) -> None:
    """Add up the seconds spent in a function."""
    stage: Callable[..., Any] | None = getattr(module, name, None)
    if stage is None:
        return

    @functools.wraps(stage)
    def watched(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return stage(*arguments, **named)
        finally:
            seconds[name] = seconds.get(name, 0) + time.perf_counter() - started

    setattr(module, name, watched)


def main() -> None:
    """Run the command, then write the seconds of each stage."""
    seconds: dict[str, float] = {}
    for module, names in STAGES.items():
        for name in names:
            watch(module, name, seconds)
    try:
        app()
    finally:
        Path(os.environ["BENCH_STAGES"]).write_text(json.dumps(seconds))


if __name__ == "__main__":
    main()
