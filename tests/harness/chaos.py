"""Random programs for a hub: what users ask for, hands that meddle, and bad weather.

A seed stands for one program, in which order what is done. What that meets depends on the moment, so what a seed
brought to light may not come again at once; the audit log says what happened.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.harness.graphs import PLATFORM, config_map, deployment, node, service

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.harness.clusters import Manifest
    from tests.harness.graphs import Bench
    from tests.harness.proxy import Exchange, Proxy

GRAPH, NODE = LABELS = "platform.pequod.io/graph", "platform.pequod.io/node"
SUSPEND = "platform.pequod.io/suspend"
KINDS = {"ConfigMap": "v1", "Service": "v1", "Deployment": "apps/v1"}
INSTANCES = ("one", "two", "three")
EDITS_OF_ONE = 2
"""Whoever changes the same again and again is left alone for a while, which is right, and takes too long here."""

Name = tuple[str, str]
"""Kind and name of an object."""

NAMES: list[Name] = [(kind, letter) for kind in KINDS for letter in "abcdef"]


def name_of(wanted: Manifest) -> Name:
    """The object that a node stands for."""
    return wanted["object"]["kind"], wanted["object"]["metadata"]["name"]


def without(nodes: list[Manifest], gone: Manifest) -> list[Manifest]:
    """The nodes that are left, none of which depends on the one that goes."""
    left = [each for each in nodes if each["id"] != gone["id"]]
    return [{**each, "dependsOn": [need for need in each["dependsOn"] if need != gone["id"]]} for each in left]


def is_write(exchange: Exchange) -> bool:
    return exchange.method in {"PATCH", "POST", "DELETE"}


@dataclass(slots=True, kw_only=True)
class Program:
    """What was asked for so far, and what was done about it."""

    bench: Bench
    proxy: Proxy
    random: Random
    wanted: dict[str, list[Manifest]] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    whose: dict[Name, str] = field(default_factory=lambda: dict(zip(NAMES, INSTANCES * len(NAMES), strict=False)))
    """Objects that each instance may want. They go to later instances and never back.

    An instance gives an object away once all that it wants is ready, so two that exchange theirs would wait for
    each other.
    """
    edits: dict[Name, int] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    hub_is_down: bool = False

    def step(self) -> None:
        """Do one thing, if there is something to do it to."""
        step = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if said := step(self):
            self.done.append(f"{time.strftime('%X')} {said}")

    # What users ask for

    def put(self, name: str) -> str:
        """Apply an instance as it is wanted."""
        nodes = self.wanted[name]
        annotations = {SUSPEND: "true"} if name in self.suspended else {}
        self.bench.bundle(name, *nodes, annotations=annotations)
        told = (f"{each['id']}={'/'.join(name_of(each))}<{','.join(each['dependsOn'])}" for each in nodes)
        return f"put {name} {'(suspended) ' if annotations else ''}{' '.join(told)}"

    def create(self) -> str:
        """An instance, new or with other nodes than before."""
        name = self.random.choice(INSTANCES)
        its_own = [each for each, whose in self.whose.items() if whose == name]
        objects = self.random.sample(its_own, min(len(its_own), self.random.randint(1, 4)))
        ids = self.random.sample("vwxyz", len(objects))
        self.wanted[name] = [self.node(id_, ids[:at], *objects[at]) for at, id_ in enumerate(ids)]
        return self.put(name)

    def node(self, id_: str, before: list[str], kind: str, name: str) -> Manifest:
        """A node that may depend on those before it."""
        number = self.random.randrange(3)
        manifest = {
            "ConfigMap": config_map(name, text=str(number)),
            "Service": service(name, port=80 + number),
            "Deployment": deployment(name),
        }[kind]
        if kind == "Deployment":  # what it selects cannot be changed
            spec, labels = manifest["spec"], {"app": name, "number": str(number)}
            spec["selector"]["matchLabels"] = spec["template"]["metadata"]["labels"] = labels
        return node(
            id_,
            manifest,
            dependsOn=[each for each in before if self.random.random() < 0.4],
            applyPolicy={"conflictPolicy": "Force", "replace": "Allowed"},
            retryPolicy={"maxAttempts": 3, "initialDelaySeconds": 0.2, "maxDelaySeconds": 2},
        )

    def swap(self) -> str | None:
        """Two nodes of an instance change places."""
        name, nodes = self.any_instance()
        if len(nodes) < 2:
            return None
        one, other = self.random.sample(nodes, 2)
        one["object"], other["object"] = other["object"], one["object"]
        return self.put(name)

    def hand_over(self) -> str | None:
        """An instance has an object no longer, and a later one has it."""
        name, to = sorted(self.random.sample(INSTANCES, 2), key=INSTANCES.index)
        nodes = self.wanted.get(name, [])
        if len(nodes) < 2 or to not in self.wanted:
            return None
        moved = self.random.choice(nodes)
        self.whose[name_of(moved)] = to
        self.wanted[name] = without(nodes, moved)
        self.wanted[to] = [*self.wanted[to], {**moved, "id": f"from-{name}-{len(self.done)}", "dependsOn": []}]
        first, second = self.random.sample([name, to], 2)
        return f"{self.put(first)}; {self.put(second)}"

    def suspend(self) -> str | None:
        """Suspend an instance, or resume it."""
        name, _ = self.any_instance()
        self.suspended ^= {name}
        return self.put(name) if name in self.wanted else None

    def delete(self) -> str:
        name, _ = self.any_instance()
        self.wanted.pop(name, None)
        self.suspended.discard(name)
        self.bench.delete(name)
        return f"delete {name}"

    # Hands that meddle

    def delete_graph(self) -> str:
        name, _ = self.any_instance()
        self.bench.view.delete(PLATFORM, "ResourceGraph", f"bundle-{name}", namespace=self.bench.namespace)
        return f"delete the graph of {name}"

    def delete_object(self) -> str | None:
        if (found := self.any_object()) is None:
            return None
        kind, name = found
        self.bench.view.delete(KINDS[kind], kind, name, namespace=self.bench.namespace)
        return f"delete {kind} {name}"

    def edit_object(self) -> str | None:
        """Change what a node sets, or the label that says which one."""
        found = self.any_object()
        if found is None or self.edits.get(found, 0) == EDITS_OF_ONE:
            return None
        self.edits[found] = self.edits.get(found, 0) + 1
        kind, name = found
        metadata: Manifest = {"name": name, "namespace": self.bench.namespace}
        patch: Manifest = {"apiVersion": KINDS[kind], "kind": kind, "metadata": metadata}
        if kind == "ConfigMap" and self.random.random() < 0.5:
            patch["data"] = {"text": self.random.choice(["edited", None])}
        else:
            metadata["labels"] = {NODE: "another"}
        self.bench.view.merge(patch)
        return f"edit {kind} {name}: {patch.get('data', 'its label')}"

    # Bad weather

    def kill_or_start(self) -> str:
        self.hub_is_down = not self.hub_is_down
        if self.hub_is_down:
            self.bench.hub.kill()
            return "the hub is killed"
        self.bench.hub.start()
        return "the hub starts"

    def refuse(self) -> str:
        status, reason = self.random.choice([(500, ""), (503, ""), (429, ""), (409, "Conflict"), (401, "")])
        times = self.random.randrange(1, 15)
        self.proxy.refuse(is_write, status=status, reason=reason, times=times)
        return f"{times} writes are answered with {status}"

    def cut(self) -> str:
        self.proxy.cut_streams()
        return "the streams are cut"

    def slow_down(self) -> str:
        self.proxy.slow_down(lambda exchange: is_write(exchange) or exchange.is_watch, delay_s=0.2)
        return "all is slow"

    def wait(self) -> str:
        """Time is part of the program: what the hub has come to by the next step."""
        moment_s = self.random.choice([0.1, 0.3, 1.0])
        time.sleep(moment_s)
        return f"{moment_s} s pass"

    def calm_down(self) -> None:
        """The weather is good, nothing is suspended, and everything is asked for once more."""
        self.proxy.be_well()
        if self.hub_is_down:
            self.done.append(self.kill_or_start())
        self.suspended.clear()
        self.done += ["--- calm", *(self.put(name) for name in self.wanted)]

    # What it is done to

    def any_instance(self) -> tuple[str, list[Manifest]]:
        name = self.random.choice(INSTANCES)
        return name, self.wanted.get(name, [])

    def any_object(self) -> Name | None:
        """An object of some graph."""
        name = self.random.choice(NAMES)
        found = self.bench.find(*name) or {"metadata": {}}
        return name if GRAPH in found["metadata"].get("labels", {}) else None


WEIGHTS: dict[Callable[[Program], str | None], float] = {
    Program.create: 6,
    Program.swap: 3,
    Program.hand_over: 3,
    Program.suspend: 1,
    Program.delete: 2,
    Program.delete_graph: 1,
    Program.delete_object: 3,
    Program.edit_object: 4,
    Program.kill_or_start: 1.5,
    Program.refuse: 2,
    Program.cut: 1,
    Program.slow_down: 0.5,
    Program.wait: 8,
}
