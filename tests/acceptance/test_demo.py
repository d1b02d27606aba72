"""``fleet demo``, as somebody who tries the fleet for the first time runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from fleet.local.keeper import ROSTER
from fleet.local.processes import Roster
from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fleet.local.binaries import Binaries

FLEET = (sys.executable, "-m", "fleet.cli")
DEADLINE_S = 240  # it takes about ten seconds on a machine that has nothing else to do


class Demo:
    """A demo that runs as a process of its own, with a folder for temporary files of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._output = folder / "output"
        environment = {
            **os.environ,
            "TMPDIR": str(self.temporary),
            "FLEET_DATABASE_URL": "sqlite:////nowhere/at/all",
        }
        with self._output.open("wb") as output:
            self._process = psutil.Popen(
                [*FLEET, "demo", *arguments], stdout=output, stderr=subprocess.STDOUT, env=environment
            )

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self._output.read_text()

    @property
    def folder(self) -> Path:
        """The folder that it made; fails while there is none."""
        folders = list(self.temporary.glob("fleet-demo-*"))
        assert folders, f"no folder yet:\n{self.output}"
        return folders[0]

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        code: int = self._process.wait(DEADLINE_S)
        return code

    def until_it_says(self, text: str) -> None:
        """Wait until ``text`` is part of its output. Fails the test where it ends before."""

        def said() -> bool:
            return text in self.output or self._process.poll() is not None

        until(said, deadline_s=DEADLINE_S)
        assert text in self.output

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def remains(self) -> list[str]:
        """Its processes that still run, and the files that it has not removed."""
        return [*self.processes(), *(str(path) for path in self.temporary.iterdir())]

    def processes(self) -> list[str]:
        """The command lines that have something of this demo in them."""
        mine = str(self.temporary)
        return [
            command
            for process in psutil.process_iter(["cmdline", "status"])
            if mine in (command := " ".join(process.info["cmdline"] or ()))
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ]

    def clear_away(self) -> None:
        """End what a failed test left."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
        for folder in self.temporary.glob("fleet-demo-*"):
            subprocess.run([*FLEET, "local", "down", "--wipe", "--dir", folder], check=True, timeout=60)  # noqa: S603


@pytest.fixture
def start_demo(tmp_path: Path, control_plane_binaries: Binaries) -> Iterator[Callable[..., Demo]]:  # noqa: ARG001
    """Starts a demo, of which nothing is left after the test; the control planes are built before."""
    started: list[Demo] = []

    def start(*arguments: str) -> Demo:
        started.append(Demo(tmp_path, *arguments))
        return started[-1]

    yield start
    for demo in started:
        demo.clear_away()


def in_this_order(text: str, *patterns: str) -> None:
    """Check that ``text`` has each pattern, one behind the other."""
    position = 0
    for pattern in patterns:
        found = re.compile(pattern).search(text, position)
        assert found, f"nothing like {pattern!r} behind character {position} of\n{text}"
        position = found.end()


def test_the_story(start_demo: Callable[..., Demo]) -> None:
    demo = start_demo()
    assert demo.wait() == 0, demo.output

    for spoke in ("spoke-1", "spoke-2"):
        in_this_order(
            demo.output,
            r"1\. Start three clusters.*",
            rf"s  {spoke}  Kubernetes v\d",
            r"2\. Register them with cluster files, and start a hub",
            r"s +the hub is ready",
            rf"s  {spoke}  registered as spoke, and reachable",
            r"3\. Apply a Transform to the hub",
            r"s  hub +revision 1 of module sha256:",
            rf"s  {spoke}  CRD webservices\.apps\.mycompany\.com is established",
            r"4\. Create a WebService on each spoke",
            rf"s  {spoke}  WebService hello created: 2 × nginx:1\.27",
            rf"s  {spoke}  Deployment hello: 2 × nginx:1\.27",
            rf"s  {spoke}  Deployment hello is available: 2 of 2 pods",
            rf"s  {spoke}  Service hello: port 8080, now that its Deployment is available",
            rf"s  {spoke}  WebService hello is Ready: http://hello\.default\.svc:8080",
        )
    in_this_order(
        demo.output,
        r"5\. Change the one on spoke-1",
        r"s  spoke-1  WebService hello changed: image nginx:1\.27 → nginx:1\.28, replicas 2 → 3",
        r"s  spoke-1  Deployment hello: image nginx:1\.27 → nginx:1\.28, replicas 2 → 3",
        r"s  spoke-1  Deployment hello is available: 3 of 3 pods",
        r"s  spoke-1  WebService hello is Ready",
        r"s  spoke-2  WebService hello is as it was",
        r"6\. Delete the one on spoke-2",
        r"s  spoke-2  Service hello is gone",
        r"s  spoke-2  Deployment hello is gone",
        r"7\. Read from SQL",
        r"spoke-2 +delete Service default/hello +WebService default/hello, node service .* done",
        r"spoke-2 +delete Deployment default/hello +WebService default/hello, node deployment .* done",
        r"That took \d+\.\d s",
        r"Ended all \d+ processes and removed ",
    )
    assert "\x1b" not in demo.output, "colours are for terminals"
    assert "UNFINISHED" not in demo.output
    assert demo.remains() == []


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "1. Start"),
        (signal.SIGTERM, "the hub is ready"),
        (signal.SIGINT, "WebService hello created"),
    ],
)
def test_an_interrupt_leaves_nothing_behind(
    start_demo: Callable[..., Demo], number: signal.Signals, moment: str
) -> None:
    demo = start_demo()
    demo.until_it_says(moment)
    demo.send(number)
    demo.send(number)  # the impatient press twice

    assert demo.wait() == 128 + number
    assert demo.remains() == []
    assert "Traceback" not in demo.output, demo.output
    assert "and removed" in demo.output.splitlines()[-1]


def test_a_hub_that_dies_is_told_and_leaves_nothing_behind(start_demo: Callable[..., Demo]) -> None:
    demo = start_demo()
    demo.until_it_says("the hub is ready")
    hub = next(entry for entry in Roster(demo.folder / ROSTER).entries() if entry.name == "fleet hub")
    assert hub.pid is not None
    os.kill(hub.pid, signal.SIGKILL)

    assert demo.wait() == 1
    assert "error: fleet hub ended with exit code -9" in demo.output
    assert "hub is up" in demo.output, "the end of its log"
    assert demo.remains() == []


def test_a_demo_that_is_killed_takes_its_processes_along(start_demo: Callable[..., Demo]) -> None:
    demo = start_demo()
    demo.until_it_says("the hub is ready")
    demo.send(signal.SIGKILL)
    demo.wait()

    until(lambda: not demo.processes(), deadline_s=30)


def test_kept_it_goes_on_and_says_how_to_end_it(start_demo: Callable[..., Demo]) -> None:
    demo = start_demo("--keep")
    assert demo.wait() == 0, demo.output
    commands = re.findall(r"^  ((?:export|fleet) .*)$", demo.output, re.MULTILINE)
    settings = dict(command.removeprefix("export ").split("=", 1) for command in commands if "=" in command)

    def run(command: str) -> str:
        assert f"fleet {command}" in commands
        return subprocess.run(  # noqa: S603
            [*FLEET, *command.split()],
            env=os.environ | settings,
            check=True,
            timeout=60,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    in_this_order(run("clusters"), r"hub +hub +yes", r"spoke-1 +spoke +yes", r"spoke-2 +spoke +yes")
    in_this_order(run("transforms show webservice"), r"spoke-1 +Ready", r"spoke-2 +Ready")
    assert "node deployment" in run("audit --instance default/hello")
    assert "Ended" in run(f"local down --wipe --dir {demo.folder}")
    assert demo.remains() == []
