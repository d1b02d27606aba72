"""The instance that a module is tried with: a spec on disk, or a whole manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fleet.cue.authoring import documents
from fleet.cue.authoring.documents import DocumentError
from fleet.cue.contract import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cue.authoring.documents import Document, Place

NAME, NAMESPACE = "example", "default"

_MANIFEST = frozenset({"apiVersion", "kind", "spec"})


class _Metadata(msgspec.Struct, frozen=True, kw_only=True):
    name: str = NAME
    namespace: str = NAMESPACE
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    spec: Json
    metadata: _Metadata = _Metadata()


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenInstance:
    """An instance as somebody wrote it, with what it does not say filled in."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: Json
    document: Document
    whole: bool
    """Whether the document is a manifest, in which the spec is a part."""

    def place(self, path: str) -> Place | None:
        """Where the file says what ``path`` of ``#Render.input`` names. None where it is not the file's."""
        if self.whole:
            return self.document.place(path)
        outer, _, inner = path.partition(".")
        return self.document.place(inner) if outer == "spec" else None


def read(text: str, *, file: str) -> WrittenInstance:
    """Read a spec, or a manifest with ``apiVersion``, ``kind`` and ``spec``. Raises DocumentError."""
    document = documents.read_one(text, file=file)
    whole = document.value.keys() >= _MANIFEST
    manifest = _converted(document) if whole else _Manifest(spec=document.value)
    return WrittenInstance(
        name=manifest.metadata.name,
        namespace=manifest.metadata.namespace,
        labels=manifest.metadata.labels,
        annotations=manifest.metadata.annotations,
        spec=manifest.spec,
        document=document,
        whole=whole,
    )


def read_observed(text: str, *, file: str) -> dict[str, Json]:
    """Live objects by node id. Raises DocumentError."""
    document = documents.read_one(text, file=file)
    for node, live in document.value.items():
        if not isinstance(live, dict):
            raise DocumentError(
                f"{document.place(str(node))}: {node}: expected the live object of this node; "
                "the file maps node ids to objects"
            )
    observed: dict[str, Json] = document.value
    return observed


def _converted(document: Document) -> _Manifest:
    try:
        return msgspec.convert(document.value, _Manifest)
    except msgspec.ValidationError as exc:
        raise misfit(exc, document) from exc


def misfit(exc: msgspec.ValidationError, document: Document) -> DocumentError:
    """What msgspec says of a document, at its place."""
    problem, _, path = str(exc).partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    return DocumentError(": ".join(part for part in (str(document.place(path)), path, problem) if part))
