"""The command line: parse, call, print. Everything else is a room's."""

from fleet.cli.main import main

__all__ = ["main"]
