"""Which resource a person means: ``ws``, ``webservices``, ``WebService`` or ``webservices.apps.mycompany.com``."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import msgspec

from fleet.cli.onecluster import Kind
from fleet.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fleet.cli.onecluster import OneCluster

# Everything that a server has in two answers: aggregated discovery, which API servers have since Kubernetes 1.30.
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class NoSuchKind(Terminal):
    """The cluster does not serve what was asked for."""


class _ResponseKind(msgspec.Struct, frozen=True, kw_only=True):
    kind: str = ""


class _Resource(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    resource: str
    response_kind: _ResponseKind | None = None
    scope: str
    singular_resource: str = ""
    short_names: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return self.response_kind.kind if self.response_kind else ""

    def is_called(self, name: str) -> bool:
        return name.lower() in {self.resource, self.singular_resource, self.kind.lower(), *self.short_names}


class _Version(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    resources: tuple[_Resource, ...] = ()


class _Name(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""


class _Group(msgspec.Struct, frozen=True, kw_only=True):
    metadata: _Name
    versions: tuple[_Version, ...]


class _Groups(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[_Group, ...]


def find(cluster: OneCluster, text: str) -> Kind:
    """The kind that somebody calls ``text``, in the version that the server prefers. Raises NoSuchKind."""
    name, _, group = text.partition(".")
    served = list(_served(cluster))
    for api_version, resource in served:
        if resource.is_called(name) and (not group or group == api_version.rpartition("/")[0]):
            return _kind(api_version, resource)
    raise NoSuchKind(f"cluster {cluster.name} serves nothing called {text!r}{_hint(name, served)}")


def _hint(name: str, served: Iterable[tuple[str, _Resource]]) -> str:
    """What may be meant; else what the kinds of the fleet need to be served."""
    known = {each.resource: api_version.rpartition("/")[0] for api_version, each in served}
    for close in difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.8):
        return f"; did you mean {'.'.join(filter(None, (close, known[close])))}?"
    return ": is its CRD installed?"


def of(cluster: OneCluster, api_version: str, kind: str) -> Kind:
    """The kind of a manifest. Raises NoSuchKind."""
    for served, resource in _served(cluster):
        if (served, resource.kind) == (api_version, kind):
            return _kind(served, resource)
    raise NoSuchKind(f"cluster {cluster.name} serves no {kind} in {api_version}: is its CRD installed?")


def _served(cluster: OneCluster) -> Iterator[tuple[str, _Resource]]:
    for root in ("/api", "/apis"):
        for group in msgspec.convert(cluster.document(root, accept=_AGGREGATED), _Groups).items:
            for version in group.versions:
                name = group.metadata.name
                api_version = f"{name}/{version.version}" if name else version.version
                for resource in version.resources:
                    yield api_version, resource


def _kind(api_version: str, resource: _Resource) -> Kind:
    return Kind(
        api_version=api_version,
        plural=resource.resource,
        namespaced=resource.scope == "Namespaced",
        name=resource.kind,
    )
