"""N instances of webservice through a real hub, against the same objects applied directly.

Both sides run against the same control plane, one after the other in the same run, with the same client, the same
number of instances under way, and wait the same way: a watch tells when the Deployment is available, then the
Service is applied. The Deployments have no replicas, so that no node is needed. The hub does more for an instance
than the baseline does: it renders it, and writes its graph, two statuses and the audit log; the number of API
writes says how much more.

    python benchmarks/instances.py [--instances 300] [--under-way 16]
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import uvloop
import yaml
from rich.console import Console
from rich.table import Table

from fleet.graph import readiness
from fleet.graph.model import ReadyWhen, ReadyWhenType
from fleet.ids import ClusterName
from fleet.kube.client import ClusterClient
from fleet.kube.conditions import holds
from fleet.kube.connection import KubeconfigRef
from fleet.kube.errors import NotFound
from fleet.kube.resources import ResourceType
from fleet.kube.session import open_session
from fleet.kube.stream import Changed, Listed, follow
from fleet.kube.wellknown import TRANSFORMS
from fleet.kube.writes import Cause, OperationId
from fleet.local import binaries
from fleet.local.localfleet import LocalFleet
from fleet.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from fleet.kube.objects import LiveObject
    from fleet.kube.writes import Write, WriteOutcome

DEPLOYMENTS = ResourceType(group="apps", version="v1", kind="Deployment", plural="deployments")
SERVICES = ResourceType(group="", version="v1", kind="Service", plural="services")
NAMESPACES = ResourceType(group="", version="v1", kind="Namespace", plural="namespaces", namespaced=False)
WEBSERVICES = ResourceType(group="apps.mycompany.com", version="v1alpha1", kind="WebService", plural="webservices")
CAUSE = Cause(reason="benchmark")
AVAILABLE = (ReadyWhen(type=ReadyWhenType.DEPLOYMENT_AVAILABLE),)
DEADLINE_S = 300


class NoLog:
    """The baseline keeps no audit log."""

    async def intend(self, write: Write) -> OperationId:  # noqa: ARG002
        return OperationId("")

    def conclude(self, operation: OperationId, write: Write, outcome: WriteOutcome) -> None:
        pass


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


class Arrivals:
    """Waits for objects to be in a state, told by one watch."""

    def __init__(self, wanted: Callable[[LiveObject], bool]) -> None:
        self._wanted = wanted
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def run(self, client: ClusterClient, resource: ResourceType) -> None:
        async for event in follow(client, resource):
            for seen in (
                event.objects
                if isinstance(event, Listed)
                else [event.object]
                if isinstance(event, Changed)
                else []
            ):
                waiting = self._waiting.get(f"{seen.meta.namespace}/{seen.meta.name}")
                if waiting is not None and not waiting.done() and self._wanted(seen):
                    waiting.set_result(None)

    def expect(self, namespace: str, name: str) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[f"{namespace}/{name}"] = future
        return future


async def measure(names: list[str], bring: Callable[[str], Awaitable[None]], *, under_way: int) -> Result:
    """Bring every name about, so many at a time."""
    slots = asyncio.Semaphore(under_way)
    latencies: list[float] = []

    async def one(name: str) -> None:
        async with slots:
            started = time.perf_counter()
            await bring(name)
            latencies.append(time.perf_counter() - started)

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


async def through_the_hub(client: ClusterClient, names: list[str], *, under_way: int, namespace: str) -> Result:
    ready = Arrivals(lambda seen: holds(seen.body, "Ready"))
    watch = asyncio.create_task(ready.run(client, WEBSERVICES))

    async def bring(name: str) -> None:
        arrived = ready.expect(namespace, name)
        await client.apply(WEBSERVICES, webservice(name, namespace), cause=CAUSE, manager="user")
        await arrived

    result = await measure(names, bring, under_way=under_way)
    watch.cancel()
    return result


async def directly(
    client: ClusterClient, names: list[str], *, under_way: int, namespace: str, objects: list[dict[str, Any]]
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

    result = await measure(names, bring, under_way=under_way)
    watch.cancel()
    return result


def renamed(manifest: dict[str, Any], name: str, namespace: str) -> dict[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], "name": name, "namespace": namespace}}


def cpu_seconds(port: int) -> float:
    """CPU that the hub has used so far, without its CUE helpers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("process_cpu_seconds_total"))


