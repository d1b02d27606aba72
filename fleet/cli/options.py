"""Options that several commands have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleet import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.settings import Settings

    Command = Callable[..., Any]


def database(command: Command) -> Command:
    """``--database URL``."""
    return click.option(
        "--database",
        "database_url",
        metavar="URL",
        help="sqlite:///path or postgresql://user:password@host/name  [default: SQLite in the data folder]",
    )(command)


def clusters(command: Command) -> Command:
    """``--clusters FOLDER``."""
    return click.option(
        "--clusters",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of cluster files.  [default: clusters]",
    )(command)


def read(**options: object) -> Settings:
    """The settings, with the options of a command over the environment."""
    return settings.read(os.environ, **options)
