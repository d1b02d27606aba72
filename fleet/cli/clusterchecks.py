"""Whether the hub can work on the clusters: each is connected to as the hub does it, and nothing is written."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NoReturn

from fleet.cli import permissions
from fleet.cli.checks import failed, warned, well
from fleet.errors import FleetError, Terminal
from fleet.hub.hubclient import HubAway, HubClient
from fleet.ids import TransformName
from fleet.kube.client import ClusterClient
from fleet.kube.errors import ConnectionConfigError
from fleet.kube.session import open_session
from fleet.registry.clusters import Role
from fleet.watch.backlog import Backlog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.cli.checks import Check
    from fleet.kube.writes import OperationId, Write, WriteOutcome
    from fleet.registry.clusters import Cluster

_AT_ONCE = 20
_TIMEOUT_S = 30.0


class _ReadOnly:
    """A write log that lets nothing be written (kube.writes.WriteLog)."""

    async def intend(self, write: Write) -> OperationId:
        """Refuse."""
        raise Terminal(f"only looking, so no {write.verb} of {write.ref}")

    def conclude(self, operation: OperationId, write: Write, outcome: WriteOutcome) -> NoReturn:
        """Never called, since nothing is ever begun."""
        raise AssertionError(f"{operation} was never begun: {write} {outcome}")


async def all_of(clusters: Sequence[Cluster]) -> list[Check]:
    """A check of each cluster, in their order. Credentials that are on the hub cluster are read there."""
    hub_client = HubClient()
    turns = asyncio.Semaphore(_AT_ONCE)

    async def check(cluster: Cluster) -> Check:
        async with turns:
            return await _one(cluster, hub_client)

    async with AsyncExitStack() as stack:
        await _connect_hub(clusters, hub_client, stack)
        return list(await asyncio.gather(*map(check, clusters)))


async def _connect_hub(clusters: Sequence[Cluster], hub_client: HubClient, stack: AsyncExitStack) -> None:
    hub = next((each for each in clusters if Role.HUB in each.roles), None)
    if hub is None:
        return
    try:
        session = await stack.enter_async_context(open_session(hub.connection, read_secret=hub_client.read_secret))
    except FleetError:
        return  # its own check tells why
    client = ClusterClient(hub.name, session, _ReadOnly())
    stack.enter_context(hub_client.connected(client, Backlog[TransformName]("transforms")))


async def _one(cluster: Cluster, hub_client: HubClient) -> Check:
    subject = f"cluster {cluster.name}"
    if cluster.suspend:
        return warned(subject, "suspended: the hub only looks whether it is there")
    wanted = permissions.needed(cluster.roles)
    try:
        async with (
            asyncio.timeout(_TIMEOUT_S),
            open_session(cluster.connection, read_secret=hub_client.read_secret) as session,
        ):
            version = await ClusterClient(cluster.name, session, _ReadOnly()).version()
            refused = await permissions.refused(session, wanted, cluster=cluster.name)
    except TimeoutError:
        return failed(subject, f"no answer within {_TIMEOUT_S:g} s", advice=_REACH)
    except ConnectionConfigError as exc:
        return failed(subject, str(exc), advice=_CORRECT)
    except HubAway as exc:
        return failed(subject, str(exc), advice=_HUB_FIRST)
    except FleetError as exc:
        return failed(subject, str(exc), advice=_REACH)
    roles = " and ".join(sorted(cluster.roles))
    if refused:
        told = ", ".join(map(str, refused))
        folders = " and ".join(f"config/rbac/{role}" for role in sorted(cluster.roles))
        return failed(
            subject,
            f"{version} answers, but the hub may not: {told}",
            advice=f"bind the ClusterRoles of {folders} to the user that the hub is there",
        )
    return well(subject, f"{version} answers, and the hub may do all that the role {roles} needs")


_CORRECT = "correct the connection in the cluster file, or what it names"
_HUB_FIRST = "see to the cluster with the role hub first: what this one's connection names is there"
_REACH = "see that the API server runs and can be reached from here, and that the credential is in force"
