"""What identifies a resource type and an object on an API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fleet.kube.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One served resource: where its objects live and what their kind is called."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """``apiVersion`` as manifests write it: ``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of the collection, of one object, or of a subresource of one object.

        Raises Invalid where a name would lead elsewhere: names come from modules, and whoever wrote those need
        not be trusted.
        """
        parts = ["namespaces", namespace] if self.namespaced and namespace is not None else []
        parts += [part for part in (self.plural, name, subresource) if part is not None]
        return f"{group_path(self.api_version)}/{'/'.join(map(_segment, parts))}"

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}/{self.version}" if self.group else f"{self.plural}/{self.version}"


def group_path(api_version: str) -> str:
    """The URL path under which a group and version are served."""
    group, _, version = api_version.rpartition("/")
    return f"/apis/{_segment(group)}/{_segment(version)}" if group else f"/api/{_segment(version)}"


def _segment(text: str) -> str:
    if text in ("", ".", ".."):
        raise Invalid(f"{text!r} is no name that an object, a namespace or an API group can have")
    return quote(text, safe="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    """One object on one cluster. ``namespace`` is empty for cluster-scoped objects."""

    api_version: str
    kind: str
    namespace: str = ""
    name: str

    @classmethod
    def of(cls, manifest: dict[str, Any]) -> ObjectRef:
        """The reference to a manifest that has ``apiVersion``, ``kind`` and ``metadata.name``."""
        metadata = manifest["metadata"]
        return cls(
            api_version=manifest["apiVersion"],
            kind=manifest["kind"],
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
        )

    @property
    def group(self) -> str:
        """The API group, empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.kind} {self.name}{where}"
