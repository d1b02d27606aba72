"""One helper process, asked for one thing at a time.

The helper's own watchdog ends an evaluation that exceeds a limit, and says so before it exits. Where even that
fails this side kills it a little later. Whatever ends a helper is told apart here: a limit is the module's
fault and Terminal, anything else is Transient.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from fleet.cue import protocol
from fleet.cue.errors import EngineCrashed, LimitExceeded

if TYPE_CHECKING:
    from pathlib import Path

    from fleet.cue.limits import Limits
    from fleet.errors import FleetError
    from fleet.ids import ModuleDigest

_LONGEST_REPLY = 256 * 1024 * 1024
_STDERR_SHOWN = 64 * 1024
_EXIT_WAIT_S = 2.0

# What the Go runtime says when it gives up, which is no watchdog's doing; the rest of it is a stack trace.
_LAST_WORDS = {
    b"stack exceeds": "the module recurses too deeply",
    b"out of memory": "the module needs more memory than it may have",
    b"cannot allocate memory": "the module needs more memory than it may have",
}


class HelperProcess:
    """A running helper. Not safe for concurrent use: the pool gives it to one caller at a time."""

    def __init__(self, process: asyncio.subprocess.Process, stderr: BinaryIO, limits: Limits) -> None:
        assert process.stdin is not None  # noqa: S101 - start() asked for pipes
        assert process.stdout is not None  # noqa: S101
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._stderr = stderr
        self._limits = limits
        self._busy = False
        self._last_id = 0
        self.modules: set[ModuleDigest] = set()
        self.requests = 0
        self.memory_bytes = 0

    @classmethod
    async def start(cls, binary: Path, limits: Limits) -> HelperProcess:
        """Start a helper. It needs nothing from the environment, and gets nothing from it."""
        stderr = tempfile.TemporaryFile()  # noqa: SIM115 - owned by the process, and closed with it
        try:
            async with asyncio.timeout(limits.start_s):
                process = await asyncio.create_subprocess_exec(
                    binary,
                    f"-memory-mib={limits.memory_mib}",
                    f"-stack-mib={limits.stack_mib}",
                    f"-modules={limits.modules}",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=stderr,
                    env={},
                    cwd="/",
                    limit=_LONGEST_REPLY,
                    # Its own session: Ctrl-C is for this process, which lets the helper finish.
                    start_new_session=True,
                )
        except (OSError, TimeoutError) as exc:
            stderr.close()
            raise EngineCrashed(f"the CUE helper {binary} does not start: {exc!r}") from exc
        return cls(process, stderr, limits)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it runs and owes nobody a reply."""
        return self._process.returncode is None and not self._busy and not self._stdout.at_eof()

    async def ask(self, request: protocol.Request, *, limit_s: float) -> protocol.Reply:
        """Send ``request`` and give the reply. Raises LimitExceeded or EngineCrashed where the helper ends."""
        self._busy = True
        self._last_id += 1
        self.requests += 1
        wall_s = limit_s * self._limits.patience
        numbered = msgspec.structs.replace(
            request, id=self._last_id, limit_ms=round(limit_s * 1000), wall_ms=round(wall_s * 1000)
        )
        try:
            async with asyncio.timeout(wall_s + self._limits.grace_s):
                answer = await self._exchange(protocol.encode_request(numbered))
        except TimeoutError as exc:
            self.kill()
            raise LimitExceeded(f"{request.op} did not end within {wall_s:g} s and was killed") from exc
        if not answer.endswith(b"\n"):
            await self._reap()
            raise self._last_words(request.op)
        reply = protocol.decode_reply(answer)
        self.memory_bytes = reply.memory_bytes
        # A helper that exceeded a limit is about to exit; one that answers something else is not to be trusted.
        self._busy = reply.id != self._last_id or (reply.error is not None and reply.error.code == protocol.LIMIT)
        if reply.id != self._last_id:
            raise EngineCrashed(f"the CUE helper answered request {reply.id} instead of {self._last_id}")
        return reply

    async def _exchange(self, line: bytes) -> bytes:
        with contextlib.suppress(ConnectionError):  # it has just ended: what it said last is still to be read
            self._stdin.write(line)
            await self._stdin.drain()
        return await self._stdout.readline()

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """End it, at once where it is evaluating, and free what it held."""
        if self._busy:
            self.kill()
        self._stdin.close()
        await self._reap()
        self._stderr.close()

    async def _reap(self) -> None:
        try:
            async with asyncio.timeout(_EXIT_WAIT_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def _last_words(self, op: str) -> FleetError:
        if self._stderr.closed:
            return EngineCrashed(f"the CUE engine was closed during {op}")
        self._stderr.seek(0)
        said = self._stderr.read(_STDERR_SHOWN)
        for words, meaning in _LAST_WORDS.items():
            if words in said:
                return LimitExceeded(f"{op} ended the evaluator: {meaning}")
        status = self._process.returncode
        return EngineCrashed(f"the CUE helper ended during {op} with status {status}")
