"""A process that lives as long as its parent: `python -m flows.lifeline MODULE [ARGUMENT…]` runs a module until then.

The parent holds the other end of standard input. Whatever ends the parent, a `kill -9` too, closes it, and the whole
process group ends.
"""

import os
import runpy
import signal
import sys
import threading
import time
from typing import Final

GRACE_SECONDS: Final = 3


def main() -> None:
    """Run the module named by the arguments as a program."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def end_with_parent() -> None:
    """Wait until the parent is gone; then end the group, first as asked, then for certain."""
    while os.read(0, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
