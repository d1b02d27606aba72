"""Processes are found and ended by what was written down about them, and nothing else is."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from fleet.local import processes
from fleet.local.processes import Roster
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil

_SLEEP = (sys.executable, "-S", "-c", "import time; time.sleep(60)")
_STUBBORN = (
    sys.executable,
    "-S",
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
)


class _Bench:
    """Launches processes into one roster, and leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self.roster = Roster(folder / "processes.json")
        self.log = folder / "log"
        self._launched: list[psutil.Popen] = []

    def launch(self, argv: tuple[str, ...], *, stage: int = 0) -> psutil.Popen:
        process = processes.launch(f"stage {stage}", argv, roster=self.roster, stage=stage, log=self.log)
        self._launched.append(process)
        return process

    def close(self) -> None:
        processes.kill([process for process in self._launched if not _gone(process)])
        for process in self._launched:
            process.wait(timeout=10)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[_Bench]:
    made = _Bench(tmp_path)
    yield made
    made.close()


def _gone(process: psutil.Popen) -> bool:
    return process.poll() is not None


def test_what_was_launched_is_found_again(bench: _Bench) -> None:
    process = bench.launch(_SLEEP)

    (entry,) = bench.roster.entries()
    found = processes.find(entry)

    assert found is not None
    assert found.pid == process.pid


def test_a_process_without_a_written_id_is_found_by_its_command_line(bench: _Bench, tmp_path: Path) -> None:
    process = bench.launch((*_SLEEP, str(tmp_path)))
    (entry,) = bench.roster.entries()
    bench.roster.add(msgspec.structs.replace(entry, pid=None))

    assert processes.end_recorded(bench.roster, grace_s=5) == 1

    assert _gone(process)


def test_what_is_started_is_written_down_before_it_is(bench: _Bench) -> None:
    with pytest.raises(FileNotFoundError):
        bench.launch(("/nonexistent/program", "argument"))

    (entry,) = bench.roster.entries()
    assert (entry.pid, entry.argv) == (None, ("/nonexistent/program", "argument"))


def test_recorded_processes_are_ended_and_struck_off(bench: _Bench) -> None:
    process = bench.launch(_SLEEP)

    assert processes.end_recorded(bench.roster, grace_s=5) == 1

    assert _gone(process)
    assert bench.roster.entries() == ()


@pytest.mark.parametrize(
    "change",
    [{"argv": ("another", "program")}, {"started": time.time() - 86400}],
    ids=["command line", "start time"],
)
def test_a_process_that_only_has_the_same_id_is_left_alone(bench: _Bench, change: dict[str, object]) -> None:
    process = bench.launch(_SLEEP)
    (entry,) = bench.roster.entries()
    bench.roster.add(msgspec.structs.replace(entry, **change))

    assert processes.end_recorded(bench.roster, grace_s=5) == 0

    assert not _gone(process)


def test_a_process_that_ignores_sigterm_is_killed(bench: _Bench) -> None:
    process = bench.launch(_STUBBORN)
    _wait_for("deaf", log=bench.log)

    processes.end_recorded(bench.roster, grace_s=0.2)

    assert _gone(process)


def test_a_suspended_process_hears_the_end(bench: _Bench) -> None:
    process = bench.launch(_SLEEP)
    process.suspend()
    started = time.monotonic()

    processes.end_recorded(bench.roster, grace_s=20)

    assert _gone(process)
    assert time.monotonic() - started < 10


def test_higher_stages_end_first(bench: _Bench) -> None:
    note = "import signal, sys, time\ndef end(*_):\n print(sys.argv[1], flush=True)\n sys.exit()\n"
    note += "signal.signal(15, end)\nprint('up', sys.argv[1], flush=True)\ntime.sleep(60)"
    for stage in (1, 0, 2):
        bench.launch((sys.executable, "-S", "-c", note, f"stage {stage}"), stage=stage)
        _wait_for(f"up stage {stage}", log=bench.log)

    processes.end_recorded(bench.roster, grace_s=10)

    assert bench.log.read_text().splitlines()[3:] == ["stage 2", "stage 1", "stage 0"]


def test_a_process_that_has_ended_already_is_no_trouble(bench: _Bench) -> None:
    process = bench.launch((sys.executable, "-S", "-c", ""))
    process.wait(timeout=10)

    assert processes.end_recorded(bench.roster, grace_s=1) == 0


def test_owned_processes_are_orphaned_once_the_owner_is_gone(bench: _Bench) -> None:
    assert not bench.roster.orphaned()
    bench.roster.claim()
    assert not bench.roster.orphaned()

    child = os.fork()
    if child == 0:
        bench.roster.claim()
        os._exit(0)
    os.waitpid(child, 0)

    assert bench.roster.orphaned()
    bench.roster.disown()
    assert not bench.roster.orphaned()


def test_a_launched_process_has_a_session_of_its_own(bench: _Bench) -> None:
    process = bench.launch(_SLEEP)

    assert os.getsid(process.pid) == process.pid


def test_the_tail_of_a_log_that_is_not_there_says_so(tmp_path: Path) -> None:
    assert "was not written" in processes.tail(tmp_path / "missing.log")


def _wait_for(text: str, *, log: Path) -> None:
    until(log.read_text, lambda written: text in written)
