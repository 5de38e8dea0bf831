"""``python -m flows`` is ``usage-import``."""

from flows.commands.app import main

main()
