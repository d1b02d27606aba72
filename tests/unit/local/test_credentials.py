"""Keys and kubeconfigs are well formed and private."""

from __future__ import annotations

import base64
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from fleet.errors import Terminal
from fleet.local import credentials, identities
from fleet.local.identities import Identities, Identity, InvalidName

if TYPE_CHECKING:
    from pathlib import Path


def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "token"
    before = os.umask(0)
    try:
        credentials.write_private(path, "first")
        credentials.write_private(path, "second")
    finally:
        os.umask(before)

    assert path.read_text() == "second"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_signing_key_is_a_key_on_p256() -> None:
    shown = subprocess.run(
        ["openssl", "ec", "-noout", "-text"],  # noqa: S607 - another reader of the format
        input=credentials.new_signing_key(),
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )

    assert "prime256v1" in shown.stdout
    assert credentials.new_signing_key() != credentials.new_signing_key()


def test_a_kubeconfig_has_one_context_named_after_the_cluster() -> None:
    text = credentials.kubeconfig(
        cluster="hub", user="admin", server="https://127.0.0.1:1", ca="CERT", token="secret"
    )
    document = yaml.safe_load(text)

    assert document["current-context"] == "hub"
    assert document["contexts"] == [{"name": "hub", "context": {"cluster": "hub", "user": "admin"}}]
    (cluster,) = document["clusters"]
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"CERT"
    assert document["users"] == [{"name": "admin", "user": {"token": "secret"}}]


@pytest.mark.parametrize("name", ["hub", "spoke-1", "1", "a" * 63])
def test_names_that_a_cluster_can_have(name: str) -> None:
    assert identities.check_name(name) == name


@pytest.mark.parametrize("name", ["", "..", "../hub", "_etcd", "Hub", "a/b", "-a", "a-", "a" * 64, "a\n"])
def test_names_that_a_cluster_cannot_have(name: str) -> None:
    with pytest.raises(InvalidName, match="cannot be named"):
        identities.check_name(name)


def test_identities_are_read_back(tmp_path: Path) -> None:
    written = Identities(etcd_port=1, control_planes=(Identity(name="hub", port=2, token="secret"),))
    assert identities.read(tmp_path) is None

    identities.write(tmp_path, written)

    assert identities.read(tmp_path) == written


def test_damaged_identities_are_named(tmp_path: Path) -> None:
    (tmp_path / "fleet.json").write_text("{")

    with pytest.raises(Terminal, match=r"fleet\.json is damaged"):
        identities.read(tmp_path)
