"""The spec of a Transform, parsed once at the edge; field by field that of ``config/crd/transforms.yaml``."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from fleet.errors import Terminal


class TransformError(Terminal):
    """A Transform that cannot be carried out as it is; the message names the field."""


class SourceType(StrEnum):
    """Where a module comes from."""

    EMBEDDED = "embedded"
    INLINE = "inline"
    CONFIGMAP = "configmap"
    GIT = "git"
    OCI = "oci"


class DeletionPolicy(StrEnum):
    """What happens to the CRD on the spokes when the Transform is deleted."""

    RETAIN = "Retain"
    DELETE = "Delete"


class PullSecretRef(msgspec.Struct, frozen=True, kw_only=True):
    """A Secret on the hub cluster."""

    name: str
    namespace: str


class CueRef(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``cueRef``: the module."""

    type: SourceType
    ref: str
    path: str = ""
    pull_secret_ref: PullSecretRef | None = None


class Placement(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``placement``: which spokes. The selector is read by the registry's selection."""

    cluster_selector: dict[str, Any] = {}


class ManagedResource(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One of ``managedResources``: what nodes are of. The hub has no use for it; ``fleet roles`` does."""

    api_group: str = ""
    resources: tuple[str, ...]


class Reach(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``reach``: what nodes may touch beyond the namespace of their instance."""

    cluster_scoped: bool = False
    namespaces: tuple[str, ...] = ()


class Policy(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a Transform lets its graphs do; kept in SQL beside the revision, where the hub cluster can be away."""

    reach: Reach = Reach()
    max_prune: str = "50%"
    suspend: bool = False


STRICTEST = Policy()
"""What holds where nothing is said."""


class TransformSpec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``spec`` of a Transform."""

    cue_ref: CueRef
    group: str = "platform.pequod.io"
    version: str = "v1alpha1"
    kind: str | None = None
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    placement: Placement = Placement()
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    reach: Reach = Reach()
    max_prune: int | str = "50%"
    suspend: bool = False
    managed_resources: tuple[ManagedResource, ...] = ()

    @property
    def policy(self) -> Policy:
        """What the Transform lets its graphs do."""
        return Policy(reach=self.reach, max_prune=str(self.max_prune), suspend=self.suspend)


def parse_spec(spec: object) -> TransformSpec:
    """Read ``spec`` of a Transform. Raises TransformError, which names the field."""
    try:
        return msgspec.convert(spec, TransformSpec)
    except msgspec.ValidationError as exc:
        raise TransformError(f"spec: {exc}") from exc
