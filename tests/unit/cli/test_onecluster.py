"""The credentials of a kubeconfig, on their way to pykube."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
import yaml

from fleet.cli.onecluster import ClusterAway, ClusterRefuses, Kind, NotAName, OneCluster
from fleet.kube.connection import KubeconfigRef, SecretRef


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    document = {
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "one", "user": "one"}},
            {"name": "two", "context": {"cluster": "two", "user": "one"}},
        ],
        "clusters": [
            {
                "name": "one",
                "cluster": {"server": "https://one.invalid", "certificate-authority-data": encoded("CA")},
            },
            {"name": "two", "cluster": {"server": "https://two.invalid"}},
        ],
        "users": [
            {
                "name": "one",
                "user": {"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY")},
            }
        ],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


def test_embedded_keys_are_in_files_of_our_own_until_the_end(kubeconfig: Path) -> None:
    with OneCluster("one", KubeconfigRef(path=kubeconfig)) as cluster:
        configuration = cluster._api.config
        files = [
            Path(configuration.cluster["certificate-authority"].filename()),
            Path(configuration.user["client-certificate"].filename()),
            Path(configuration.user["client-key"].filename()),
        ]
        assert [file.read_text() for file in files] == ["CA", "CERT", "KEY"]
        for file in files:
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not any(file.exists() for file in files)


def test_the_context_of_the_cluster_file_is_taken(kubeconfig: Path) -> None:
    with OneCluster("two", KubeconfigRef(path=kubeconfig, context="two")) as cluster:
        assert cluster._api.url == "https://two.invalid"


def test_files_are_relative_to_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("CA")
    document = {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "clusters": [{"name": "one", "cluster": {"server": "https://one", "certificate-authority": "ca.crt"}}],
        "users": [{"name": "one", "user": {"token": "secret"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    with OneCluster("one", KubeconfigRef(path=path)) as cluster:
        assert cluster._api.config.cluster["certificate-authority"].filename() == str(tmp_path / "ca.crt")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is no kubeconfig"),
        (b"- a list", "it is no kubeconfig"),
        (b"clusters: [{}]", "its context None names no cluster with a server"),
        (b"a: 1\nb: [", "line 2: this is not YAML"),
        (b"a: \xff", "this is not UTF-8 text"),
        (b"current-context: other\ncontexts: []", "its context 'other' names no cluster with a server"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_told_with_the_cluster(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(content)
    with pytest.raises(ClusterRefuses) as refused:
        OneCluster("one", KubeconfigRef(path=path))
    assert str(refused.value).startswith(f"cluster one: read its connection: kubeconfig {path}: {told}")


def with_user(tmp_path: Path, user: dict[str, object], *, server: str = "https://one.invalid") -> KubeconfigRef:
    document = {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "clusters": [{"name": "one", "cluster": {"server": server}}],
        "users": [{"name": "one", "user": user}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return KubeconfigRef(path=path)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_an_exec_plugin_is_run_as_the_hub_runs_it(tmp_path: Path, version: str) -> None:
    plugin = tmp_path / "log-in"
    status = '{"token": "from the plugin", "clientCertificateData": "CERT", "clientKeyData": "KEY"}'
    plugin.write_text(f"#!/bin/sh\necho '{{\"status\": {status}}}'\n")
    plugin.chmod(0o700)
    wanted = {"apiVersion": f"client.authentication.k8s.io/{version}", "command": "./log-in"}
    with OneCluster("one", with_user(tmp_path, {"exec": wanted})) as cluster:
        user = cluster._api.config.user
        assert user["token"] == "from the plugin"
        assert Path(user["client-key"].filename()).read_text() == "KEY"


def test_a_plugin_that_is_not_there_is_named(tmp_path: Path) -> None:
    wanted = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}
    with pytest.raises(ClusterRefuses, match=f"kubeconfig {tmp_path}.*the exec plugin no-such-plugin: "):
        OneCluster("one", with_user(tmp_path, {"exec": wanted}))


def test_a_token_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from the file\n")
    with OneCluster("one", with_user(tmp_path, {"tokenFile": "token"})) as cluster:
        assert cluster._api.config.user["token"] == "from the file"


def test_a_server_that_is_not_there_is_told_without_the_layers_below(tmp_path: Path) -> None:
    ref = with_user(tmp_path, {"token": "t"}, server="https://127.0.0.1:1")
    with OneCluster("one", ref) as cluster, pytest.raises(ClusterAway) as away:
        cluster.version()
    assert str(away.value) == (
        "cluster one: get /version: https://127.0.0.1:1 does not answer (Failed to establish a new connection: "
        "[Errno 111] Connection refused); see that it runs and can be reached from here"
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterRefuses, match=f"{tmp_path}/nowhere"):
        OneCluster("one", KubeconfigRef(path=tmp_path / "nowhere"))


def test_a_secret_on_the_hub_cluster_is_the_hubs_to_read() -> None:
    with pytest.raises(ClusterRefuses, match="only the hub reads"):
        OneCluster("one", SecretRef(namespace="fleet", name="one"))


PODS = Kind(api_version="v1", plural="pods", name="Pod")
NODES = Kind(api_version="v1", plural="nodes", namespaced=False, name="Node")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../../secrets/b", "a%2fb"])
def test_a_name_never_leads_to_more_than_one_object(name: str) -> None:
    with pytest.raises(NotAName, match=r"cannot be the name of Pod: it must not be empty"):
        PODS.one(name)


def test_a_namespace_never_leads_elsewhere() -> None:
    with pytest.raises(NotAName, match=r"'\.\./x' cannot be the name of a namespace"):
        PODS.all(namespace="../x")


def test_a_name_is_no_query() -> None:
    assert PODS.one("a?b#c")["url"] == "pods/a%3Fb%23c"


def test_where_objects_are() -> None:
    pods, nodes = {"version": "v1", "url": "pods"}, {"version": "v1", "url": "nodes"}
    assert PODS.everywhere() == pods
    assert PODS.all() == {**pods, "namespace": ""}
    assert PODS.all(namespace="team") == {**pods, "namespace": "team"}
    assert PODS.one("a:b", namespace="team") == {**pods, "namespace": "team", "url": "pods/a:b"}
    assert NODES.all(namespace="team") == nodes
