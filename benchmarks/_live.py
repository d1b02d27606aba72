"""What benchmarks of a live hub share: command line, control plane, hub process, a client with no audit log."""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop
import yaml

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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from fleet.kube.objects import LiveObject
    from fleet.kube.writes import Write, WriteOutcome

NAMESPACES = ResourceType(group="", version="v1", kind="Namespace", plural="namespaces", namespaced=False)
CAUSE = Cause(reason="benchmark")
WRITES = ("PATCH", "POST", "PUT", "DELETE")


class NoLog:
    """A baseline keeps no audit log."""

    async def intend(self, write: Write) -> OperationId:  # noqa: ARG002
        return OperationId("")

    def conclude(self, operation: OperationId, write: Write, outcome: WriteOutcome) -> None:
        pass


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What a hub has used so far: ``cpu_s`` without its CUE helpers, ``resident_mib`` likewise."""

    cpu_s: float
    resident_mib: float
    writes: int


class Hub:
    """A hub process with SQLite. Stop it and start it again as often as you like."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return once it is ready."""
        command = [
            *(sys.executable, "-m", "fleet.cli", "hub", "--clusters", str(self._folder / "clusters")),
            *("--database", f"sqlite:///{self._folder / 'fleet.db'}"),
            *("--listen", f"127.0.0.1:{self._port}", "--log-level", "warning"),
        ]
        with (self._folder / "hub.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait_until_ready()

    def stop(self) -> None:
        """End it as a supervisor does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def metrics(self) -> Metrics:
        """What it has used so far, as it says itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=30) as answer:
            lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]

        def total(name: str, *, of: tuple[str, ...] = ("",)) -> float:
            found = (line for line in lines if line.startswith(name) and any(each in line for each in of))
            return sum(float(line.rpartition(" ")[2]) for line in found)

        return Metrics(
            cpu_s=total("process_cpu_seconds_total"),
            resident_mib=total("process_resident_memory_bytes") / 2**20,
            writes=round(total("fleet_api_requests_total", of=tuple(f'method="{each}"' for each in WRITES))),
        )

    def log(self) -> str:
        """The end of what it logged."""
        return (self._folder / "hub.log").read_text()[-2000:]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=2):
                    return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError(f"the hub did not become ready:\n{self.log()}")


@contextmanager
def running() -> Iterator[tuple[Hub, Path]]:
    """A control plane that is hub cluster and spoke, and a hub that runs; gives the kubeconfig, too."""
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as name:
        folder = Path(name)
        with LocalFleet(folder / "cp", binaries=binaries.find_or_build(), names=["one"]) as fleet:
            kubeconfig = fleet["one"].kubeconfig
            (folder / "clusters").mkdir()
            document = {
                "name": "one",
                "roles": ["hub", "spoke"],
                "connection": {"kubeconfig": {"path": str(kubeconfig)}},
            }
            (folder / "clusters" / "one.yaml").write_text(yaml.safe_dump(document))
            hub = Hub(folder)
            hub.start()
            try:
                yield hub, kubeconfig
            finally:
                hub.stop()
                sys.stderr.write(hub.log())


@asynccontextmanager
async def connected(kubeconfig: Path) -> AsyncIterator[ClusterClient]:
    """The hub's own client, without an audit log."""
    async with open_session(KubeconfigRef(path=kubeconfig), read_secret=_no_secret) as session:
        yield ClusterClient(ClusterName("bench"), session, NoLog())


async def prepare(client: ClusterClient, transform: dict[str, Any], *, namespaces: tuple[str, ...]) -> None:
    """Namespaces, the Transform, and the wait until its kind is served."""
    for namespace in namespaces:
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        await client.apply(NAMESPACES, manifest, cause=CAUSE)
    async with asyncio.timeout(60):
        while True:
            try:
                await client.apply(TRANSFORMS, transform, cause=CAUSE, manager="user")
                break
            except NotFound:  # the hub has not installed the CRD yet
                await asyncio.sleep(0.1)
        async for event in follow(client, TRANSFORMS):
            if isinstance(event, Changed) and holds(event.object.body, "Ready"):
                break


def main(run: Callable[..., Coroutine[Any, Any, None]], description: str | None, **options: float) -> None:
    """Call ``run`` with a hub that runs, its kubeconfig, and each of the options, whose default is given here."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in options.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    arguments = vars(parser.parse_args())
    with running() as (hub, kubeconfig):
        uvloop.run(run(hub, kubeconfig, **arguments))


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def _no_secret(_: object) -> bytes:
    raise LookupError("the benchmark's clusters have kubeconfigs")
