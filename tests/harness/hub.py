"""A hub as its users run it: a process of its own, told by cluster files, looked at from outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

START_DEADLINE_S = 40
STOP_DEADLINE_S = 15


class HubProcess:
    """``fleet hub`` with a folder of cluster files, a database and a log of its own.

    ``settings`` are environment variables beyond these.
    """

    def __init__(self, folder: Path, *, database_url: str, settings: Mapping[str, str] | None = None) -> None:
        self.clusters = folder / "clusters"
        self.clusters.mkdir()
        self.log = folder / "hub.log"
        self.data = folder / "data"
        self.database_url = database_url
        self._settings = {
            "FLEET_DATA_FOLDER": str(self.data),
            "FLEET_DATABASE_URL": database_url,
            **(settings or {}),
        }
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def register(
        self,
        name: str,
        kubeconfig: Path,
        *,
        roles: Sequence[str] = ("spoke",),
        labels: Mapping[str, str] | None = None,
        suspend: bool = False,
    ) -> Path:
        """Write a cluster file; while the hub runs, too."""
        file = self.clusters / f"{name}.yaml"
        document = {
            "name": name,
            "roles": list(roles),
            "labels": dict(labels or {}),
            "connection": {"kubeconfig": {"path": str(kubeconfig)}},
            "suspend": suspend,
        }
        file.write_text(yaml.safe_dump(document))
        return file

    def start(self) -> None:
        """Start the hub, and return once it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [
                    *(str(Path(sys.executable).with_name("fleet")), "hub", "--clusters", str(self.clusters)),
                    *("--listen", f"127.0.0.1:{self._port}", "--log-level", "debug"),
                ],
                env={**os.environ, **self._settings},
                stdout=log,
                stderr=log,
            )
        until(lambda: self.ask("/readyz"), lambda answer: answer[0] == 200, deadline_s=START_DEADLINE_S)

    def stop(self) -> int:
        """End the hub as a supervisor does, and give its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the hub with SIGKILL: it learns nothing of it."""
        self._end(signal.SIGKILL)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def ask(self, path: str) -> tuple[int, str]:
        """Status and body of a GET; status 0 where nobody answers. Fails the test if the hub has ended."""
        if not self.running:
            raise AssertionError(f"the hub has ended:\n{self.tail()}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.code, exc.read().decode()
        except OSError as exc:
            return 0, str(exc)

    def tail(self, lines: int = 40) -> str:
        """The end of the hub's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_DEADLINE_S)
            raise AssertionError(f"the hub did not end in {STOP_DEADLINE_S} s:\n{self.tail()}") from None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
