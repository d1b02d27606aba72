"""Fixtures of every test: clean databases, and real clusters.

Whatever is slow to start lives as long as the test session, is started by the first test that asks for it, and is
shared; what a test may spoil is fresh for each test.
"""

from __future__ import annotations

import shutil
import uuid
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

import pytest

from fleet.local import binaries
from fleet.local.localfleet import ETCD_DATA, LocalFleet
from tests.harness import clusters, postgres
from tests.harness.clusters import ControlPlanes, View
from tests.harness.postgres import Postgres
from tests.harness.users import user_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from fleet.local.binaries import Binaries
    from fleet.local.controlplane import ControlPlane

_MARKED_BY = {"control_plane": {"control_plane_binaries"}, "postgres": {"postgres_server"}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests by what they use, so that ``-m 'not control_plane'`` leaves out exactly those."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        for marker, fixtures in _MARKED_BY.items():
            if used & fixtures:
                item.add_marker(marker)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the control planes before the first test: no test's time limit is meant for that."""
    if session.config.option.collectonly:
        return
    if any(item.get_closest_marker("control_plane") for item in session.items):
        capture = session.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            binaries.find_or_build(say=print)


# --- clusters -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def control_plane_binaries() -> Binaries:
    """The programs of a control plane, built before the first test."""
    return binaries.find_or_build()


@pytest.fixture(scope="session")
def local_fleet(
    control_plane_binaries: Binaries, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalFleet]:
    """A hub and two spokes that live as long as the session."""
    clusters.end_leftovers(tmp_path_factory.getbasetemp())
    folder = tmp_path_factory.mktemp("control-planes")
    with LocalFleet(folder, binaries=control_plane_binaries, names=clusters.NAMES) as fleet:
        yield fleet
    shutil.rmtree(folder / ETCD_DATA)  # pytest keeps the folders of some runs: of ours, the logs are worth it


@pytest.fixture
def control_planes(local_fleet: LocalFleet) -> Iterator[ControlPlanes]:
    """The session's hub and spokes, up again after a test that brought one down.

    Their cluster-scoped objects outlive the test: keep to ``namespace``, or take ``fresh_control_plane``.
    """
    hub, spoke_1, spoke_2 = (local_fleet[name] for name in clusters.NAMES)
    planes = ControlPlanes(hub=hub, spoke_1=spoke_1, spoke_2=spoke_2)
    yield planes
    _mend(planes)


@pytest.fixture
def start_control_plane(local_fleet: LocalFleet) -> Iterator[Callable[[], ControlPlane]]:
    """Each call starts another empty cluster, in the session's etcd. They are gone after the test."""
    started: list[ControlPlane] = []

    def start() -> ControlPlane:
        started.append(local_fleet.add(f"fresh-{uuid.uuid4().hex[:8]}"))
        return started[-1]

    yield start
    for plane in started:
        local_fleet.remove(plane.name)


@pytest.fixture
def fresh_control_plane(start_control_plane: Callable[[], ControlPlane]) -> ControlPlane:
    """An empty cluster for this test alone."""
    return start_control_plane()


@pytest.fixture
def view() -> Iterator[Callable[[ControlPlane], View]]:
    """Looks at a cluster with pykube-ng: ``view(control_planes.hub).get("apps/v1", "Deployment", …)``."""
    with ExitStack() as open_views:
        yield lambda plane: open_views.enter_context(View(plane.kubeconfig))


@pytest.fixture
def namespace(control_planes: ControlPlanes, view: Callable[[ControlPlane], View]) -> Iterator[str]:
    """A namespace of this test's own on the hub and on both spokes."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    for plane in control_planes.all:
        view(plane).apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    _mend(control_planes)
    for plane in control_planes.all:
        view(plane).delete("v1", "Namespace", name)


def _mend(planes: ControlPlanes) -> None:
    """Bring up what a test brought down."""
    for plane in planes.all:
        plane.resume()
        if not plane.running:
            plane.start()


@pytest.fixture
def new_user(
    view: Callable[[ControlPlane], View], tmp_path: Path
) -> Callable[[ControlPlane, Sequence[dict[str, Any]]], Path]:
    """Makes a user on a cluster who may do what the given rules of a ClusterRole say; gives a kubeconfig."""

    def make(plane: ControlPlane, rules: Sequence[dict[str, Any]]) -> Path:
        return user_with(rules, control_plane=plane, view=view(plane), namespace="default", into=tmp_path)

    return make


# --- databases ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL server that lives as long as the session."""
    postgres.end_leftovers()
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite database of this test's own; the file does not exist yet."""
    return f"sqlite+aiosqlite:///{tmp_path / 'fleet.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database: the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
