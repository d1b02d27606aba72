"""Files that people name on the command line, ``-`` for standard input, and the manifests in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from fleet.cue.authoring import documents
from fleet.cue.authoring.documents import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from fleet.cue.authoring.documents import Document, Place

Manifest = dict[str, Any]

FILE = click.File(encoding="utf-8")
"""The type of an option that names such a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A manifest, and where it stands."""

    manifest: Manifest
    place: Place


def text_of(file: TextIO) -> str:
    """Everything in a file. Raises DocumentError where it is not UTF-8."""
    try:
        return file.read()
    except UnicodeDecodeError as exc:
        raise DocumentError(f"{file.name}: this is not UTF-8 text") from exc


def read(file: TextIO) -> list[Written]:
    """The manifests in a file: those of each document, and of each list that kubectl printed.

    Raises DocumentError where there is nothing, or something else.
    """
    found = documents.read_all(text_of(file), file=file.name)
    if not found:
        raise DocumentError(f"{file.name}: there is no manifest in it")
    return [_checked(value, place) for document in found for value, place in _members(document)]


def _members(document: Document) -> Iterator[tuple[Any, Place]]:
    match document.value:
        case {"kind": str(kind), "items": list(items)} if kind.endswith("List"):
            for at, item in enumerate(items):
                yield item, document.place(f"items[{at}]")
        case _:
            yield document.value, document.place("")


def _checked(value: Any, place: Place) -> Written:  # noqa: ANN401 - whatever YAML can say
    match value:
        case {"apiVersion": str(), "kind": str(), "metadata": {"name": str(), **rest}}:
            if not isinstance(rest.get("namespace"), str | None):
                raise DocumentError(f"{place}: metadata.namespace: expected a string; put it in quotes")
            return Written(manifest=value, place=place)
        case _:
            raise DocumentError(f"{place}: this is no manifest: it needs apiVersion, kind and metadata.name")
