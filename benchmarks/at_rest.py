"""A hub with thousands of instances that nothing happens to, and its restart with them.

At rest: CPU and memory of the hub, against a process that only lists and watches the same objects with the same
client and keeps their bytes. Restart: the time until nothing is left to do, against listing the objects once; and
what the restarted hub wrote to the cluster, which is to be nothing.

    python -m benchmarks.at_rest [--instances 5000] [--seconds 30]
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks import _live
from benchmarks.instances import DEPLOYMENTS, SERVICES, WEBSERVICES, through_the_hub
from fleet.kube.stream import Listed, follow
from fleet.kube.wellknown import GRAPHS
from fleet.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks._live import Hub
    from fleet.kube.client import ClusterClient
    from fleet.kube.resources import ResourceType

NAMESPACE = "at-rest"
KINDS = (WEBSERVICES, GRAPHS, DEPLOYMENTS, SERVICES)
QUIET_S = 2.0
"""For so long a restarted hub uses next to no CPU before it counts as steady."""

_NEXT_TO_NONE = 0.03


async def watch(client: ClusterClient, resource: ResourceType, listed: asyncio.Queue[int]) -> None:
    """List and watch for ever, as the baseline does; ``listed`` gets the bytes."""
    async for event in follow(client, resource):
        if isinstance(event, Listed):
            listed.put_nowait(sum(len(each.raw) for each in event.objects))


async def baseline(client: ClusterClient, seconds: float) -> tuple[float, float, float]:
    """Seconds to list all kinds, the CPU share of watching them, and the MiB of their bytes."""
    listed: asyncio.Queue[int] = asyncio.Queue()
    started = time.perf_counter()
    watches = [asyncio.create_task(watch(client, each, listed)) for each in KINDS]
    held = [await listed.get() for _ in KINDS]
    listed_s = time.perf_counter() - started
    cpu = time.process_time()
    await asyncio.sleep(seconds)
    share = (time.process_time() - cpu) / seconds
    for each in watches:
        each.cancel()
    return listed_s, share, sum(held) / 2**20


async def steady(hub: Hub) -> None:
    """Wait until the hub has had next to nothing to do for a while."""
    quiet_since = time.monotonic()
    before = hub.metrics().cpu_s
    while time.monotonic() - quiet_since < QUIET_S:
        await asyncio.sleep(0.25)
        now = hub.metrics().cpu_s
        if now - before > _NEXT_TO_NONE:
            quiet_since = time.monotonic()
        before = now


async def run(hub: Hub, kubeconfig: Path, *, instances: int, seconds: float) -> None:
    sample = yaml.safe_load((shipped("config") / "samples" / "webservice-transform.yaml").read_text())
    names = [f"ws-{number:05}" for number in range(instances)]
    async with _live.connected(kubeconfig) as client:
        await _live.prepare(client, sample, namespaces=(NAMESPACE,))
        empty = hub.metrics()
        await through_the_hub(client, names, under_way=32, namespace=NAMESPACE)
        await steady(hub)
        before = hub.metrics()
        await asyncio.sleep(seconds)
        after = hub.metrics()
        rest_share = (after.cpu_s - before.cpu_s) / seconds

        hub.stop()
        listed_s, base_share, raw_mib = await baseline(client, seconds)
        started = time.perf_counter()
        hub.start()
        await steady(hub)
        restart_s = time.perf_counter() - started - QUIET_S
        restarted = hub.metrics()
    table = Table(f"{instances} instances", "hub", "baseline", "ratio")
    table.add_row("CPU at rest, % of a core", f"{rest_share:.2%}", f"{base_share:.2%}", "")
    grown = after.resident_mib - empty.resident_mib
    table.add_row("memory for them, MiB", f"{grown:.0f}", f"{raw_mib:.0f}", f"{grown / raw_mib:.1f}")
    table.add_row("memory after a restart, MiB", f"{restarted.resident_mib:.0f}", "", "")
    table.add_row("restart until steady, s", f"{restart_s:.1f}", f"{listed_s:.1f}", f"{restart_s / listed_s:.1f}")
    table.add_row("CPU of the restart, s", f"{restarted.cpu_s:.1f}", "", "")
    table.add_row("API writes at rest", str(after.writes - before.writes), "0", "")
    table.add_row("API writes of the restart", str(restarted.writes), "0", "")
    Console().print(table)


if __name__ == "__main__":
    _live.main(run, __doc__, instances=5000, seconds=30.0)
