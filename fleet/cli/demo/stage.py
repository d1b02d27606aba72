"""What the story needs around it: three clusters, cluster files, a database and a hub, all in one folder.

Every process, the hub included, is on the roster of the folder's local fleet. So its keeper ends them should this
process be killed, and ``fleet local down`` ends them where they were kept.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import psutil
import yaml

from fleet.local import processes
from fleet.local.keeper import ROSTER
from fleet.local.localfleet import LocalFleet
from fleet.local.processes import Roster
from fleet.local.servers import Server

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.local.binaries import Binaries

HUB = "hub"
SPOKES = ("spoke-1", "spoke-2")
CLUSTERS = (HUB, *SPOKES)
_REGIONS = {"spoke-1": "europe", "spoke-2": "asia"}

_HUB_STAGE = 3  # above everything that it talks to, so it ends first
_GRACE_S = 3.0
_ANSWER_TIMEOUT_S = 2.0


class Stage:
    """The folder and what runs in it. `end` may be called at any time, and leaves neither."""

    def __init__(self, folder: Path, binaries: Binaries) -> None:
        self.folder = folder
        self.cluster_files = folder / "clusters"
        self.database_url = f"sqlite:///{folder / 'fleet.db'}"
        self._fleet = LocalFleet(folder, binaries=binaries, names=CLUSTERS)
        self.log = folder / "hub.log"
        self._roster = Roster(folder / ROSTER)
        self._hub = Server(
            "fleet hub",
            argv=self._hub_command(),
            log=self.log,
            roster=self._roster,
            stage=_HUB_STAGE,
            environment=_environment(folder),
        )

    def start_clusters(self) -> None:
        """Start the control planes. Raises StartFailed."""
        self._fleet.start()

    def register(self) -> None:
        """Write a cluster file for each cluster."""
        self.cluster_files.mkdir()
        for name in CLUSTERS:
            document = {
                "name": name,
                "roles": [HUB if name == HUB else "spoke"],
                "labels": {"region": _REGIONS[name]} if name in _REGIONS else {},
                "connection": {"kubeconfig": {"path": str(self.kubeconfig(name))}},
            }
            (self.cluster_files / f"{name}.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def start_hub(self) -> None:
        """Start the hub."""
        self._hub.launch()

    def check(self) -> None:
        """Raise StartFailed, with the end of its log, where the hub has ended."""
        self._hub.check()

    def hub_answers(self) -> str:
        """What the hub says on ``/readyz``: ``ok`` once it is ready."""
        found = re.search(r"hub is up.*\bport=(\d+)", self.log.read_text())
        if found is None:
            return "it does not listen yet"
        try:
            url = f"http://127.0.0.1:{found[1]}/readyz"
            with urllib.request.urlopen(url, timeout=_ANSWER_TIMEOUT_S) as answer:
                return str(answer.read().decode().strip())
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.read().decode().strip()

    def kubeconfig(self, cluster: str) -> Path:
        """The kubeconfig of a cluster."""
        return self._fleet[cluster].kubeconfig

    def hub_log_tail(self) -> str:
        """The end of the hub's log."""
        return processes.tail(self.log)

    def leave_running(self) -> None:
        """Let everything outlive this process."""
        self._fleet.detach()

    def end(self) -> int:
        """End every process and remove the folder; gives how many there were."""
        started = len(self._roster.entries())
        self._fleet.stop()
        self._hub.reap()
        # An interrupt may have come between the start of a process and its entry in the roster.
        processes.end(psutil.Process().children(recursive=True), grace_s=_GRACE_S)
        shutil.rmtree(self.folder, ignore_errors=True)
        return started

    def _hub_command(self) -> tuple[str, ...]:
        return (
            *(sys.executable, "-m", "fleet.cli", "hub"),
            *("--clusters", str(self.cluster_files), "--database", self.database_url),
            *("--listen", "127.0.0.1:0"),
        )


def _environment(folder: Path) -> dict[str, str]:
    """The settings of the user's own fleet are not this one's, and temporary files go with the folder."""
    unset = dict.fromkeys((name for name in os.environ if name.startswith("FLEET_")), "")
    return unset | {"FLEET_DATA_FOLDER": str(folder), "TMPDIR": str(folder)}
