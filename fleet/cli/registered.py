"""The way from a cluster's name to the cluster: SQL knows how each registered one is reached."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fleet.cli import databases, options
from fleet.cli.onecluster import OneCluster
from fleet.ids import ClusterName
from fleet.registry.repository import ClusterRepository

if TYPE_CHECKING:
    from fleet.registry.clusters import Registration


def connect(cluster: str, database_url: str | None) -> OneCluster:
    """A registered cluster, to be closed after. Raises UnknownCluster."""
    url = options.read(database_url=database_url).database
    registration = asyncio.run(_registration(url, ClusterName(cluster)))
    return OneCluster(cluster, registration.cluster.connection)


async def _registration(url: str, name: ClusterName) -> Registration:
    async with databases.reading(url) as database:
        return await ClusterRepository(database).get(name)
