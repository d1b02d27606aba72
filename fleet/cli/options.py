"""Options that several commands have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleet import settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

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


def cluster(command: Command) -> Command:
    """``--cluster NAME``, which has to be said."""
    return click.option("--cluster", required=True, metavar="NAME", help="A registered cluster.")(command)


def namespace(command: Command) -> Command:
    """``-n NAME``."""
    return click.option("-n", "--namespace", metavar="NAME", help="[default: that of the kubeconfig's context]")(
        command
    )


def output(forms: type[StrEnum]) -> Callable[[Command], Command]:
    """``-o FORM``, of which the first is the default."""
    names = [form.value for form in forms]
    return click.option("-o", "--output", type=click.Choice(names), default=names[0], show_default=True)


def read(**options: object) -> Settings:
    """The settings, with the options of a command over the environment."""
    return settings.read(os.environ, **options)
