"""Run the command line, so that ``python -m flows`` is ``usage-import``."""

from flows.commands.app import main

main()
