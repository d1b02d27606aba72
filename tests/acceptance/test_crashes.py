"""A hub that is killed at every single write of an instance's life, on both sides of the request.

Whatever the moment, the next hub comes to the state that an undisturbed one reaches: the same objects, none
twice, none left over, and an inventory that says so. Each crash has a namespace and a database of its own.
"""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.conftest import CRD, PLATFORM, is_ready
from tests.harness import clusters, crashing
from tests.harness.clusters import View
from tests.harness.crashing import CrashPoint, When, hub_of
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fleet.local.controlplane import ControlPlane
    from fleet.local.localfleet import LocalFleet
    from tests.harness.clusters import Manifest
    from tests.harness.crashing import ForkedHub

GROUP = "crashes.example.com"
SHOP = (f"{GROUP}/v1alpha1", "Shop")
FEWEST_WRITES = 18
"""An undisturbed life has about this many, so that a scenario that lost its substance fails."""

# A chain of three; the last one can be taken out, and the first one's change reaches the status of the instance.
MODULE = """
#Meta: kind: "Shop"
#Input: {text: string, front: *true | bool}
#Render: {
	input: {metadata: {name: string, namespace: string}, spec: #Input, observed?: [string]: {...}}
	let _name = input.metadata.name
	output: nodes: [{
		id: "settings"
		object: {
			apiVersion: "v1"
			kind:       "ConfigMap"
			metadata: name: _name
			data: text: input.spec.text
		}
	}, {
		id: "app"
		dependsOn: ["settings"]
		object: {
			apiVersion: "apps/v1"
			kind:       "Deployment"
			metadata: name: _name
			spec: {
				replicas: 0
				selector: matchLabels: app: _name
				template: {
					metadata: labels: app: _name
					spec: containers: [{
						name:  "app"
						image: "nginx"
						env: [{name: "TEXT", value: input.spec.text}]
					}]
				}
			}
		}
	}, if input.spec.front {
		id: "front"
		dependsOn: ["app"]
		object: {
			apiVersion: "v1"
			kind:       "Service"
			metadata: name: _name
			spec: {selector: app: _name, ports: [{port: 80}]}
		}
	}]
	status: text: input.observed.settings.data.text
}
"""
KINDS = (("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("v1", "Service"))
LIFE: dict[str, dict[str, object] | None] = {
    "created": {"text": "one"},
    "pruned": {"text": "one", "front": False},
    "changed": {"text": "two"},
    "deleted": None,
}
"""The spec of the instance at each stage of its life; None is its deletion."""

State = dict[str, Any]


@dataclass(kw_only=True)
class Life:
    """One instance in a namespace of its own, and the hubs that look after it, one after the other."""

    folder: Path
    plane: ControlPlane
    view: View
    namespace: str
    hub: ForkedHub

    def go(self, stage: str) -> None:
        """Do what the user does at this stage."""
        spec = LIFE[stage]
        if spec is None:
            self.view.delete(*SHOP, "shop", namespace=self.namespace)
        else:
            metadata = {"name": "shop", "namespace": self.namespace}
            self.view.apply({"apiVersion": SHOP[0], "kind": SHOP[1], "metadata": metadata, "spec": spec})

    def unrecorded(self) -> set[tuple[str, str]]:
        """The objects, by kind and name, that are on the cluster and not in the inventory."""
        there = {(each["kind"], each["metadata"]["name"]) for each in self.objects()}
        return there - set(self.sql("SELECT kind, name FROM inventory"))

    def objects(self) -> list[Manifest]:
        """What there is in the namespace of the kinds that the module makes."""
        return [
            {"kind": kind, **each}
            for api_version, kind in KINDS
            for each in self.view.list(api_version, kind, namespace=self.namespace)
            if each["metadata"]["name"] != "kube-root-ca.crt"
        ]

    def state(self) -> State:
        """All that is known of the instance, in the cluster and in SQL, without what differs from run to run."""
        return {
            "objects": [without_identity(each) for each in self.objects()],
            "instance": [story(each) for each in self.view.list(*SHOP, namespace=self.namespace)],
            "graphs": [
                story(each) for each in self.view.list(PLATFORM, "ResourceGraph", namespace=self.namespace)
            ],
            "inventory": self.sql(
                "SELECT node_id, kind, name, depends_on, deletion_policy, applied_hash, uid IS NOT NULL "
                "FROM inventory ORDER BY node_id"
            ),
        }

    def cut_off(self) -> set[str]:
        """The hubs that left intents without an outcome: of these writes it is unknown what became of them."""
        operations = self.sql(
            "SELECT operation FROM audit_log WHERE instance IS NOT NULL GROUP BY operation "
            "HAVING sum(tag LIKE '%:intent') > sum(tag LIKE '%:outcome')"
        )
        return {operation.partition("-")[0] for (operation,) in operations}

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / crashing.DATABASE)) as connection:
            return connection.execute(query).fetchall()


