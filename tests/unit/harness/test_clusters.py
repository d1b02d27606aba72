"""A view of a cluster leaves nothing behind, and what a killed run left is ended by the next."""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
import yaml

from fleet.local import processes
from fleet.local.keeper import ROSTER
from fleet.local.processes import Roster
from tests.harness.clusters import View, end_leftovers


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


@pytest.mark.parametrize(
    ("ours", "theirs", "worker"),
    [("run-2", "run-1/planes", ""), ("run-2/gw0", "run-1/gw1/planes", "gw0"), ("run-2", "run-1/gw1/planes", "")],
)
def test_what_a_killed_run_left_is_ended_and_a_run_under_way_is_not(
    ours: str, theirs: str, worker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    under_way, left = tmp_path / "run-3" / "planes", tmp_path / theirs
    ended, spared = (launch(folder) for folder in (left, under_way))
    Roster(under_way / ROSTER).claim()
    claim_and_die(left)

    end_leftovers(tmp_path / ours)

    assert not ended.is_running() or ended.status() == psutil.STATUS_ZOMBIE
    assert spared.status() != psutil.STATUS_ZOMBIE
    for process in (ended, spared):
        process.kill()
        process.wait(timeout=10)


def launch(folder: Path) -> psutil.Popen:
    """A process that the roster of ``folder`` has."""
    folder.mkdir(parents=True)
    sleep = (sys.executable, "-S", "-c", "import time; time.sleep(60)")
    return processes.launch("sleep", sleep, roster=Roster(folder / ROSTER), stage=0, log=folder / "log")


def claim_and_die(folder: Path) -> None:
    child = os.fork()
    if child == 0:
        Roster(folder / ROSTER).claim()
        os._exit(0)
    os.waitpid(child, 0)