def api_writes(port: int) -> float:
    """Writes that the hub has sent so far, from its own metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("fleet_api_requests_total")
        and any(f'method="{each}"' in line for each in ("PATCH", "POST", "DELETE"))
    )


async def prepare(client: ClusterClient, namespaces: list[str]) -> None:
    """Namespaces, the Transform, and the wait until its kind is served."""
    for namespace in namespaces:
        await client.apply(
            NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, cause=CAUSE
        )
    sample = yaml.safe_load((shipped("config") / "samples" / "webservice-transform.yaml").read_text())
    async with asyncio.timeout(60):
        while True:
            try:
                await client.apply(TRANSFORMS, sample, cause=CAUSE, manager="user")
                break
            except NotFound:  # the hub has not installed the CRD yet
                await asyncio.sleep(0.1)
        async for event in follow(client, TRANSFORMS):
            if isinstance(event, Changed) and holds(event.object.body, "Ready"):
                break


async def run(kubeconfig: Path, port: int, *, instances: int, under_way: int) -> None:
    async with open_session(KubeconfigRef(path=kubeconfig), read_secret=no_secret) as session:
        client = ClusterClient(ClusterName("bench"), session, NoLog())
        await prepare(client, ["hub-side", "baseline", "warm", "idle"])
        names = [f"ws-{number:05}" for number in range(instances)]

        await through_the_hub(client, names[:10], under_way=under_way, namespace="warm")
        graph = (
            await client.get(
                ResourceType(
                    group="platform.pequod.io", version="v1alpha1", kind="ResourceGraph", plural="resourcegraphs"
                ),
                "webservice-ws-00000",
                namespace="warm",
            )
        ).body
        objects = [node["object"] for node in graph["spec"]["nodes"]]
        await directly(
            client,
            [f"direct-{name}" for name in names[:10]],
            under_way=under_way,
            namespace="warm",
            objects=objects,
        )

        baseline = await directly(client, names, under_way=under_way, namespace="baseline", objects=objects)
        before, cpu_before = api_writes(port), cpu_seconds(port)
        hub = await through_the_hub(client, names, under_way=under_way, namespace="hub-side")
        writes = (api_writes(port) - before) / instances
        cpu_ms = (cpu_seconds(port) - cpu_before) / instances * 1000

        idle_hub = await through_the_hub(client, names[:30], under_way=1, namespace="idle")
        idle_direct = await directly(
            client, [f"direct-{name}" for name in names[:30]], under_way=1, namespace="idle", objects=objects
        )
    report(hub, baseline, idle_hub, idle_direct, writes, cpu_ms)


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


async def no_secret(_: object) -> bytes:
    raise LookupError("the benchmark's clusters have kubeconfigs")


@contextmanager
def hub_process(folder: Path) -> Iterator[int]:
    """A hub in a process of its own, ready; gives the port of its metrics."""
    port = free_port()
    log = folder / "hub.log"
    command = [
        *(sys.executable, "-m", "fleet.cli", "hub", "--clusters", str(folder / "clusters")),
        *(
            "--database",
            f"sqlite:///{folder / 'fleet.db'}",
            "--listen",
            f"127.0.0.1:{port}",
            "--log-level",
            "warning",
        ),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_until_ready(port)
            yield port
        finally:
            process.terminate()
            process.wait(15)
            sys.stderr.write(log.read_text()[-2000:])


def wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the hub did not become ready")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=300)
    parser.add_argument("--under-way", type=int, default=16)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as name:
        folder = Path(name)
        with LocalFleet(folder / "cp", binaries=binaries.find_or_build(), names=["one"]) as fleet:
            plane = fleet["one"]
            (folder / "clusters").mkdir()
            document = {
                "name": "one",
                "roles": ["hub", "spoke"],
                "connection": {"kubeconfig": {"path": str(plane.kubeconfig)}},
            }
            (folder / "clusters" / "one.yaml").write_text(yaml.safe_dump(document))
            with hub_process(folder) as port:
                uvloop.run(
                    run(plane.kubeconfig, port, instances=arguments.instances, under_way=arguments.under_way)
                )


if __name__ == "__main__":
    main()
