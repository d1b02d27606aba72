"""``fleet get``, ``fleet apply`` and ``fleet delete`` on a real cluster."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest
import yaml

from fleet.registry.directory import Directory
from fleet.registry.repository import ClusterRepository
from fleet.store import schema
from fleet.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result as Run

    from fleet.local.controlplane import ControlPlane
    from tests.harness.clusters import ControlPlanes, View


async def register(url: str, folder: Path) -> None:
    await schema.upgrade(url)
    async with Database.open(url) as database:
        await ClusterRepository(database).sync(Directory(folder).scan())


@pytest.fixture
def on_spoke(
    fleet: Callable[..., Run], control_planes: ControlPlanes, sqlite_url: str, tmp_path: Path
) -> Callable[..., Run]:
    """Runs a command with ``--cluster spoke`` and the database in which it is registered."""
    document = {"name": "spoke", "connection": {"kubeconfig": {"path": str(control_planes.spoke_1.kubeconfig)}}}
    folder = tmp_path / "clusters"
    folder.mkdir()
    (folder / "spoke.yaml").write_text(yaml.safe_dump(document))
    asyncio.run(register(sqlite_url, folder))
    return lambda *arguments: fleet(*arguments, "--cluster", "spoke", "--database", sqlite_url)


def config_map(name: str, **data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump_all([config_map("one", a="1"), None, config_map("two", a="1", b="2")]))
    return path


def test_what_is_applied_is_shown_and_deleted(
    on_spoke: Callable[..., Run], manifests: Path, namespace: str
) -> None:
    applied = on_spoke("apply", "-f", manifests, "-n", namespace)
    assert applied.output == "applied ConfigMap one on spoke\napplied ConfigMap two on spoke\n"

    lines = [line.split() for line in on_spoke("get", "cm", "-n", namespace).output.splitlines()]
    assert lines[0] == ["NAME", "DATA", "AGE"]
    assert ["one", "1"] in [line[:2] for line in lines]
    assert ["two", "2"] in [line[:2] for line in lines]

    assert on_spoke("delete", "configmap", "one", "-n", namespace).exit_code == 0
    gone = on_spoke("get", "configmaps", "one", "-n", namespace)
    assert gone.exit_code == 1
    assert gone.output == 'error: cluster spoke: get configmaps/one: configmaps "one" not found\n'


@pytest.mark.parametrize("name", ["cm", "configmaps", "configmap", "ConfigMap", "configmaps."])
def test_a_kind_has_many_names(on_spoke: Callable[..., Run], manifests: Path, namespace: str, name: str) -> None:
    on_spoke("apply", "-f", manifests, "-n", namespace)
    found = msgspec.json.decode(on_spoke("get", name, "two", "-n", namespace, "-o", "json").output)
    assert found["data"] == {"a": "1", "b": "2"}
    assert yaml.safe_load(on_spoke("get", name, "two", "-n", namespace, "-o", "yaml").output) == found


def test_all_namespaces_and_wide(on_spoke: Callable[..., Run], namespace: str, manifests: Path) -> None:
    on_spoke("apply", "-f", manifests, "-n", namespace)
    lines = [line.split() for line in on_spoke("get", "cm", "-A").output.splitlines()]
    assert lines[0] == ["NAMESPACE", "NAME", "DATA", "AGE"]
    assert [namespace, "one", "1"] in [line[:3] for line in lines]
    assert "SELECTOR" in on_spoke("get", "services", "-A", "-o", "wide").output
    assert "SELECTOR" not in on_spoke("get", "services", "-A").output


def test_cluster_scoped_kinds_and_groups(on_spoke: Callable[..., Run]) -> None:
    assert "default" in on_spoke("get", "ns").output
    assert on_spoke("get", "deployments.apps").exit_code == 0
    unknown = on_spoke("get", "deployments.example.com")
    told = "error: cluster spoke serves nothing called 'deployments.example.com'; did you mean deployments.apps?\n"
    assert unknown.output == told
    assert "'wbs': is its CRD installed?" in on_spoke("get", "wbs").output


def test_a_field_that_somebody_else_manages_is_a_conflict_unless_forced(
    on_spoke: Callable[..., Run],
    manifests: Path,
    namespace: str,
    view: Callable[[ControlPlane], View],
    control_planes: ControlPlanes,
) -> None:
    there = view(control_planes.spoke_1)
    there.apply({**config_map("one", a="theirs"), "metadata": {"name": "one", "namespace": namespace}})
    refused = on_spoke("apply", "-f", manifests, "-n", namespace)
    assert refused.exit_code == 1
    assert 'conflict with "tests"' in refused.output
    assert on_spoke("apply", "-f", manifests, "-n", namespace, "--force-conflicts").exit_code == 0
    live = there.get("v1", "ConfigMap", "one", namespace=namespace)
    assert live is not None
    assert live["data"] == {"a": "1"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{apiVersion: example.com/v1, kind: Teapot, metadata: {name: a}}", "serves no Teapot in example.com/v1"),
    ],
)
def test_a_file_that_cannot_be_applied(
    on_spoke: Callable[..., Run], tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    run = on_spoke("apply", "-f", path)
    assert run.exit_code == 1
    assert complaint in run.output


def test_what_kubectl_lists_can_be_applied(on_spoke: Callable[..., Run], tmp_path: Path, namespace: str) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(yaml.safe_dump({"kind": "List", "items": [config_map("one", day="2026-01-01", number="1e3")]}))
    path.write_text(path.read_text().replace("'2026-01-01'", "2026-01-01"))  # which YAML takes for a date
    assert on_spoke("apply", "-f", path, "-n", namespace).output == "applied ConfigMap one on spoke\n"
    found = on_spoke("get", "cm", "one", "-n", namespace, "-o", "yaml").output
    assert yaml.safe_load(found)["data"] == {"day": "2026-01-01", "number": "1e3"}
    assert 'number: "1e3"' in found  # without quotes it would be one to kubectl


def test_no_name_is_not_the_name_of_all(on_spoke: Callable[..., Run], manifests: Path, namespace: str) -> None:
    on_spoke("apply", "-f", manifests, "-n", namespace)
    for command in ("delete", "get"):
        refused = on_spoke(command, "cm", "", "-n", namespace)
        assert refused.exit_code == 1
        assert refused.output.startswith("error: '' cannot be the name of ConfigMap")
    assert len(on_spoke("get", "cm", "-n", namespace).output.splitlines()) >= len(["NAME", "one", "two"])


def test_why_is_not_asked_of_what_no_transform_made(
    on_spoke: Callable[..., Run], manifests: Path, namespace: str
) -> None:
    on_spoke("apply", "-f", manifests, "-n", namespace)
    run = on_spoke("why", "cm", "one", "-n", namespace)
    assert run.exit_code == 1
    assert run.output == "error: no Transform made the kind ConfigMap, so why is not for the fleet to say\n"


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_shown_can_be_applied(
    on_spoke: Callable[..., Run], manifests: Path, namespace: str, tmp_path: Path, form: str
) -> None:
    on_spoke("apply", "-f", manifests, "-n", namespace)
    shown = tmp_path / "shown"
    for which in (("two",), ()):
        shown.write_text(on_spoke("get", "cm", *which, "-n", namespace, "-o", form).output)
        again = on_spoke("apply", "-f", shown, "--force-conflicts")
        assert again.exit_code == 0, again.output
        assert "applied ConfigMap two on spoke" in again.output


def test_a_namespace_is_not_said_twice(on_spoke: Callable[..., Run], tmp_path: Path, namespace: str) -> None:
    path = tmp_path / "elsewhere.yaml"
    path.write_text(yaml.safe_dump(config_map("one") | {"metadata": {"name": "one", "namespace": "elsewhere"}}))
    run = on_spoke("apply", "-f", path, "-n", namespace)
    assert run.exit_code == 2
    assert f":1:1: metadata.namespace is elsewhere, and --namespace is {namespace}" in run.output


def test_a_cluster_that_nobody_knows(fleet: Callable[..., Run], sqlite_url: str) -> None:
    asyncio.run(schema.upgrade(sqlite_url))
    run = fleet("get", "pods", "--cluster", "atlantis", "--database", sqlite_url)
    assert run.exit_code == 1
    assert "no cluster atlantis was ever registered" in run.output
