"""Control planes that outlive their command, as far as none has to run for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fleet.local import background, processes
from fleet.local.binaries import Binaries
from fleet.local.identities import InvalidName
from fleet.local.keeper import ROSTER
from fleet.local.processes import Roster

NOWHERE = Binaries(
    etcd=Path("etcd"),
    kube_apiserver=Path("kube-apiserver"),
    kube_controller_manager=Path("kube-controller-manager"),
    kube_scheduler=Path("kube-scheduler"),
    kwok=Path("kwok"),
)


def test_a_name_that_cannot_be_ends_nothing_that_runs(tmp_path: Path) -> None:
    program = (sys.executable, "-c", "import time; time.sleep(60)")
    running = processes.launch(
        "one/etcd", program, roster=Roster(tmp_path / ROSTER), stage=0, log=tmp_path / "log"
    )
    try:
        with pytest.raises(InvalidName, match="'Two'"):
            background.up(tmp_path, names=["one", "Two"], binaries=NOWHERE)
        assert running.poll() is None
    finally:
        processes.kill([running])


def test_a_folder_where_nothing_was_started_stays_as_it_is(tmp_path: Path) -> None:
    assert background.down(tmp_path) == 0
    assert list(tmp_path.iterdir()) == []
