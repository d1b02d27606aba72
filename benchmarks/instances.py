"""N instances of webservice through a real hub, against the same objects applied directly.

Both sides run against the same control plane, one after the other in the same run, with the same client, the same
number of instances under way, and wait the same way: a watch tells when the Deployment is available, then the
Service is applied. The Deployments have no replicas, so that no node is needed. The hub does more for an instance
than the baseline does: it renders it, and writes its graph, two statuses and the audit log; the number of API
writes says how much more.

    python -m benchmarks.instances [--instances 300] [--under-way 16]
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks import _live
from benchmarks._live import CAUSE, Arrivals
from fleet.graph import readiness
from fleet.graph.model import ReadyWhen, ReadyWhenType
from fleet.kube.conditions import holds
from fleet.kube.resources import ResourceType
from fleet.kube.wellknown import GRAPHS
from fleet.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from benchmarks._live import Hub
    from fleet.kube.client import ClusterClient

DEPLOYMENTS = ResourceType(group="apps", version="v1", kind="Deployment", plural="deployments")
SERVICES = ResourceType(group="", version="v1", kind="Service", plural="services")
WEBSERVICES = ResourceType(group="apps.mycompany.com", version="v1alpha1", kind="WebService", plural="webservices")
AVAILABLE = (ReadyWhen(type=ReadyWhenType.DEPLOYMENT_AVAILABLE),)
DEADLINE_S = 300
IDLE_S = 0.15
"""After what was done for one instance alone, until the next: controllers write for a while after it is up."""


@dataclass(frozen=True, slots=True)
class Result:
    """How long each instance took, and all of them together."""

    latencies_s: list[float]
    total_s: float

    @property
    def per_second(self) -> float:
        return len(self.latencies_s) / self.total_s

    def percentile_ms(self, which: int) -> float:
        return quantiles(self.latencies_s, n=100)[which - 1] * 1000


async def measure(
    names: list[str], bring: Callable[[str], Awaitable[None]], *, under_way: int, pause_s: float = 0
) -> Result:
    """Bring every name about, so many at a time; a pause after each keeps what comes of it from the next."""
    slots = asyncio.Semaphore(under_way)
    latencies: list[float] = []

    async def one(name: str) -> None:
        async with slots:
            started = time.perf_counter()
            await bring(name)
            latencies.append(time.perf_counter() - started)
            await asyncio.sleep(pause_s)

    started = time.perf_counter()
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(one(name))
    return Result(latencies, time.perf_counter() - started)


def webservice(name: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": WEBSERVICES.api_version,
        "kind": "WebService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"image": "nginx:1.27", "port": 8080, "replicas": 0, "env": {"GREETING": "hello"}},
    }


async def through_the_hub(
    client: ClusterClient, names: list[str], *, under_way: int, namespace: str, pause_s: float = 0
) -> Result:
    ready = Arrivals(lambda seen: holds(seen.body, "Ready"))
    watch = asyncio.create_task(ready.run(client, WEBSERVICES))

    async def bring(name: str) -> None:
        arrived = ready.expect(namespace, name)
        await client.apply(WEBSERVICES, webservice(name, namespace), cause=CAUSE, manager="user")
        await arrived

    result = await measure(names, bring, under_way=under_way, pause_s=pause_s)
    watch.cancel()
    return result


async def directly(
    client: ClusterClient,
    names: list[str],
    *,
    under_way: int,
    namespace: str,
    objects: list[dict[str, Any]],
    pause_s: float = 0,
) -> Result:
    """Apply copies of what the hub applied: the Deployment, and the Service once that is available."""
    available = Arrivals(lambda seen: readiness.check(AVAILABLE, seen.body).ready)
    watch = asyncio.create_task(available.run(client, DEPLOYMENTS))

    async def bring(name: str) -> None:
        deployment, service = (renamed(each, name, namespace) for each in objects)
        arrived = available.expect(namespace, name)
        await client.apply(DEPLOYMENTS, deployment, cause=CAUSE)
        await arrived
        await client.apply(SERVICES, service, cause=CAUSE)

    result = await measure(names, bring, under_way=under_way, pause_s=pause_s)
    watch.cancel()
    return result


def renamed(manifest: dict[str, Any], name: str, namespace: str) -> dict[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], "name": name, "namespace": namespace}}


async def run(hub: Hub, kubeconfig: Path, *, instances: int, under_way: int) -> None:
    sample = yaml.safe_load((shipped("config") / "samples" / "webservice-transform.yaml").read_text())
    async with _live.connected(kubeconfig) as client:
        await _live.prepare(client, sample, namespaces=("hub-side", "baseline", "warm", "idle"))
        names = [f"ws-{number:05}" for number in range(instances)]
        direct = [f"direct-{name}" for name in names]

        await through_the_hub(client, names[:10], under_way=under_way, namespace="warm")
        graph = (await client.get(GRAPHS, "webservice-ws-00000", namespace="warm")).body
        objects = [node["object"] for node in graph["spec"]["nodes"]]
        await directly(client, direct[:10], under_way=under_way, namespace="warm", objects=objects)

        baseline = await directly(client, names, under_way=under_way, namespace="baseline", objects=objects)
        before = hub.metrics()
        through = await through_the_hub(client, names, under_way=under_way, namespace="hub-side")
        after = hub.metrics()

        idle: dict[str, Any] = {"under_way": 1, "namespace": "idle", "pause_s": IDLE_S}
        idle_hub = await through_the_hub(client, names[:60], **idle)
        idle_direct = await directly(client, direct[:60], objects=objects, **idle)
    writes = (after.writes - before.writes) / instances
    cpu_ms = (after.cpu_s - before.cpu_s) / instances * 1000
    report(through, baseline, idle_hub, idle_direct, writes, cpu_ms)


def report(
    hub: Result, baseline: Result, idle_hub: Result, idle_direct: Result, writes: float, cpu_ms: float
) -> None:
    table = Table("", "hub", "direct", "ratio")
    table.add_row(
        "instances a second",
        f"{hub.per_second:.1f}",
        f"{baseline.per_second:.1f}",
        f"{hub.per_second / baseline.per_second:.2f}",
    )
    for which in (50, 99):
        a, b = hub.percentile_ms(which), baseline.percentile_ms(which)
        table.add_row(f"p{which} under load, ms", f"{a:.1f}", f"{b:.1f}", f"{a / b:.2f}")
    a, b = median(idle_hub.latencies_s) * 1000, median(idle_direct.latencies_s) * 1000
    table.add_row("p50 idle, ms", f"{a:.1f}", f"{b:.1f}", f"+{a - b:.1f} ms")
    table.add_row("API writes an instance", f"{writes:.2f}", "2.00", "")
    table.add_row("hub CPU an instance, ms", f"{cpu_ms:.1f}", "", "")
    Console().print(table)


if __name__ == "__main__":
    _live.main(run, __doc__, instances=300, under_way=16)
