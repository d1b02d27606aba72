"""Arguments and options that several commands of the group have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., Any]


def where(command: Command) -> Command:
    """``[DIR]``."""
    return click.argument("where", metavar="[DIR]", default=".")(command)


def optional_where(command: Command) -> Command:
    """``[DIR]`` before an argument that is required."""
    return click.argument("where", metavar="[DIR]", nargs=-1, callback=_one_or_this)(command)


def _one_or_this(ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> str:  # noqa: ARG001
    if len(given) > 1:
        raise click.UsageError(f"expected one folder, found {' '.join(given)}", ctx=ctx)
    return given[0] if given else "."


def transform(command: Command) -> Command:
    """What of the CRD the Transform decides."""
    group = click.option(
        "--group", default="platform.pequod.io", show_default=True, help="spec.group of the Transform."
    )
    version = click.option(
        "--version", default="v1alpha1", show_default=True, help="spec.version of the Transform."
    )
    return group(version(command))
