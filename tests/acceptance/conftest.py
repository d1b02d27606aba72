"""A hub process on the session's control planes, and what a user does with it."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.harness.clusters import NAMES, View
from tests.harness.graphs import API_VERSION, BUNDLE, Bench, is_completed
from tests.harness.hub import HubProcess
from tests.harness.proxy import Proxy
from tests.harness.users import user_with
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fleet.local.controlplane import ControlPlane
    from fleet.local.localfleet import LocalFleet
    from tests.harness.clusters import ControlPlanes, Manifest

PLATFORM = "platform.pequod.io/v1alpha1"
CRD = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")


@pytest.fixture
def hub(tmp_path: Path, sqlite_url: str) -> Iterator[HubProcess]:
    """A hub on SQLite that knows no cluster and is not started yet."""
    process = HubProcess(tmp_path, database_url=sqlite_url)
    yield process
    if process.running:
        process.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A running hub with a hub cluster and two spokes, and a Transform of the webservice module.

    Its kind has a group of this test's own, so that tests do not meet on the clusters that they share.
    """

    hub: HubProcess
    planes: ControlPlanes
    hub_view: View
    views: tuple[View, View]
    namespace: str
    transform: str
    group: str

    @property
    def kind(self) -> tuple[str, str]:
        """The apiVersion and kind of the instances."""
        return (f"{self.group}/v1alpha1", "WebService")

    @property
    def crd_name(self) -> str:
        """The name of the generated CRD."""
        return f"webservices.{self.group}"

    def transform_manifest(self, **spec: object) -> Manifest:
        """The Transform, with fields of its spec replaced."""
        return {
            "apiVersion": PLATFORM,
            "kind": "Transform",
            "metadata": {"name": self.transform},
            "spec": {"cueRef": {"type": "embedded", "ref": "webservice"}, "group": self.group, **spec},
        }

    def apply_transform(self, **spec: object) -> None:
        """Apply the Transform and wait until every selected spoke serves its kind."""
        applied = self.hub_view.apply(self.transform_manifest(**spec))
        until(self.transform_status, lambda status: _settled(status, applied["metadata"]["generation"]))

    def transform_status(self) -> Manifest:
        """The Transform's status."""
        live = self.hub_view.get(PLATFORM, "Transform", self.transform)
        assert live is not None, "the Transform is gone"
        status: Manifest = live.get("status", {})
        return status

    def instance(self, name: str, **spec: object) -> Manifest:
        """The manifest of a WebService without pods, which is available at once."""
        return {
            "apiVersion": self.kind[0],
            "kind": self.kind[1],
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"image": "nginx:1.27", "port": 8080, "replicas": 0, **spec},
        }

    def status_of(self, view: View, name: str) -> Manifest:
        """The status of an instance; empty where there is none."""
        status: Manifest = (view.get(*self.kind, name, namespace=self.namespace) or {}).get("status", {})
        return status

    def child(self, view: View, kind: str, name: str) -> Manifest | None:
        """A Deployment or Service of an instance."""
        api_version = {"Deployment": "apps/v1", "Service": "v1"}[kind]
        return view.get(api_version, kind, name, namespace=self.namespace)

    def graph(self, view: View, name: str) -> Manifest | None:
        """The ResourceGraph of an instance."""
        return view.get(PLATFORM, "ResourceGraph", f"webservice-{name}", namespace=self.namespace)

    def until_ready(self, view: View, *names: str, deadline_s: float = 30) -> None:
        """Wait until these instances are Ready, and their graphs Completed, which is written at the same time."""
        for name in names:
            until(lambda name=name: self.status_of(view, name), is_ready, deadline_s=deadline_s)  # type: ignore[misc]
            until(lambda name=name: self.graph(view, name), is_completed, deadline_s=deadline_s)  # type: ignore[misc]

    def audit(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What SQL says, asked behind the hub's back."""
        path = self.hub.database_url.partition("///")[2]
        with sqlite3.connect(path) as connection:
            rows = connection.execute(query, arguments).fetchall()
        connection.close()
        return rows


@pytest.fixture
def platform(
    hub: HubProcess,
    control_planes: ControlPlanes,
    namespace: str,
    view: Callable[[ControlPlane], View],
) -> Iterator[Platform]:
    """A running hub with its clusters registered, for a test that may spoil it; no Transform is applied yet."""
    unique = uuid.uuid4().hex[:6]
    platform = Platform(
        hub=hub,
        planes=control_planes,
        hub_view=view(control_planes.hub),
        views=(view(control_planes.spoke_1), view(control_planes.spoke_2)),
        namespace=namespace,
        transform=f"webservice-{unique}",
        group=f"t{unique}.example.com",
    )
    start(platform)
    yield platform
    clean(platform)


def is_ready(status: Manifest) -> bool:
    """Whether a status has the condition Ready, for the generation that it speaks of."""
    return any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", ()))


def condition(status: Manifest, kind: str) -> Manifest:
    """One condition of a status; empty where there is none."""
    found: Manifest = next((each for each in status.get("conditions", ()) if each["type"] == kind), {})
    return found


def _settled(status: Manifest, generation: int) -> bool:
    return status.get("observedGeneration") == generation and status.get("phase") == "Ready"


def start(platform: Platform) -> None:
    """Register the clusters, start the hub, and wait until Transforms can be applied."""
    platform.hub.register("hub", platform.planes.hub.kubeconfig, roles=["hub"])
    platform.hub.register("spoke-1", platform.planes.spoke_1.kubeconfig, labels={"region": "eu"})
    platform.hub.register("spoke-2", platform.planes.spoke_2.kubeconfig, labels={"region": "us"})
    platform.hub.start()
    until(lambda: platform.hub_view.serves(PLATFORM, "Transform"))


def clean(platform: Platform) -> None:
    """Leave nothing on the shared clusters that the next hub would find."""
    for plane in platform.planes.all:
        plane.resume()
        plane.start()
    if not platform.hub.running:
        platform.hub.start()
    for view in platform.views:
        for graph in view.list(PLATFORM, "ResourceGraph"):
            source = graph["spec"]["sourceRef"]
            view.delete(source["apiVersion"], source["kind"], source["name"], namespace=source["namespace"])
        until(lambda view=view: not view.list(PLATFORM, "ResourceGraph"), deadline_s=60)  # type: ignore[misc]
    for live in platform.hub_view.list(PLATFORM, "Transform"):
        platform.hub_view.delete(PLATFORM, "Transform", live["metadata"]["name"])
    until(lambda: not platform.hub_view.list(PLATFORM, "Transform"))
    for view in platform.views:
        for crd in view.list(*CRD, label_selector="platform.pequod.io/transform"):
            view.delete(*CRD, crd["metadata"]["name"])
    platform.hub.stop()


# --- one cluster, for what graphs do ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def started_bench(local_fleet: LocalFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One hub for the tests of a file, on one cluster that is its hub and its spoke."""
    folder, plane = tmp_path_factory.mktemp("hub"), local_fleet["spoke-1"]
    hub = HubProcess(folder, database_url=f"sqlite:///{folder / 'fleet.db'}")
    hub.register("here", plane.kubeconfig, roles=["hub", "spoke"])
    with View(plane.kubeconfig) as view:
        hub.start()
        until(lambda: view.serves(PLATFORM, "Transform"))
        bench = Bench(hub=hub, view=view, namespace="default")
        bench.transform("bundle", BUNDLE, reach={"namespaces": []})
        try:
            yield bench
            clear(view)
        finally:
            hub.stop()


@pytest.fixture
def bench(started_bench: Bench) -> Iterator[Bench]:
    """The file's hub, and a namespace of the test's own."""
    with own_namespace(started_bench.view) as name:
        yield replace(started_bench, namespace=name)


@contextmanager
def own_namespace(*views: View) -> Iterator[str]:
    """A namespace on some clusters, which goes with the Bundles in it."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    for view in views:
        view.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    for view in views:
        for each in view.list(API_VERSION, "Bundle", namespace=name):
            view.delete(API_VERSION, "Bundle", each["metadata"]["name"], namespace=name)
        view.delete("v1", "Namespace", name)


def clear(view: View) -> None:
    """Delete every instance, Transform and generated CRD of a cluster, while a hub looks after it."""
    for graph in view.list(PLATFORM, "ResourceGraph"):
        source = graph["spec"]["sourceRef"]
        view.delete(source["apiVersion"], source["kind"], source["name"], namespace=source["namespace"])
    until(lambda: not view.list(PLATFORM, "ResourceGraph"), deadline_s=60)
    for live in view.list(PLATFORM, "Transform"):
        view.delete(PLATFORM, "Transform", live["metadata"]["name"])
    until(lambda: not view.list(PLATFORM, "Transform"))
    for crd in view.list(*CRD, label_selector="platform.pequod.io/transform"):
        view.delete(*CRD, crd["metadata"]["name"])


# --- a cluster behind a proxy ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A hub with two spokes: ``sick`` is reached through ``proxy``, which can make it so, and ``well`` is not."""

    proxy: Proxy
    sick: Bench
    well: Bench


@pytest.fixture(scope="module")
def started_guarded(local_fleet: LocalFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One hub for the tests of a file."""
    folder = tmp_path_factory.mktemp("hub")
    hub = HubProcess(folder, database_url=f"sqlite:///{folder / 'fleet.db'}")
    hub.register("hub", local_fleet["hub"].kubeconfig, roles=["hub"])
    hub.register("well", local_fleet["spoke-2"].kubeconfig)
    plane = local_fleet["spoke-1"]
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(plane, folder / "proxy"))
        on_hub, on_sick, on_well = (stack.enter_context(View(local_fleet[name].kubeconfig)) for name in NAMES)
        # Not a cluster's administrator: those are exempt from the flow control of API servers.
        everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
        user = user_with(everything, control_plane=plane, view=on_sick, namespace="default", into=folder)
        hub.register("sick", proxy.kubeconfig(yaml.safe_load(user.read_text())["users"][0]["user"]["token"]))
        hub.start()
        stack.callback(hub.stop)
        until(lambda: on_hub.serves(PLATFORM, "Transform"))
        bench = Bench(hub=hub, view=on_hub, namespace="default")
        bench.transform("bundle", BUNDLE)
        yield Guarded(proxy=proxy, sick=bench.on(on_sick), well=bench.on(on_well))
        proxy.be_well()
        for view in (on_sick, on_well, on_hub, on_sick, on_well):  # instances, the Transform, and its CRDs
            clear(view)


@pytest.fixture
def guarded(started_guarded: Guarded) -> Iterator[Guarded]:
    """The file's hub and spokes, both well, and a namespace of the test's own on both."""
    sick, well = started_guarded.sick, started_guarded.well
    with own_namespace(sick.view, well.view) as name:
        yield replace(started_guarded, sick=replace(sick, namespace=name), well=replace(well, namespace=name))
        started_guarded.proxy.be_well()
