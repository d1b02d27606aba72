"""Runs git, apart from everything on this machine that could change what it does."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.cue.errors import ModuleError
from fleet.cue.remote import gitaccess, subprocesses
from fleet.cue.remote.origin import SourceUnavailable
from fleet.errors import Terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fleet.cue.remote.gitaccess import Access
    from fleet.cue.remote.gitref import GitRef
    from fleet.cue.remote.origin import PullSecret
    from fleet.errors import FleetError

MOST_PACK_BYTES = 256 * 1024 * 1024
"""Of one commit with all its files, compressed; the largest file that git may write."""

_MOST_OUTPUT = 64 * 1024 * 1024
_SHOWN = 300

# Git has one exit status for everything, so that its words have to be read; LC_ALL keeps them English.
_DENIED = re.compile(
    r"could not read (username|password)|authentication failed|permission denied|returned error: 40[13]"
    r"|invalid credentials|too many authentication failures"
)
_UNKNOWN_HOST_KEY = re.compile(r"host key verification failed|no .* host key is known")
_MISSING = re.compile(
    r"repository .*(not found|does not exist)|returned error: 404|does not appear to be a git repository"
    r"|project you were looking for could not be found"
)
_NO_COMMIT = re.compile(r"not our ref|unadvertised object|couldn't find remote ref")
_TOO_LARGE = re.compile(r"file too large")


class GitMissing(Terminal):
    """A program that a git source needs is not on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """A private home folder in which git runs for one repository."""

    ref: GitRef
    home: Path
    access: Access

    async def run(self, *arguments: str, timeout_s: float, said: bytes = b"") -> bytes:
        """What a git command says. Raises SourceUnavailable or ModuleError."""
        # The shell sets the one limit that git itself has no setting for, lets git say that it met it instead of
        # dying of it, and becomes git.
        limited = f"trap '' XFSZ; ulimit -f {MOST_PACK_BYTES // 512} && exec git \"$@\""
        command = ["/bin/sh", "-c", limited, "git", *arguments]
        try:
            finished = await subprocesses.run(
                command,
                environment=self._environment(),
                folder=self.home,
                said=said,
                timeout_s=timeout_s,
                most_output=_MOST_OUTPUT,
            )
        except TimeoutError:
            raise SourceUnavailable(
                f"{self.ref.url}: git {arguments[0]} did not end within {timeout_s:g} s"
            ) from None
        except OSError as exc:
            raise GitMissing(f"git does not start: {exc}") from exc
        if finished.stdout is None:
            raise ModuleError(f"cueRef.ref: {self.ref.url} has more to say than a module needs")
        if finished.status != 0:
            raise self._error(finished.stderr)
        return finished.stdout

    def _environment(self) -> dict[str, str]:
        return {
            **subprocesses.network_environment(),
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CEILING_DIRECTORIES": str(self.home.parent),
        }

    def _error(self, stderr: str) -> FleetError:
        said = self._shown(stderr)
        lower = stderr.lower()
        url = self.ref.url
        if _UNKNOWN_HOST_KEY.search(lower):
            return ModuleError(
                f"cueRef.pullSecretRef: known_hosts of the Secret lacks the host key of {self.ref.authority}"
            )
        if _DENIED.search(lower):
            return ModuleError(
                f"cueRef.pullSecretRef: {url} refuses access; name a Secret whose credentials may read it ({said})"
            )
        if _MISSING.search(lower):
            return ModuleError(
                f"cueRef.ref: there is no repository {url}, or cueRef.pullSecretRef names none that may see it"
            )
        if _NO_COMMIT.search(lower):
            return ModuleError(
                f"cueRef.ref: {url} has no commit {self.ref.revision}, or does not give it by its id ({said})"
            )
        if _TOO_LARGE.search(lower):
            return ModuleError(f"cueRef.ref: {url} is larger than {MOST_PACK_BYTES // 2**20} MiB at this revision")
        return SourceUnavailable(f"{url}: {said}")

    def _shown(self, stderr: str) -> str:
        for secret in self.access.secrets:
            stderr = stderr.replace(secret, "…") if secret else stderr
        lines = [line.strip() for line in stderr.splitlines() if line.strip()]
        telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ssh:"))] or lines
        return "; ".join(telling[:3])[:_SHOWN] or "git gave no reason"


@asynccontextmanager
async def opened(ref: GitRef, secret: PullSecret) -> AsyncIterator[Git]:
    """Git for one repository. Its home, credentials and all, is gone afterwards.

    Raises GitMissing or ModuleError.
    """
    lacking = missing_programs(ref.scheme)
    if lacking:
        raise GitMissing(
            f"{ref.url}: there is no {' and no '.join(lacking)} where the hub runs, which modules of type git "
            f"over {ref.scheme} need; install it, or use the fleet's image"
        )
    home = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="fleet-git-"))  # mode 0700
    try:
        access = gitaccess.access(ref, secret, home=home, trusted=os.environ.get("SSL_CERT_FILE", ""))
        await asyncio.to_thread(_write, home, access)
        yield Git(ref=ref, home=home, access=access)
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, home, ignore_errors=True))


def missing_programs(scheme: str) -> list[str]:
    """Which of the programs that git needs for URLs of that scheme are not on this machine."""
    needed = ("git", "ssh") if scheme == "ssh" else ("git",)
    return [name for name in needed if shutil.which(name) is None]


def _write(home: Path, access: Access) -> None:
    for name, content in access.files.items():
        file = home / name
        file.touch(mode=0o600)
        file.write_bytes(content)
