"""Builds one program with Go and tells how far it is.

``go list`` says how many packages are stale and downloads what is missing; ``go build -v`` then names each package
as it compiles it. What is left after the last one is the linker.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.errors import Terminal
from fleet.local import toolchain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fleet.local.programs import Module, Program

_LISTING_TIMEOUT_S = 20 * 60  # it downloads about 150 MB of sources the first time
_BUILD_TIMEOUT_S = 60 * 60
_STALE = "stale "
_ERROR_LINES = 30


class BuildFailed(Terminal):
    """Go could not build a program."""


class Phase(StrEnum):
    """What a build is busy with."""

    DOWNLOADING = "downloading"
    COMPILING = "compiling"
    LINKING = "linking"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the build of one program is: ``done`` modules downloaded, or packages compiled of ``total``."""

    program: str
    phase: Phase
    done: int = 0
    total: int | None = None


def build(program: Program, *, module: Module, go: Path, into: Path, report: Callable[[Progress], None]) -> Path:
    """Build ``program`` and move it, complete, into the folder ``into``."""
    into.mkdir(parents=True, exist_ok=True)
    flags = ["-C", str(module.folder)], ["-trimpath", "-ldflags", module.ldflags]
    total = _count_stale(program, command=[str(go), "list", *flags[0], "-deps", *flags[1]], report=report)
    target = into / program.name
    with tempfile.TemporaryDirectory(dir=into, prefix=f".{program.name}-") as scratch:
        built = Path(scratch) / program.name
        command = [str(go), "build", *flags[0], "-v", *flags[1], "-o", str(built), program.package]
        _compile(program, command=command, total=total, report=report)
        built.replace(target)
    report(Progress(program=program.name, phase=Phase.DONE, done=total, total=total))
    return target


def _count_stale(program: Program, *, command: list[str], report: Callable[[Progress], None]) -> int:
    stale = downloaded = 0
    template = f"{{{{if .Stale}}}}{_STALE}{{{{.ImportPath}}}}{{{{end}}}}"
    report(Progress(program=program.name, phase=Phase.DOWNLOADING))
    with _lines([*command, "-f", template, program.package], timeout_s=_LISTING_TIMEOUT_S) as lines:
        for line in lines:
            if line.startswith(_STALE):
                stale += 1
            elif line.startswith("go: downloading "):
                downloaded += 1
                report(Progress(program=program.name, phase=Phase.DOWNLOADING, done=downloaded))
    return max(stale, 1)


def _compile(program: Program, *, command: list[str], total: int, report: Callable[[Progress], None]) -> None:
    compiled = 0
    first = Phase.COMPILING if total > 1 else Phase.LINKING  # the program itself always counts as stale
    report(Progress(program=program.name, phase=first, total=total))
    with _lines(command, timeout_s=_BUILD_TIMEOUT_S) as lines:
        for line in lines:
            if not _is_package(line):
                continue
            compiled = min(compiled + 1, total)
            phase = Phase.LINKING if line == program.package else Phase.COMPILING
            report(Progress(program=program.name, phase=phase, done=compiled, total=total))


def _is_package(line: str) -> bool:
    return bool(line) and " " not in line and not line.startswith("#")


@contextmanager
def _lines(command: list[str], *, timeout_s: float) -> Iterator[Iterator[str]]:
    """The lines that Go prints, as it prints them; raises BuildFailed with the last of them if it fails."""
    seen: list[str] = []
    process = subprocess.Popen(  # noqa: S603 - Go, with arguments of our own
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=toolchain.environment(),
    )
    watchdog = threading.Timer(timeout_s, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        stream = process.stdout

        def read() -> Iterator[str]:
            for raw in stream:
                seen.append(raw.rstrip())
                yield seen[-1]

        yield read()
        returncode = process.wait()
    finally:
        watchdog.cancel()
        process.kill()  # after an interrupt; a process that has been waited for is left alone
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if returncode:
        raise BuildFailed(_explain(command, returncode=returncode, seen=seen, timeout_s=timeout_s))


def _explain(command: list[str], *, returncode: int, seen: list[str], timeout_s: float) -> str:
    reason = f"exit code {returncode}"
    if returncode < 0:
        reason = f"ended by signal {-returncode}; the time limit is {timeout_s / 60:g} min"
    telling = [
        line for line in seen if not _is_package(line) and not line.startswith(("go: downloading ", _STALE))
    ]
    shown = os.linesep.join(telling[-_ERROR_LINES:])
    return f"`{' '.join(command)}` failed ({reason}):\n{shown}"
