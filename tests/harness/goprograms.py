"""Programs that tests need and that are built from Go modules: a registry, and the cue command.

Their go.mod and go.sum, in ``go/``, pin every line of source. Each is built once and kept in the cache folder.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from fleet.local import cache, toolchain

_SOURCES = Path(__file__).parent / "go"
_PACKAGES = {"registry": ".", "cue": "cuelang.org/go/cmd/cue"}
_BUILD_TIMEOUT_S = 1800


def built(name: str) -> Path:
    """The executable ``registry`` or ``cue``, built now where it is not there yet."""
    source = _SOURCES / name
    recipe = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(source.iterdir()))).hexdigest()[:12]
    program = cache.cache_dir() / "tests" / f"{name}-{recipe}" / name
    with cache.locked(program.parent / "build.lock", timeout_s=_BUILD_TIMEOUT_S, on_wait=lambda: None):
        if not os.access(program, os.X_OK):
            _build(source, _PACKAGES[name], program)
    return program


def _build(source: Path, package: str, program: Path) -> None:
    with tempfile.TemporaryDirectory(dir=program.parent) as scratch:
        fresh = Path(scratch) / program.name
        command = [str(toolchain.find_go()), "build", "-trimpath", "-ldflags=-s -w", "-o", str(fresh), package]
        finished = subprocess.run(  # noqa: S603 - Go, with arguments of our own
            command,
            cwd=source,
            env=toolchain.environment(),
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT_S,
            check=False,
        )
        if finished.returncode != 0:
            raise AssertionError(f"cannot build {program.name}:\n{finished.stderr}")
        fresh.replace(program)
