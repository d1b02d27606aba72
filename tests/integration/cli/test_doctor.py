"""``fleet doctor`` on real clusters, with what can be wrong around a fleet."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml

from fleet.store import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from click.testing import Result as Run

    from fleet.local.controlplane import ControlPlane
    from tests.harness.clusters import ControlPlanes

    NewUser = Callable[[ControlPlane, Sequence[dict[str, Any]]], Path]


class Surroundings:
    """A folder of cluster files and a database."""

    def __init__(self, folder: Path, fleet: Callable[..., Run]) -> None:
        self.clusters = folder / "clusters"
        self.clusters.mkdir()
        self.database_url = f"sqlite:///{folder / 'fleet.db'}"
        self._fleet = fleet

    def register(self, name: str, kubeconfig: Path, **fields: object) -> None:
        document = {"name": name, "connection": {"kubeconfig": {"path": str(kubeconfig)}}, **fields}
        (self.clusters / f"{name}.yaml").write_text(yaml.safe_dump(document))

    def examine(self) -> tuple[int, dict[str, dict[str, str]]]:
        run = self._fleet("doctor", "-o", "json", "--clusters", self.clusters, "--database", self.database_url)
        checks = msgspec.json.decode(run.output)["checks"]
        return run.exit_code, {check["subject"]: check for check in checks}


@pytest.fixture
def around(tmp_path: Path, fleet: Callable[..., Run]) -> Surroundings:
    """Surroundings in which everything is well, with no cluster yet."""
    around = Surroundings(tmp_path, fleet)
    asyncio.run(schema.upgrade(around.database_url))
    return around


def test_all_is_well(around: Surroundings, control_planes: ControlPlanes) -> None:
    around.register("hub", control_planes.hub.kubeconfig, roles=["hub"])
    around.register("spoke", control_planes.spoke_1.kubeconfig)
    around.register("asleep", control_planes.spoke_2.kubeconfig, suspend=True)
    code, checks = around.examine()
    assert code == 0
    assert list(checks) == [
        "CUE helper",
        "git sources",
        "database",
        "cluster files",
        "cluster asleep",
        "cluster hub",
        "cluster spoke",
        "local clusters",
    ]
    assert "read the module of WebService" in checks["CUE helper"]["found"]
    assert "may do all that the role hub needs" in checks["cluster hub"]["found"]
    assert checks["cluster spoke"]["verdict"] == "ok"
    assert checks["cluster asleep"]["verdict"] == "warning"


def test_missing_permissions_are_listed(
    around: Surroundings, control_planes: ControlPlanes, new_user: NewUser
) -> None:
    graphs = {"apiGroups": ["platform.pequod.io"], "resources": ["*"], "verbs": ["*"]}
    reading = {
        "apiGroups": ["apiextensions.k8s.io"],
        "resources": ["customresourcedefinitions"],
        "verbs": ["get", "list", "watch"],
    }
    around.register("spoke", new_user(control_planes.spoke_1, [graphs, reading]))
    code, checks = around.examine()
    assert code == 1
    found, advice = checks["cluster spoke"]["found"], checks["cluster spoke"]["advice"]
    assert "may not:" in found
    crds = "customresourcedefinitions.apiextensions.k8s.io"
    assert found.partition("may not: ")[2].split(", ") == [
        "create events",
        *(f"{verb} {crds}" for verb in ("create", "delete", "patch")),
    ]
    assert "config/rbac/spoke" in advice


def test_a_cluster_that_does_not_answer_and_one_that_does_not_know_us(
    around: Surroundings, control_planes: ControlPlanes, tmp_path: Path
) -> None:
    away, stranger = tmp_path / "away", tmp_path / "stranger"
    document = yaml.safe_load(control_planes.hub.kubeconfig.read_text())
    document["users"][0]["user"]["token"] = "nobody"
    stranger.write_text(yaml.safe_dump(document))
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    away.write_text(yaml.safe_dump(document))
    around.register("away", away)
    around.register("stranger", stranger)
    code, checks = around.examine()
    assert code == 1
    assert checks["cluster away"]["verdict"] == "failed"
    assert "127.0.0.1" in checks["cluster away"]["found"]
    assert "Unauthorized" in checks["cluster stranger"]["found"]
    assert checks["cluster away"]["advice"].startswith("see that the API server runs")


def test_what_to_do_fits_what_is_wrong_with_a_connection(around: Surroundings, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("clusters: [")
    around.register("broken", tmp_path / "broken")
    secret = {"name": "orphan", "connection": {"secret": {"namespace": "fleet", "name": "orphan"}}}
    (around.clusters / "orphan.yaml").write_text(yaml.safe_dump(secret))
    code, checks = around.examine()
    assert code == 1
    assert checks["cluster broken"]["advice"].startswith("correct the connection in the cluster file")
    assert checks["cluster orphan"]["advice"].startswith("see to the cluster with the role hub first")


def test_a_kubeconfig_in_a_secret_is_read_from_the_hub_cluster(
    around: Surroundings, control_planes: ControlPlanes, view: Callable[[ControlPlane], Any], namespace: str
) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "spoke", "namespace": namespace},
        "stringData": {"kubeconfig": control_planes.spoke_1.kubeconfig.read_text()},
    }
    view(control_planes.hub).apply(secret)
    around.register("hub", control_planes.hub.kubeconfig, roles=["hub"])
    for name in ("spoke", "missing"):
        document = {"name": name, "connection": {"secret": {"namespace": namespace, "name": name}}}
        (around.clusters / f"{name}.yaml").write_text(yaml.safe_dump(document))
    _, checks = around.examine()
    assert checks["cluster spoke"]["verdict"] == "ok"
    assert f"Secret {namespace}/missing on the hub cluster does not exist" in checks["cluster missing"]["found"]


def test_a_broken_cluster_file_is_told_with_its_line(around: Surroundings) -> None:
    (around.clusters / "one.yaml").write_text("name: one\nlables: {}\nconnection: {inCluster: {}}\n")
    code, checks = around.examine()
    assert code == 1
    assert checks["cluster files"]["found"] == (
        f"{around.clusters}/one.yaml:2:1: lables: unknown field; did you mean labels?"
    )


def test_without_git_or_ssh_it_says_what_cannot_be_fetched(
    around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    _, without = around.examine()
    (programs / "git").touch(mode=0o755)
    _, without_ssh = around.examine()
    assert without["git sources"]["verdict"] == without_ssh["git sources"]["verdict"] == "warning"
    assert without["git sources"]["found"] == "there is no git and no ssh"
    assert without_ssh["git sources"]["found"] == "there is no ssh"
    assert "over ssh" in without_ssh["git sources"]["advice"]


def test_a_missing_folder_of_cluster_files(around: Surroundings) -> None:
    shutil.rmtree(around.clusters)
    code, checks = around.examine()
    assert code == 1
    assert "FLEET_CLUSTERS" in checks["cluster files"]["advice"]


def test_a_database_without_tables(around: Surroundings, postgres_url: str) -> None:
    around.database_url = postgres_url
    code, checks = around.examine()
    assert code == 1
    assert "has no tables" in checks["database"]["found"]
    assert "password" not in checks["database"]["found"]
    assert checks["database"]["advice"] == "run `fleet db upgrade`"


def test_a_database_that_no_hub_has_made_is_no_failure(around: Surroundings, tmp_path: Path) -> None:
    around.database_url = f"sqlite:///{tmp_path}/other.db"
    code, checks = around.examine()
    assert (code, checks["database"]["verdict"]) == (0, "warning")


def test_the_text_has_a_mark_and_the_advice(around: Surroundings, fleet: Callable[..., Run]) -> None:
    run = fleet("doctor", "--clusters", around.clusters, "--database", "sqlite:////nowhere/fleet.db")
    lines = run.output.splitlines()
    assert lines[0].startswith("fleet ")
    assert any(line.startswith("✔ CUE helper") for line in lines)
    marked = next(at for at, line in enumerate(lines) if line.startswith("! database"))
    assert lines[marked + 1].strip().startswith("→ ")
