"""A view of a cluster leaves nothing behind."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.harness.clusters import View

if TYPE_CHECKING:
    import pytest


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_the_certificates_of_a_view_go_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "clusters": [
            {
                "name": "one",
                "cluster": {"server": "https://one.invalid", "certificate-authority-data": encoded("CA")},
            }
        ],
        "users": [
            {
                "name": "one",
                "user": {"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY")},
            }
        ],
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(document))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    with View(kubeconfig) as view:
        user = view.api.config.user
        files = [
            Path(view.api.config.cluster["certificate-authority"].filename()),
            Path(user["client-certificate"].filename()),
            Path(user["client-key"].filename()),
        ]
        assert [file.read_text() for file in files] == ["CA", "CERT", "KEY"]

    assert list(temporary.iterdir()) == []
