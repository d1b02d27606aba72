"""Modules of git repositories and registries, as far as possible without asking for them.

A revision, once fetched, is kept on disk: a pinned one costs nothing any more, one that a branch or tag names
costs a look at what it names. Few things are asked of one host at a time, so that a server which answers nobody
holds up no modules but its own.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Protocol
from weakref import WeakValueDictionary

from fleet.cue.errors import ModuleError
from fleet.cue.remote.git import GitSource
from fleet.cue.remote.oci import OciSource
from fleet.cue.remote.origin import Resolved

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fleet.cue.module import Module
    from fleet.cue.remote.cache import ModuleCache
    from fleet.cue.remote.origin import Location, ReadSecret, Source

AT_ONCE = 8
AT_ONCE_ON_A_HOST = 2


class SecretName(Protocol):
    """``cueRef.pullSecretRef``."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def namespace(self) -> str:
        """Its namespace."""
        ...


class RemoteRef(Protocol):
    """``cueRef`` of a Transform, as far as a remote source reads it."""

    @property
    def type(self) -> str:
        """The name of the source."""
        ...

    @property
    def ref(self) -> str:
        """Which module of that source."""
        ...

    @property
    def path(self) -> str:
        """The folder of the module inside what ``ref`` names."""
        ...

    @property
    def pull_secret_ref(self) -> SecretName | None:
        """The Secret with the credentials."""
        ...


class Fetching:
    """Fetches modules, through a cache. Safe to share between tasks.

    ``look_every_s`` is for who follows a branch or tag: how often to resolve it again.
    """

    def __init__(self, cache: ModuleCache, *, helper: Path, look_every_s: float) -> None:
        self.look_every_s = look_every_s
        self._cache = cache
        self._sources: Mapping[str, Source] = {"git": GitSource(), "oci": OciSource(helper)}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._slots_of: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(AT_ONCE_ON_A_HOST)
        )
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def resolve(self, ref: RemoteRef, *, read_secret: ReadSecret, known: Resolved | None = None) -> Resolved:
        """The module that ``ref`` names now; ``known`` again where that is still it.

        Raises SourceUnavailable, or ModuleError where only a change of the Transform or at the source helps.
        """
        source = self._sources[ref.type]
        location = source.locate(ref.ref, path=ref.path)
        async with self._slots_of[location.host]:
            revision = location.pinned
            if not revision:
                async with self._slots:
                    revision = await source.look(location, await read_secret())
            if known is not None and known.revision == revision:
                return known
            key = _key(ref, location.repository, location.path, revision)
            async with self._locks.setdefault(key, asyncio.Lock()):  # what two want is fetched once
                kept = await asyncio.to_thread(self._cache.get, key)
                if kept is None:
                    async with self._slots:
                        module = await source.fetch(location, revision, await read_secret())
                    await asyncio.to_thread(self._cache.put, key, module=module, revision=revision)
                else:
                    module = kept.module
        if not location.pinned:
            await asyncio.to_thread(self._cache.put, _last_key(ref, location), module=module, revision=revision)
        return _resolved(location, module=module, revision=revision)

    async def last(self, ref: RemoteRef) -> Resolved | None:
        """What ``ref`` named when it was last resolved on this machine. None where that is not known."""
        try:
            location = self._sources[ref.type].locate(ref.ref, path=ref.path)
        except ModuleError:
            return None
        key = (
            _key(ref, location.repository, location.path, location.pinned)
            if location.pinned
            else _last_key(ref, location)
        )
        kept = await asyncio.to_thread(self._cache.get, key)
        return _resolved(location, module=kept.module, revision=kept.revision) if kept else None


def _resolved(location: Location, *, module: Module, revision: str) -> Resolved:
    return Resolved(
        module=module, revision=revision, origin=location.described(revision), moves=not location.pinned
    )


def _last_key(ref: RemoteRef, location: Location) -> str:
    return _key(ref, location.ref, location.path, "last")


def _key(ref: RemoteRef, *parts: str) -> str:
    """What a module is kept under. The Secret is part of it: who names none does not get what another fetched."""
    secret = ref.pull_secret_ref
    return "\n".join((ref.type, f"{secret.namespace}/{secret.name}" if secret else "", *parts))
