"""Runs one program to its end, within limits of time and output, in a process group of its own.

Whatever ends the wait early, a time limit or a cancellation, ends the whole group: git leaves the network to
children, which would live on without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_STDERR_BYTES = 64 * 1024
_CHUNK = 64 * 1024

# How the network is reached is the machine's matter; nothing else of the hub's environment is passed on.
_NETWORK = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a program ended. ``stdout`` is None where it said more than it may."""

    status: int
    stdout: bytes | None
    stderr: str


def network_environment() -> dict[str, str]:
    """The variables that say how to reach a network: proxies and trusted certificates."""
    return {name: value for name, value in os.environ.items() if name.lower() in _NETWORK}


async def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    said: bytes = b"",
    timeout_s: float,
    most_output: int,
) -> Finished:
    """Run ``command`` with ``said`` as its input. Raises TimeoutError, and OSError where it does not start."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
            group.create_task(_feed(process, said))
            stdout = group.create_task(_read_all(process, most_output))
            stderr = group.create_task(_read_last(process))
            status = await process.wait()
    except BaseException:
        _kill(process)
        await process.wait()
        raise
    return Finished(status=status, stdout=stdout.result(), stderr=stderr.result())


async def _feed(process: asyncio.subprocess.Process, said: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    with contextlib.suppress(ConnectionError):  # it ended without reading all of it
        process.stdin.write(said)
        await process.stdin.drain()
    process.stdin.close()
    with contextlib.suppress(ConnectionError):
        await process.stdin.wait_closed()


async def _read_all(process: asyncio.subprocess.Process, most: int) -> bytes | None:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    read = bytearray()
    while chunk := await process.stdout.read(_CHUNK):
        read += chunk
        if len(read) > most:
            _kill(process)
            return None
    return bytes(read)


async def _read_last(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None  # noqa: S101 - a pipe was asked for
    read = bytearray()
    while chunk := await process.stderr.read(_CHUNK):
        read += chunk
        del read[:-_STDERR_BYTES]
    return read.decode(errors="replace")


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
