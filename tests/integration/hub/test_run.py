"""A hub that cannot start says why in a line."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def hub(folder: Path, *, listen: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this interpreter
        [
            *(sys.executable, "-m", "fleet.cli", "hub", "--listen", listen),
            *("--database", f"sqlite:///{folder / 'fleet.db'}", "--clusters", str(folder)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"FLEET_DATA_FOLDER": str(folder), "PYTHONPATH": ":".join(sys.path)},
    )


def test_an_address_that_somebody_has(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = hub(tmp_path, listen=f"127.0.0.1:{port}")
    assert run.returncode == 1
    [line] = run.stderr.splitlines()
    assert line.startswith(f"error: cannot listen on 127.0.0.1:{port} (")
    assert "address already in use" in line
    assert line.endswith("choose another address with --listen or FLEET_LISTEN")


def test_what_is_no_address_is_told_before_anything_is_made(tmp_path: Path) -> None:
    run = hub(tmp_path, listen="8642")
    assert run.returncode == 1
    assert run.stderr.startswith("error: listen (FLEET_LISTEN): '8642' is not host:port")
    assert list(tmp_path.iterdir()) == []
