"""What the demo shows, step by step. It goes on only when what it has told has happened."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import yaml

from fleet.audit.query import Filter, Order
from fleet.cli import databases, operations, times, trail
from fleet.cli.demo import sights
from fleet.cli.demo.narrator import Event, Sight
from fleet.cli.demo.stage import CLUSTERS, HUB, SPOKES
from fleet.cli.onecluster import Kind, OneCluster
from fleet.cli.trail import Result
from fleet.kube.connection import KubeconfigRef
from fleet.registry.repository import ClusterRepository
from fleet.shipped import shipped

if TYPE_CHECKING:
    from fleet.cli.demo.narrator import Narrator
    from fleet.cli.demo.stage import Stage
    from fleet.cli.onecluster import Manifest
    from fleet.cli.trail import Operation
    from fleet.registry.clusters import Registration

DEADLINE_S = 60.0
"""Of each wait. All of them together take some ten seconds on two cores."""

CHANGE = {"image": "nginx:1.28", "replicas": 3}
_OPERATIONS_SHOWN = 200


class Story:
    """The steps in their order, on a stage, told by a narrator."""

    def __init__(self, stage: Stage, narrator: Narrator) -> None:
        self._stage = stage
        self._narrator = narrator
        self._clusters: dict[str, OneCluster] = {}

    def tell(self) -> None:
        """All of it. Raises NotHappened, or StartFailed where something does not come up."""
        self._start_clusters()
        self._start_hub()
        instances = self._apply_transform()
        self._create_instances(instances)
        self._change_instance(instances)
        self._delete_instance(instances)
        self._show_audit_trail()

    def close(self) -> None:
        """Close the connections to the clusters."""
        for cluster in self._clusters.values():
            cluster.close()

    def _start_clusters(self) -> None:
        self._narrator.step("Start three clusters on this machine: a hub and two spokes")
        with self._narrator.waiting("starting etcd, and the API server and controllers of each cluster"):
            self._stage.start_clusters()
        for name in CLUSTERS:
            self._clusters[name] = OneCluster(name, KubeconfigRef(path=self._stage.kubeconfig(name)))
            self._narrator.tell(name, f"Kubernetes {self._clusters[name].version()} is up")

    def _start_hub(self) -> None:
        self._narrator.step("Register them with cluster files, and start a hub on SQLite")
        self._stage.register()
        self._narrator.tell("", f"wrote {', '.join(f'{name}.yaml' for name in CLUSTERS)}")
        self._stage.start_hub()
        self._follow(Event(place="", what="the hub to be ready", look=self._look_at_hub))
        serves = partial(sights.serves_transforms, self._clusters[HUB])
        self._follow(
            *(
                Event(
                    place=name, what="the cluster to be reachable", look=partial(self._look_at_registration, name)
                )
                for name in CLUSTERS
            ),
            Event(place=HUB, what="the kind Transform", look=serves),
        )

    def _look_at_hub(self) -> Sight:
        said = self._stage.hub_answers()
        return Sight(happened=said == "ok", text="the hub is ready" if said == "ok" else said)

    def _look_at_registration(self, name: str) -> Sight:
        return sights.registration(asyncio.run(_registrations(self._stage.database_url)).get(name))

    def _apply_transform(self) -> Kind:
        path = shipped("config") / "samples" / "webservice-transform.yaml"
        self._narrator.step("Apply a Transform to the hub: its CUE module becomes a kind on every spoke")
        transform: Manifest = yaml.safe_load(path.read_text())
        name, hub = transform["metadata"]["name"], self._clusters[HUB]
        hub.apply(sights.TRANSFORMS, transform)
        self._narrator.tell(HUB, f"Transform {name} applied, from config/samples/{path.name}")
        self._follow(
            Event(place=HUB, what="a revision", look=partial(sights.transform_revision, hub, name)),
        )
        generated = sights.transform_status(hub, name)["generatedCRD"]
        self._follow(
            *(
                Event(
                    place=spoke,
                    what="its CRD",
                    look=partial(sights.generated_crd, self._clusters[spoke], generated["name"]),
                )
                for spoke in SPOKES
            ),
            Event(place=HUB, what="the Transform to be Ready", look=partial(sights.transform_ready, hub, name)),
        )
        return Kind(api_version=generated["apiVersion"], plural=generated["plural"])

    def _create_instances(self, instances: Kind) -> None:
        self._narrator.step("Create a WebService on each spoke, as its developers would")
        sample: Manifest = yaml.safe_load((shipped("config") / "samples" / "webservice.yaml").read_text())
        for name in SPOKES:
            self._clusters[name].apply(instances, sample)
            self._narrator.tell(name, f"WebService {sights.NAME} created: {sights.pods_in_words(sample['spec'])}")
        self._follow(*(event for name in SPOKES for event in sights.coming_up(self._clusters[name], instances)))

    def _change_instance(self, instances: Kind) -> None:
        spoke, other = (self._clusters[name] for name in SPOKES)
        self._narrator.step(f"Change the one on {spoke.name}")
        before, instance = (spoke.get(kind, sights.NAME) for kind in (sights.DEPLOYMENTS, instances))
        untouched = other.get(sights.DEPLOYMENTS, sights.NAME)["metadata"]["generation"]
        changed = spoke.merge(instances, sights.NAME, {"spec": CHANGE})
        changes = sights.difference(instance["spec"], changed["spec"])
        self._narrator.tell(spoke.name, f"WebService {sights.NAME} changed: {changes}")
        self._follow(*sights.changing(spoke, instances, before=before))
        if other.get(sights.DEPLOYMENTS, sights.NAME)["metadata"]["generation"] == untouched:
            self._narrator.tell(other.name, f"WebService {sights.NAME} is as it was")

    def _delete_instance(self, instances: Kind) -> None:
        spoke = self._clusters[SPOKES[1]]
        self._narrator.step(f"Delete the one on {spoke.name}: what was made for it goes in reverse order")
        spoke.delete(instances, sights.NAME)
        self._narrator.tell(spoke.name, f"WebService {sights.NAME} deleted")
        self._follow(*sights.going_down(spoke, instances))

    def _show_audit_trail(self) -> None:
        self._narrator.step("Read from SQL what the hub did, and why")
        self._follow(Event(place="SQL", what="the outcome of everything", look=self._look_at_trail))
        found = asyncio.run(_trail(self._stage.database_url))
        operations.show(self._narrator.console, found, at=times.now())

    def _look_at_trail(self) -> Sight:
        found = asyncio.run(_trail(self._stage.database_url))
        unfinished = sum(each.result is Result.UNFINISHED for each in found)
        text = f"{unfinished} still unfinished" if unfinished else "each with its outcome"
        return Sight(happened=not unfinished, text=f"{len(found)} writes and decisions, {text}")

    def _follow(self, *events: Event) -> None:
        self._narrator.follow(events, deadline_s=DEADLINE_S, check=self._stage.check)


async def _registrations(url: str) -> dict[str, Registration]:
    async with databases.reading(url) as database:
        return {each.cluster.name: each for each in await ClusterRepository(database).list()}


async def _trail(url: str) -> tuple[Operation, ...]:
    async with databases.reading(url) as database:
        return await trail.read(
            database, where=Filter(), limit=_OPERATIONS_SHOWN, order=Order.OLDEST_FIRST, statuses=False
        )
