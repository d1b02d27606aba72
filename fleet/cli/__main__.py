"""``python -m fleet.cli``: the command line of this very interpreter, whatever ``fleet`` is on PATH."""

from fleet.cli import main

main(prog_name="fleet")
