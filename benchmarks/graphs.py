"""One graph that is a chain, and one that is a fan, through a real hub, against the same objects applied directly.

The nodes are ConfigMaps, which are ready as soon as they exist, so that all the time is the hub's and the API
server's. The chain is applied one by one by the baseline too; the fan, as many at once as the hub applies.

    python -m benchmarks.graphs [--chain 50] [--fan 500] [--rounds 5]
"""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks import _live
from benchmarks._live import CAUSE, Arrivals
from fleet.apply.turn import MAX_UNDER_WAY
from fleet.kube.conditions import holds
from fleet.kube.resources import ResourceType
from fleet.kube.wellknown import CONFIGMAPS

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks._live import Hub
    from fleet.kube.client import ClusterClient

SHAPES = ResourceType(group="platform.pequod.io", version="v1alpha1", kind="Shape", plural="shapes")
DEADLINE_S = 300
MODULE = """
import "list"

#Meta: kind: "Shape"
#Input: {nodes: int & >=1, chain: bool}
#Render: {
	input: {metadata: {name: string, namespace: string, ...}, spec: #Input, ...}
	output: nodes: [for i in list.Range(0, input.spec.nodes, 1) {
		id: "n\\(i)"
		object: {
			apiVersion: "v1"
			kind:       "ConfigMap"
			metadata: {name: "\\(input.metadata.name)-\\(i)", namespace: input.metadata.namespace}
			data: number: "\\(i)"
		}
		if input.spec.chain && i > 0 {dependsOn: ["n\\(i-1)"]}
	}]
}
"""
TRANSFORM = {
    "apiVersion": "platform.pequod.io/v1alpha1",
    "kind": "Transform",
    "metadata": {"name": "shape"},
    "spec": {"cueRef": {"type": "inline", "ref": MODULE}},
}


def shape(name: str, *, nodes: int, chain: bool) -> dict[str, Any]:
    return {
        "apiVersion": SHAPES.api_version,
        "kind": SHAPES.kind,
        "metadata": {"name": name, "namespace": "hub-side"},
        "spec": {"nodes": nodes, "chain": chain},
    }


def config_map(name: str, number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}-{number}", "namespace": "baseline"},
        "data": {"number": str(number)},
    }


async def through_the_hub(client: ClusterClient, ready: Arrivals, instance: dict[str, Any]) -> float:
    """Seconds from the creation of an instance until it is Ready."""
    arrived = ready.expect("hub-side", instance["metadata"]["name"])
    started = time.perf_counter()
    await client.apply(SHAPES, instance, cause=CAUSE, manager="user")
    async with asyncio.timeout(DEADLINE_S):
        await arrived
    return time.perf_counter() - started


async def directly(client: ClusterClient, name: str, *, nodes: int, under_way: int) -> float:
    """Seconds to apply the same objects, so many at once."""
    slots = asyncio.Semaphore(under_way)

    async def one(number: int) -> None:
        async with slots:
            await client.apply(CONFIGMAPS, config_map(name, number), cause=CAUSE)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(nodes):
            group.create_task(one(number))
    return time.perf_counter() - started


async def run(hub: Hub, kubeconfig: Path, *, chain: int, fan: int, rounds: int) -> None:
    table = Table("", "hub, s", "direct, s", "direct / hub", "API writes", "hub CPU, s")
    async with _live.connected(kubeconfig) as client:
        await _live.prepare(client, TRANSFORM, namespaces=("hub-side", "baseline"))
        ready = Arrivals(lambda seen: holds(seen.body, "Ready"))
        watch = asyncio.create_task(ready.run(client, SHAPES))
        await through_the_hub(client, ready, shape("warm", nodes=10, chain=False))
        await directly(client, "warm", nodes=10, under_way=1)
        for kind, nodes in (("chain", chain), ("fan", fan)):
            is_chain = kind == "chain"
            slow, fast = [], []
            before = hub.metrics()
            for number in range(rounds):
                name = f"{kind}-{number}"
                slow.append(await through_the_hub(client, ready, shape(name, nodes=nodes, chain=is_chain)))
                under_way = 1 if is_chain else MAX_UNDER_WAY
                fast.append(await directly(client, name, nodes=nodes, under_way=under_way))
            after = hub.metrics()
            a, b = median(slow), median(fast)
            table.add_row(
                f"{kind} of {nodes}",
                f"{a:.2f}",
                f"{b:.2f}",
                f"{b / a:.2f}",
                f"{(after.writes - before.writes) / rounds:.1f}",
                f"{(after.cpu_s - before.cpu_s) / rounds:.2f}",
            )
        watch.cancel()
    Console().print(table)


if __name__ == "__main__":
    _live.main(run, __doc__, chain=50, fan=500, rounds=5)
