"""What the registry knows about a cluster, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from fleet.ids import ClusterName
    from fleet.kube.connection import ConnectionRef


class Role(StrEnum):
    """What a cluster is to the fleet."""

    HUB = "hub"
    """Holds the Transforms."""
    SPOKE = "spoke"
    """Runs instances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster as its file describes it."""

    name: ClusterName
    labels: Mapping[str, str]
    roles: frozenset[Role]
    connection: ConnectionRef
    suspend: bool
    file: Path
    file_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What one look at a cluster found: ``reason`` says why it is not reachable, ``version`` is its Kubernetes."""

    reachable: bool
    reason: str | None = None
    version: str | None = None
    checked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A cluster as SQL remembers it. ``health`` is None until it was looked at."""

    cluster: Cluster
    registered_at: datetime
    updated_at: datetime
    detached_at: datetime | None
    health: Health | None
    last_seen_at: datetime | None