def without_identity(live: Manifest) -> Manifest:
    """An object without what the API server or the moment gave it, and without what its controller says."""
    metadata = live["metadata"]
    marks = {**metadata["labels"]}
    assert marks.pop("platform.pequod.io/graph"), "each is some graph's"
    kept = {"name": metadata["name"], "labels": marks, "generation": metadata.get("generation")}
    spec = {key: value for key, value in live.get("spec", {}).items() if key not in {"clusterIP", "clusterIPs"}}
    return {"kind": live["kind"], "metadata": kept, "spec": spec, "data": live.get("data")}


def story(live: Manifest) -> Manifest:
    """What an instance or a graph says of itself, without times and counts of tries."""
    spec, status = live["spec"], live.get("status", {})
    nodes = {
        name: (each["phase"], each.get("message"), each["resourceRef"]["name"])
        for name, each in status.get("nodes", {}).items()
    }
    return {
        "spec": {key: value for key, value in spec.items() if key != "sourceRef"},
        "finalizers": live["metadata"].get("finalizers"),
        "nodes": nodes,
        "conditions": {each["type"]: (each["status"], each["reason"]) for each in status.get("conditions", ())},
        "current": status.get("observedGeneration") == live["metadata"]["generation"],
        "rest": {key: status.get(key) for key in ("phase", "summary", "blockedBy", "text", "graph")},
    }


def settled(stage: str, state: State) -> bool:
    """Whether a stage of the undisturbed life has come to its end; the other lives are compared with that one."""
    if LIFE[stage] is None:
        return not any(state.values())
    told = [*state["instance"], *state["graphs"]]
    wanted = LIFE[stage] or {}
    return (
        len(told) == 2
        and all(each["current"] and each["conditions"].get("Ready", ("",))[0] == "True" for each in told)
        and state["instance"][0]["rest"]["text"] == wanted["text"]
        and all(applied_hash for *_, applied_hash, _ in state["inventory"])
        and len(state["objects"]) == len(state["inventory"]) == (3 if wanted.get("front", True) else 2)
    )


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A control plane that serves the kind, and what hubs on it start from."""

    plane: ControlPlane
    view: View
    folder: Path

    def begin(self, name: str, point: CrashPoint | None) -> Life:
        """A new life, and the hub that it begins with."""
        namespace = f"{name}-{uuid.uuid4().hex[:6]}"
        self.view.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        folder = self.folder / namespace
        shutil.copytree(self.folder / "start", folder)
        hub = hub_of(folder, point=point)
        return Life(folder=folder, plane=self.plane, view=self.view, namespace=namespace, hub=hub)

    def end(self, life: Life) -> None:
        life.hub.kill()
        self.view.delete("v1", "Namespace", life.namespace)


def prepared(plane: ControlPlane, folder: Path) -> Ground:
    """Let a hub roll the kind out once, and keep its database: every life begins with a copy of it."""
    view = View(plane.kubeconfig)
    start = crashing.fleet_of_one(folder / "start", plane)
    hub = hub_of(start)
    until(lambda: view.serves(PLATFORM, "Transform"))
    view.apply(
        {
            "apiVersion": PLATFORM,
            "kind": "Transform",
            "metadata": {"name": "shop"},
            "spec": {"cueRef": {"type": "inline", "ref": MODULE}, "group": GROUP},
        }
    )
    until(lambda: (view.get(PLATFORM, "Transform", "shop") or {}).get("status", {}), is_ready)
    hub.kill()
    return Ground(plane=plane, view=view, folder=folder)


def cleared(ground: Ground) -> None:
    hub = hub_of(ground.folder / "start")
    ground.view.delete(PLATFORM, "Transform", "shop")
    until(lambda: ground.view.get(PLATFORM, "Transform", "shop") is None)
    hub.kill()
    ground.view.delete(*CRD, f"shops.{GROUP}")
    ground.view.close()


@pytest.fixture(scope="module")
def grounds(local_fleet: LocalFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Ground]]:
    """The session's three clusters; here each is a fleet of its own, so that three hubs crash at a time."""
    planes = [local_fleet[name] for name in clusters.NAMES]
    with ThreadPoolExecutor() as threads:
        folders = [tmp_path_factory.mktemp(plane.name) for plane in planes]
        ready = list(threads.map(prepared, planes, folders))
        yield ready
        list(threads.map(cleared, ready))


