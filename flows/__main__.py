"""``python -m flows`` is ``usage-import``."""

from flows.cli import main

main()
