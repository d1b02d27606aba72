"""Control planes that outlive their command, and none that outlives a command which was cut short."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from click.testing import CliRunner

from fleet.cli import main
from fleet.local import background
from fleet.local.background import State
from fleet.local.processes import Roster, StartFailed
from tests.harness.clusters import View
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fleet.local.binaries import Binaries

_CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "namespace": "default"}}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "clusters"
    yield folder
    background.down(folder)


def _processes_of(folder: Path) -> list[str]:
    """The programs that run with something of ``folder`` in their command line, whatever any roster says."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        argv = process.info["cmdline"] or []
        if any(str(folder) in argument for argument in argv[1:]) and process.pid != os.getpid():
            found.append(argv[0])
    return found


def _run(*arguments: str) -> str:
    """`fleet local …` in a process of its own, as users run it."""
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", "from fleet.cli.main import main; main()", "local", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.usefixtures("control_plane_binaries")
def test_up_and_down_and_up_again_with_the_data(folder: Path) -> None:
    where = ("--dir", str(folder))
    out = _run("up", *where, "--clusters", "one")
    assert f"export KUBECONFIG={folder}/one/kubeconfig" in out
    with View(folder / "one" / "kubeconfig") as cluster:
        cluster.apply(_CONFIG_MAP)
        assert "ready" in _run("status", *where)

        assert "Ended 5 processes" in _run("down", *where)
        assert _processes_of(folder) == []
        assert "stopped" in _run("status", *where)

        _run("up", *where, "--clusters", "one")
        until(lambda: cluster.get("v1", "ConfigMap", "kept", namespace="default"))
    _run("down", "--wipe", *where)
    assert not folder.exists()


@pytest.mark.usefixtures("control_plane_binaries")
def test_up_mends_a_fleet_with_a_process_missing(folder: Path) -> None:
    where = ("--dir", str(folder))
    _run("up", *where, "--clusters", "one")
    first = {entry.name: entry.pid for entry in Roster(folder / "processes.json").entries()}
    _run("up", *where, "--clusters", "one")
    assert {entry.name: entry.pid for entry in Roster(folder / "processes.json").entries()} == first

    scheduler = first["one/kube-scheduler"]
    assert scheduler is not None
    os.kill(scheduler, signal.SIGKILL)
    until(lambda: background.status(folder)[0].state is State.UNWELL)
    _run("up", *where, "--clusters", "one")

    assert [cluster.state for cluster in background.status(folder)] == [State.READY]
    assert len(_processes_of(folder)) == 5


@pytest.mark.parametrize(
    ("number", "launched"),
    [(signal.SIGINT, 2), (signal.SIGTERM, 2), (signal.SIGKILL, 1), (signal.SIGKILL, 2), (signal.SIGKILL, 5)],
)
def test_a_start_that_is_cut_short_leaves_nothing_behind(
    folder: Path, control_plane_binaries: Binaries, number: signal.Signals, launched: int
) -> None:
    program = (
        "import sys, pathlib\n"
        "from fleet.local import binaries\n"
        "from fleet.local.localfleet import LocalFleet\n"
        "found = binaries.find()\n"
        "with LocalFleet(pathlib.Path(sys.argv[1]), binaries=found, names=['one']):\n"
        "    print('up', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    assert control_plane_binaries.etcd.exists()
    roster = Roster(folder / "processes.json")
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as owner:
        until(lambda: len(roster.entries()), lambda seen: seen >= launched, deadline_s=60, pause_s=0.002)
        owner.send_signal(number)
        owner.wait(timeout=30)

    until(lambda: _processes_of(folder), lambda left: not left)


def test_a_start_that_fails_tells_the_log_and_leaves_nothing_behind(
    folder: Path, control_plane_binaries: Binaries
) -> None:
    folder.mkdir()
    (folder / "_etcd").write_text("not a folder")

    with pytest.raises(StartFailed, match=r"etcd ended with exit code 1.*(?s:.*)not a directory"):
        background.up(folder, names=["one"], binaries=control_plane_binaries)

    assert _processes_of(folder) == []


def test_a_folder_that_is_not_a_fleets_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()

    with pytest.raises(background.NotAFleet):
        background.wipe(tmp_path)

    assert (tmp_path / "precious").exists()


def test_status_of_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["local", "status", "--dir", str(tmp_path / "nothing")])

    assert result.exit_code == 0
    assert f"`fleet local up --dir {tmp_path / 'nothing'}` starts some" in result.output
    assert not (tmp_path / "nothing").exists()
