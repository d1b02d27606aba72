"""A hub that is killed at every write for a Transform: while its kind is rolled out, changed and withdrawn."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import uuid
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from fleet.store import schema
from tests.acceptance.conftest import CRD, PLATFORM
from tests.harness import crashing
from tests.harness.clusters import View
from tests.harness.crashing import CrashPoint, When, hub_of
from tests.harness.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.local.controlplane import ControlPlane
    from fleet.local.localfleet import LocalFleet
    from tests.harness.clusters import Manifest
    from tests.harness.crashing import ForkedHub

FEWEST_WRITES = 6
MODULE = """
#Meta: kind: "Shop"
#Input: {text: string}
#Render: {
	input: {metadata: {name: string, namespace: string}, spec: #Input}
	output: nodes: []
}
"""
LIFE = {"created": MODULE, "changed": MODULE.replace("text: string", "text: string, more?: int"), "deleted": None}
"""The module of the Transform at each stage of its life; None is its deletion."""

State = dict[str, Any]


@dataclass(kw_only=True)
class Life:
    """One Transform, and the hubs that look after it, one after the other."""

    folder: Path
    view: View
    name: str
    hub: ForkedHub

    @property
    def group(self) -> str:
        return f"{self.name}.example.com"

    def go(self, stage: str) -> None:
        """Do what the user does at this stage."""
        if LIFE[stage] is None:
            self.view.delete(PLATFORM, "Transform", self.name)
            return
        spec = {"cueRef": {"type": "inline", "ref": LIFE[stage]}, "group": self.group, "deletionPolicy": "Delete"}
        metadata = {"name": self.name}
        self.view.apply({"apiVersion": PLATFORM, "kind": "Transform", "metadata": metadata, "spec": spec})

    def state(self) -> State:
        """All that is known of the Transform and its kind, without what differs from run to run."""
        transform = self.view.get(PLATFORM, "Transform", self.name)
        crd = self.view.get(*CRD, f"shops.{self.group}")
        return {
            "transform": transform and told(transform),
            "crd": crd and crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"],
            "revisions": self.sql(
                "SELECT number, module_digest FROM revisions WHERE transform = ? ORDER BY number"
            ),
            "rollouts": self.sql("SELECT cluster, revision, state FROM rollouts WHERE transform = ?"),
        }

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / crashing.DATABASE)) as connection:
            return connection.execute(query, (self.name,)).fetchall()


def told(transform: Manifest) -> Manifest:
    """What a Transform says of itself, without times and its own name."""
    status = transform.get("status", {})
    conditions = {each["type"]: (each["status"], each["reason"]) for each in status.get("conditions", ())}
    return {
        "finalizers": transform["metadata"].get("finalizers"),
        "current": status.get("observedGeneration") == transform["metadata"]["generation"],
        "conditions": conditions,
        **{key: status.get(key) for key in ("phase", "revision", "clusters")},
    }


def begin(plane: ControlPlane, view: View, folder: Path, point: CrashPoint | None) -> Life:
    name = point.transform if point and point.transform else f"t{uuid.uuid4().hex[:6]}"
    crashing.fleet_of_one(folder, plane)
    asyncio.run(schema.upgrade(f"sqlite:///{folder / crashing.DATABASE}"))  # there are tables before any hub
    return Life(folder=folder, view=view, name=name, hub=hub_of(folder, point=point))


def settled(stage: str, state: State) -> bool:
    """Whether a stage of the undisturbed life has come to its end; the other lives are compared with that one."""
    if LIFE[stage] is None:
        return state["transform"] is None and state["crd"] is None
    transform = state["transform"]
    return bool(transform["current"] and transform["phase"] == "Ready") and len(state["revisions"]) == (
        1 if stage == "created" else 2
    )


def lived_through(life: Life, expected: dict[str, State]) -> bool:
    """Live with a crash, and give whether it came to it; each stage must end as the undisturbed one did."""
    crashed = False
    for stage in LIFE:
        life.go(stage)
        until(lambda: life.hub.crashed or life.state() == expected[stage])  # noqa: B023
        if life.hub.crashed:
            crashed, life.hub = True, hub_of(life.folder)
            until(life.state, lambda state: state == expected[stage])  # noqa: B023
    life.hub.kill()
    return crashed


@pytest.mark.timeout(300)
def test_killed_at_any_write_the_next_hub_rolls_out_what_an_undisturbed_one_does(
    local_fleet: LocalFleet, tmp_path: Path
) -> None:
    plane = local_fleet["spoke-1"]
    with View(plane.kubeconfig) as view:
        calm, expected = begin(plane, view, tmp_path / "calm", None), {}
        until(lambda: view.serves(PLATFORM, "Transform"))
        for stage in LIFE:
            calm.go(stage)
            expected[stage] = until(calm.state, lambda state, stage=stage: settled(stage, state))  # type: ignore[misc]
        calm.hub.kill()

        for number in itertools.count(1):
            for when in When:
                point = CrashPoint(number=number, when=when, transform=f"t{uuid.uuid4().hex[:6]}")
                if not lived_through(begin(plane, view, tmp_path / f"{number}-{when.value}", point), expected):
                    assert number > FEWEST_WRITES
                    return
