"""Why the hub leaves the instances of a kind on a cluster alone, as far as SQL knows: no status would tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleet.cli import databases
from fleet.registry.repository import ClusterRepository
from fleet.transforms.repository import RolloutState, TransformRepository

if TYPE_CHECKING:
    from fleet.cli.onecluster import Kind
    from fleet.ids import ClusterName
    from fleet.registry.clusters import Registration
    from fleet.transforms.repository import Revision, Rollout


async def find(url: str, *, cluster: ClusterName, kind: Kind) -> str:
    """The reason, or nothing where the instances are looked after. Raises UnknownCluster."""
    async with databases.reading(url) as database:
        registration = await ClusterRepository(database).get(cluster)
        transforms = TransformRepository(database)
        revision = next((each for each in await transforms.all_latest() if _stands_for(each, kind)), None)
        rollouts = await transforms.rollouts(revision.transform) if revision else ()
    rollout = next((each for each in rollouts if each.cluster == cluster), None)
    return of_cluster(registration) or of_kind(kind, revision, rollout, cluster=cluster)


def of_cluster(registration: Registration) -> str:
    """Why the hub does nothing on a cluster."""
    name, health = registration.cluster.name, registration.health
    if registration.detached_at:
        return f"cluster {name} has left the fleet: its cluster file is gone"
    if registration.cluster.suspend:
        return f"cluster {name} is suspended by its cluster file"
    if health is not None and not health.reachable:
        return f"the hub does not reach cluster {name}: {health.reason}"
    return ""


def of_kind(kind: Kind, revision: Revision | None, rollout: Rollout | None, *, cluster: ClusterName) -> str:
    """Why the hub does nothing about a kind on a cluster."""
    if revision is None:
        return f"no Transform in force stands for {kind.name} ({kind.plural}.{kind.api_version})"
    transform = f"Transform {revision.transform}"
    if rollout is None or rollout.state is RolloutState.WITHDRAWN:
        return f"the {transform} does not select cluster {cluster}"
    if rollout.state is RolloutState.READY:
        return ""
    return f"the {transform} is not rolled out to cluster {cluster}: {rollout.reason}"


def _stands_for(revision: Revision, kind: Kind) -> bool:
    return (revision.resource.api_version, revision.resource.plural) == (kind.api_version, kind.plural)
