"""JSON for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from datetime import datetime


def json(document: object) -> None:
    """Print a JSON document, indented."""
    click.echo(msgspec.json.format(msgspec.json.encode(document)))


def json_line(document: object) -> None:
    """Print a JSON document in one line."""
    click.echo(msgspec.json.encode(document))


def known(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON can hold
    """An object of the fields that are known."""
    return {name: value for name, value in fields.items() if value is not None}


def moment(at: datetime | None) -> str | None:
    """A time as Kubernetes writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
