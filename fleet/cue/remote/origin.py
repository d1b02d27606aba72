"""Where exactly a module came from, and what can keep it from coming."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fleet.errors import Transient

if TYPE_CHECKING:
    from fleet.cue.module import Module

PullSecret = Mapping[str, bytes]
"""The decoded ``data`` of the Secret that ``pullSecretRef`` names; empty where it names none."""

ReadSecret = Callable[[], Awaitable[PullSecret]]
"""Reads the pull secret. Called only where something has to be asked of the source."""


class SourceUnavailable(Transient):
    """A git server or registry did not answer, or not as one does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """What a ``cueRef`` names. ``pinned`` is the revision where the ref itself says it, which then never moves."""

    ref: str
    host: str
    repository: str
    """The repository with its host, and without a revision."""

    path: str = ""
    pinned: str = ""

    def described(self, revision: str) -> str:
        """One revision of it, in words."""
        folder = f", folder {self.path}" if self.path else ""
        return f"{self.repository} at {revision}{folder}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A module, and the immutable ``revision`` that it is: a commit id, a manifest digest, a resource version."""

    module: Module
    revision: str
    origin: str
    """The revision and where it lies, in words."""

    moves: bool
    """Whether the same ref may name another revision later."""


class Source(Protocol):
    """One type of ``cueRef`` whose modules are fetched over the network."""

    def locate(self, ref: str, *, path: str) -> Location:
        """Read ``cueRef.ref`` and ``cueRef.path``. Raises ModuleError."""
        ...

    async def look(self, location: Location, secret: PullSecret) -> str:
        """The revision that a location which is not pinned names now. Cheap: it fetches no module."""
        ...

    async def fetch(self, location: Location, revision: str, secret: PullSecret) -> Module:
        """The module at ``revision``."""
        ...
