"""How to reach a cluster, as a value: registrations carry it, and only this room turns it into a session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - msgspec and the repository resolve the annotation at run time


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeconfigRef:
    """A context of a kubeconfig file; ``context`` None is its current one."""

    path: Path
    context: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InCluster:
    """The service account of the pod that the hub runs in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """A Secret on the hub cluster whose ``key`` holds a kubeconfig."""

    namespace: str
    name: str
    key: str = "kubeconfig"


ConnectionRef = KubeconfigRef | InCluster | SecretRef
