"""Objects as they come from an API server: the header decoded and typed, the rest kept as bytes.

A watch delivers thousands of objects of which most are looked at once, by name and version. Decoding only the
header costs a fifth of decoding everything, and bytes are the smallest form in which to keep the rest.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from fleet.kube.resources import ObjectRef


class OwnerReference(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``metadata.ownerReferences[]``."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False


class ObjectMeta(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The part of ``metadata`` that controllers decide by."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()
    deletion_timestamp: str | None = None
    creation_timestamp: str | None = None

    def same_but_version(self, other: ObjectMeta) -> bool:
        """Whether nothing but the resource version differs: a status may, where it is a subresource."""
        return msgspec.structs.replace(self, resource_version="") == msgspec.structs.replace(
            other, resource_version=""
        )


class _Header(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta


_header = msgspec.json.Decoder(_Header)


KEPT_DECODED = 2048
"""Bodies that are kept decoded, in all: as Python's own objects they take ten times the memory of their bytes."""

_decoded: deque[LiveObject] = deque(maxlen=KEPT_DECODED)


class LiveObject:
    """One object as an API server last showed it. Immutable; ``body`` is decoded when first asked for."""

    __slots__ = ("_body", "api_version", "kind", "meta", "raw")

    def __init__(self, *, api_version: str, kind: str, meta: ObjectMeta, raw: bytes) -> None:
        self.api_version = api_version
        self.kind = kind
        self.meta = meta
        self.raw = raw
        self._body: dict[str, Any] | None = None

    @classmethod
    def decode(cls, raw: bytes | msgspec.Raw, *, api_version: str = "", kind: str = "") -> LiveObject:
        """Read one object; items of a list carry no type of their own, so the caller names it.

        Raises msgspec.DecodeError where ``raw`` is no Kubernetes object.
        """
        header = _header.decode(raw)
        return cls(
            api_version=header.api_version or api_version,
            kind=header.kind or kind,
            meta=header.metadata,
            raw=bytes(raw),
        )

    @property
    def body(self) -> dict[str, Any]:
        """The whole object. Shared: read it, never change it."""
        if self._body is None:
            if len(_decoded) == KEPT_DECODED:
                _decoded[0]._body = None  # noqa: SLF001 - one of ours
            _decoded.append(self)
            body: dict[str, Any] = msgspec.json.decode(self.raw)
            body.setdefault("apiVersion", self.api_version)
            body.setdefault("kind", self.kind)
            self._body = body
        return self._body

    @property
    def ref(self) -> ObjectRef:
        """Which object this is."""
        return ObjectRef(
            api_version=self.api_version, kind=self.kind, namespace=self.meta.namespace, name=self.meta.name
        )

    @property
    def deleting(self) -> bool:
        """Deletion was asked for, and finalizers hold the object."""
        return self.meta.deletion_timestamp is not None

    @property
    def version(self) -> int:
        """The resource version, by which the states of one resource type are ordered (KEP-5504).

        0 where it is no number, as an aggregated API may have it: such states cannot be ordered.
        """
        return version_number(self.meta.resource_version)

    def __repr__(self) -> str:
        return f"<{self.ref} at {self.meta.resource_version}>"


def version_number(resource_version: str) -> int:
    """A resource version as a number, 0 where it is none."""
    return int(resource_version) if resource_version.isdecimal() else 0


class _ListMeta(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, frozen=True, kw_only=True):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list; ``continue_token`` is empty on the last."""

    objects: list[LiveObject]
    resource_version: str
    continue_token: str


_list = msgspec.json.Decoder(_List)


def decode_page(raw: bytes, *, api_version: str, kind: str) -> Page:
    """Read one page of a list of ``kind``."""
    page = _list.decode(raw)
    return Page(
        objects=[LiveObject.decode(item, api_version=api_version, kind=kind) for item in page.items or ()],
        resource_version=page.metadata.resource_version,
        continue_token=page.metadata.continue_,
    )
