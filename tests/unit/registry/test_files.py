from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from fleet.kube.connection import InCluster, KubeconfigRef, SecretRef
from fleet.registry import files
from fleet.registry.clusters import Cluster, Role
from fleet.registry.errors import ClusterFileError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of cluster files beside one of kubeconfigs."""
    (tmp_path / "clusters").mkdir()
    (tmp_path / "kubeconfigs").mkdir()
    (tmp_path / "kubeconfigs" / "spoke-1").touch()
    return tmp_path / "clusters"


def parse(content: str, *, folder: Path, name: str = "spoke-1") -> Cluster:
    return files.parse(dedent(content).encode(), file=folder / f"{name}.yaml")


def test_a_full_file(folder: Path) -> None:
    cluster = parse(
        """\
        # Comments are welcome.
        name: spoke-1
        labels: {region: eu, tier: prod, note: ""}
        roles: [hub, spoke]
        connection:
          kubeconfig: {path: ../kubeconfigs/spoke-1, context: admin}
        suspend: true
        """,
        folder=folder,
    )

    assert cluster == Cluster(
        name=cluster.name,
        labels={"region": "eu", "tier": "prod", "note": ""},
        roles=frozenset({Role.HUB, Role.SPOKE}),
        connection=KubeconfigRef(path=folder / "../kubeconfigs/spoke-1", context="admin"),
        suspend=True,
        file=folder / "spoke-1.yaml",
        file_digest=cluster.file_digest,
    )
    assert cluster.name == "spoke-1"


def test_a_short_file(folder: Path) -> None:
    cluster = parse("name: spoke-1\nconnection: {inCluster: {}}\n", folder=folder)

    assert cluster.labels == {}
    assert cluster.roles == {Role.SPOKE}
    assert not cluster.suspend
    assert cluster.connection == InCluster()


@pytest.mark.parametrize(
    ("connection", "parsed"),
    [
        ("secret: {namespace: fleet, name: spoke-1}", SecretRef(namespace="fleet", name="spoke-1")),
        (
            "secret: {namespace: fleet, name: spoke-1, key: value}",
            SecretRef(namespace="fleet", name="spoke-1", key="value"),
        ),
        ("inCluster: {}", InCluster()),
    ],
)
def test_connections(folder: Path, connection: str, parsed: object) -> None:
    assert parse(f"name: spoke-1\nconnection: {{{connection}}}", folder=folder).connection == parsed


def test_absolute_paths_and_home_are_understood(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    absolute = folder.parent / "kubeconfigs" / "spoke-1"

    for path in (absolute, "~/kubeconfigs/spoke-1"):
        cluster = parse(f"name: spoke-1\nconnection: {{kubeconfig: {{path: {path}}}}}", folder=folder)
        assert cluster.connection == KubeconfigRef(path=absolute)


def test_the_digest_tells_contents_apart(folder: Path) -> None:
    one = parse("name: spoke-1\nconnection: {inCluster: {}}\n", folder=folder)
    other = parse("name: spoke-1\nconnection: {inCluster: {}}\nsuspend: true\n", folder=folder)

    assert one.file_digest.startswith("sha256:")
    assert one.file_digest != other.file_digest


REST = "connection: {inCluster: {}}"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", ": the file is empty"),
        ("# nothing\n", ": the file is empty"),
        ("name: [\n", ":2:1: this is not YAML: "),
        ("name: a\n\tlabels: {}", ":2:1: this is not YAML: "),
        ("name: *a", ":1:7: this is not YAML: found undefined alias"),
        ("name: a\nlabels: {b: c\n\n", "this is not YAML"),
        ("name: a\x07", ":1:1: this is not YAML: the character #x0007 is not allowed"),
        ("name: a\n---\nname: b", "expected a single document"),
        ("- a", ":1:1: expected an object, found a list"),
        ("hello", ":1:1: expected an object, found a string (hello)"),
        (REST, ":1:1: name is missing"),
        ("name: spoke-1", ":1:1: connection is missing"),
        (f"name: spoke-1\n{REST}\nlabel: {{}}", ":3:1: label: unknown field; did you mean labels?"),
        (f"name: spoke-1\n{REST}\nzzz: 1", ":3:1: zzz: unknown field; known here: name, labels, roles"),
        (f"name: spoke-1\n{REST}\nname: spoke-1", ":3:1: name: the field stands here for the second time"),
        (f"name: spoke-1\n{REST}\n1: x", ":3:1: 1: a field's name must be a string, found a number (1)"),
        (f"name: 5\n{REST}", ':1:7: name: expected a string, found a number (5); put it in quotes: "5"'),
        (f"name: ''\n{REST}", ":1:7: name: must not be empty"),
        (f"name: Spoke\n{REST}", ":1:7: name: 'Spoke' must be 1 to 63 lower-case letters"),
        (f"name: spoke-2\n{REST}", ":1:7: name: 'spoke-2' is not the file's name; call the file spoke-2.yaml"),
        (f"name: spoke-1\n{REST}\nsuspend: !!bool maybe", ":3:10: suspend: expected true or false"),
        (
            "name: spoke-1\nconnection: {kubeconfig: {path: ~nobody-here/x}}",
            ":2:33: connection.kubeconfig.path: ~nobody-here/x: nobody on this machine has that home folder",
        ),
        (
            f"name: spoke-1\nconnection: {{kubeconfig: {{path: /{'x' * 300}}}}}",
            "x cannot be looked at: File name too long",
        ),
        (f"name: spoke-1\n{REST}\nlabels: [a]", ":3:9: labels: expected an object, found a list"),
        (
            f"name: spoke-1\n{REST}\nlabels:\n  region: no",
            ':4:11: labels.region: expected a string, found a boolean (no); put it in quotes: "no"',
        ),
        (f"name: spoke-1\n{REST}\nlabels: {{v: 1}}", ":3:13: labels.v: expected a string, found a number (1)"),
        (f"name: spoke-1\n{REST}\nlabels: {{a b: c}}", ":3:10: labels.a b: a label's key must be"),
        (f"name: spoke-1\n{REST}\nlabels: {{a: b c}}", ":3:13: labels.a: 'b c' must be at most 63"),
        (f"name: spoke-1\n{REST}\nroles: spoke", ":3:8: roles: expected a list, found a string (spoke)"),
        (
            f"name: spoke-1\n{REST}\nroles: [spoke, huh]",
            ":3:16: roles[1]: 'huh' is no role; the roles are hub and",
        ),
        (f"name: spoke-1\n{REST}\nroles: []", ":3:8: roles: a cluster needs at least one role"),
        (f"name: spoke-1\n{REST}\nsuspend: maybe", ":3:10: suspend: expected true or false, found a string"),
        ("name: spoke-1\nconnection: {}", ":2:13: connection: needs exactly one of kubeconfig, inCluster, secret"),
        (
            "name: spoke-1\nconnection:\n  inCluster: {}\n  secret: {}",
            ":3:3: connection: needs exactly one of kubeconfig, inCluster, secret; found inCluster, secret",
        ),
        ("name: spoke-1\nconnection: {inCluster: }", "connection.inCluster: expected an object, found nothing"),
        ("name: spoke-1\nconnection: {inCluster: {a: b}}", "connection.inCluster.a: unknown field"),
        ("name: spoke-1\nconnection: {kubeconfig: {}}", ":2:26: connection.kubeconfig: path is missing"),
        (
            "name: spoke-1\nconnection: {kubeconfig: {path: ../kubeconfigs/spoke-9}}",
            ":2:33: connection.kubeconfig.path: there is no file ",
        ),
        ("name: spoke-1\nconnection: {secret: {name: a}}", ":2:22: connection.secret: namespace is missing"),
        (
            "name: spoke-1\nroles: [hub]\nconnection: {secret: {namespace: a, name: b}}",
            ":3:22: connection.secret: is read from the hub cluster, which this one is",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(folder: Path, content: str, complaint: str) -> None:
    with pytest.raises(ClusterFileError) as error:
        files.parse(content.encode(), file=folder / "spoke-1.yaml")

    assert str(error.value).startswith(f"{folder}/spoke-1.yaml:")
    assert complaint in str(error.value)


def test_an_error_has_its_place_for_machines_too(folder: Path) -> None:
    with pytest.raises(ClusterFileError) as error:
        parse(f"name: spoke-1\n{REST}\nlabels:\n  region: no\n", folder=folder)

    assert (error.value.file, error.value.line, error.value.column) == (folder / "spoke-1.yaml", 4, 11)
    assert error.value.field == "labels.region"
    assert error.value.problem.startswith("expected a string")


def test_bytes_that_are_not_text(folder: Path) -> None:
    with pytest.raises(ClusterFileError, match=r"spoke-1\.yaml:2:1: this is not UTF-8"):
        files.parse(b"name: spoke-1\nlabels: \xff", file=folder / "spoke-1.yaml")


def test_a_file_that_cannot_be_read(folder: Path) -> None:
    (folder / "spoke-1.yaml").mkdir()

    with pytest.raises(ClusterFileError, match="cannot be read: Is a directory"):
        files.read(folder / "spoke-1.yaml")
