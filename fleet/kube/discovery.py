"""Which resource type serves a kind, asked of the cluster itself and remembered.

A kind that is not found is never remembered as missing: its CRD may be installed a moment later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fleet.errors import Transient
from fleet.kube.errors import NotFound, mapped_decode_errors
from fleet.kube.resources import ResourceType, group_path

if TYPE_CHECKING:
    from fleet.kube.client import ClusterClient


class UnknownKind(Transient):
    """The cluster does not serve this kind (yet)."""


class _Resource(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: str
    namespaced: bool


class _ResourceList(msgspec.Struct, frozen=True, kw_only=True):
    resources: list[_Resource]


_resource_list = msgspec.json.Decoder(_ResourceList)


class Discovery:
    """The resource types of one cluster."""

    def __init__(self, client: ClusterClient) -> None:
        self._client = client
        self._known: dict[tuple[str, str], ResourceType] = {}

    async def resource_type(self, api_version: str, kind: str) -> ResourceType:
        """The resource type of a manifest's ``apiVersion`` and ``kind``.

        Raises UnknownKind where the cluster does not serve it, which a CRD may change.
        """
        if known := self._known.get((api_version, kind)):
            return known
        for resource in await self._served(api_version):
            self._known[(api_version, resource.kind)] = resource
        if (api_version, kind) not in self._known:
            raise UnknownKind(
                f"cluster {self._client.name} serves no {kind} in {api_version}: "
                f"is its CustomResourceDefinition installed?",
                retry_after=5.0,
            )
        return self._known[(api_version, kind)]

    def forget(self, api_version: str, kind: str) -> None:
        """Ask again next time: the kind's CRD changed, or went."""
        self._known.pop((api_version, kind), None)

    async def _served(self, api_version: str) -> list[ResourceType]:
        group, _, version = api_version.rpartition("/")
        try:
            raw = await self._client.document(group_path(api_version))
        except NotFound:
            return []
        with mapped_decode_errors(self._client.name, f"the resources of {api_version}"):
            document = _resource_list.decode(raw)
        return [
            ResourceType(
                group=group, version=version, kind=found.kind, plural=found.name, namespaced=found.namespaced
            )
            for found in document.resources
            if "/" not in found.name  # a subresource
        ]