def undisturbed(ground: Ground) -> dict[str, State]:
    """The state at the end of each stage of a life in which nothing crashes."""
    life = ground.begin("calm", None)
    states = {}
    for stage in LIFE:
        life.go(stage)
        states[stage] = until(life.state, lambda state, stage=stage: settled(stage, state))  # type: ignore[misc]
    until(lambda: not life.cut_off())
    ground.end(life)
    return states


def lived_through(ground: Ground, point: CrashPoint, expected: dict[str, State]) -> bool:
    """Live with a crash, and give whether it came to it; each stage must end as the undisturbed one did.

    Where the hub dies after a request, the user goes on to the next stage before there is another hub, so that
    what was just made may be what must be taken away.
    """
    life = ground.begin("crash", point)
    crashed = down = False
    for stage, spec in LIFE.items():
        life.go(stage)
        if down:
            down, life.hub = False, hub_of(life.folder)
        until(lambda: life.hub.crashed or _reached(life, expected, stage), deadline_s=40)  # noqa: B023
        if life.hub.crashed:
            crashed = True
            assert life.unrecorded() == set(), "no crash may leave an object that nobody knows of"
            if point.when is When.AFTER and spec is not None:
                down = True
                continue
            life.hub = hub_of(life.folder)
            until(lambda: _reached(life, expected, stage), deadline_s=40)  # noqa: B023
    cut_off = until(life.cut_off, lambda hubs: len(hubs) <= 1)
    assert cut_off or not (crashed and point.when is When.BEFORE)
    ground.end(life)
    return crashed


def _reached(life: Life, expected: dict[str, State], stage: str) -> bool:
    """Whether a life stands where the undisturbed one stood; says what differs where it does not."""
    state, wanted = life.state(), expected[stage]
    different = {key: (state[key], wanted[key]) for key in wanted if state[key] != wanted[key]}
    assert not different, f"{stage}: {different}"
    return True


@pytest.mark.timeout(300)
def test_killed_at_any_write_the_next_hub_ends_where_an_undisturbed_one_does(grounds: Sequence[Ground]) -> None:
    expected = undisturbed(grounds[0])
    points = (CrashPoint(number=number, when=when) for number in itertools.count(1) for when in When)
    taking, over = threading.Lock(), threading.Event()
    reached: list[CrashPoint] = []

    def crash_after_crash(ground: Ground) -> None:
        while not over.is_set():
            with taking:
                point = next(points)
            try:
                if not lived_through(ground, point, expected):
                    over.set()
                    return
            except AssertionError as exc:
                over.set()
                raise AssertionError(f"killed {point}: {exc}") from exc
            reached.append(point)

    with ThreadPoolExecutor(len(grounds)) as threads:
        for done in [threads.submit(crash_after_crash, ground) for ground in grounds]:
            done.result()
    assert len(reached) >= 2 * FEWEST_WRITES, f"only {[str(point) for point in reached]}"
