"""The modules of Transforms, kept current while nobody waits for them.

A Transform's turn takes what is known of its module and goes on; the network is asked by a task of each Transform
whose module lies elsewhere. The task of a git repository or registry looks again on an interval, unless the ref is
pinned; that of a ConfigMap follows a watch on this one object. A task tells when a Transform deserves a turn: its
module is there, is another one, or cannot be had. What was known before such an error is still given with it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import random
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

import structlog

from fleet.cue import sources
from fleet.cue.errors import ModuleError
from fleet.cue.remote import configmap
from fleet.cue.remote.origin import Resolved
from fleet.errors import FleetError, Transient
from fleet.kube.errors import Forbidden, NotFound
from fleet.kube.stream import Broken, Changed, Deleted, Listed, follow
from fleet.kube.wellknown import CONFIGMAPS, SECRETS
from fleet.retrying import Backoff
from fleet.transforms.spec import SourceType

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from fleet.cue.module import Module
    from fleet.cue.remote.configmap import ConfigMapName
    from fleet.cue.remote.fetching import Fetching
    from fleet.cue.remote.origin import PullSecret
    from fleet.ids import TransformName
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.kube.stream import Event
    from fleet.transforms.spec import CueRef

log = structlog.get_logger(__name__)

RETRY_INITIAL_S = 1.0
_AT_HAND = (SourceType.EMBEDDED, SourceType.INLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """What is known of a module: neither it nor an error before the first answer of its source.

    Both are where the source had it once and now cannot give what it names.
    """

    module: Module | None = None
    origin: str | None = None
    error: FleetError | None = None


class _Followed:
    """One Transform whose module lies elsewhere, and what was last heard of it."""

    def __init__(self, name: TransformName, ref: CueRef) -> None:
        self.name = name
        self.ref = ref
        self.resolved: Resolved | None = None
        self.error: FleetError | None = None
        self.task: asyncio.Task[None] | None = None


class Sourcing:
    """The modules of one hub cluster's Transforms. Use it as a context: leaving it ends every task."""

    def __init__(
        self,
        client: ClusterClient,
        *,
        fetching: Fetching,
        changed: Callable[[TransformName], None],
        jitter: Callable[[float, float], float] = random.uniform,  # noqa: S311 - spreads load, guards nothing
    ) -> None:
        self._client = client
        self._fetching = fetching
        self._changed = changed
        self._jitter = jitter
        self._retry = Backoff(
            initial_s=RETRY_INITIAL_S, maximum_s=max(fetching.look_every_s, RETRY_INITIAL_S), jitter_s=0
        )
        self._followed: dict[TransformName, _Followed] = {}
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._followed):
            self.forget(name)
        await self._group.__aexit__(kind, error, trace)

    async def current(self, name: TransformName, ref: CueRef) -> Sourced:
        """What is known of the module that ``ref`` names. Raises ModuleError for one that is at hand."""
        if ref.type in _AT_HAND:
            self.forget(name)
            return Sourced(module=await sources.resolve(ref))
        followed = self._followed.get(name)
        if followed is None or followed.ref != ref:
            self.forget(name)
            followed = self._followed[name] = _Followed(name, ref)
            work = self._watch(followed) if ref.type is SourceType.CONFIGMAP else self._look_on(followed)
            followed.task = self._group.create_task(work, name=f"module of {name}")
        resolved = followed.resolved
        if resolved is None:
            return Sourced(error=followed.error)
        return Sourced(module=resolved.module, origin=resolved.origin, error=followed.error)

    def forget(self, name: TransformName) -> None:
        """The Transform is gone, or names another module."""
        followed = self._followed.pop(name, None)
        if followed is not None and followed.task is not None:
            followed.task.cancel()

    # Git repositories and registries

    async def _look_on(self, followed: _Followed) -> None:
        """Look again and again; a pinned revision that was had once is had for good."""
        failures = 0
        while True:
            await self._look(followed)
            if followed.error is None and followed.resolved is not None and not followed.resolved.moves:
                return
            failures = failures + 1 if isinstance(followed.error, Transient) else 0
            await asyncio.sleep(self._pause_s(followed.error, failures))

    def _pause_s(self, error: FleetError | None, failures: int) -> float:
        """Spread, so that Transforms looked at together are not for ever; never shorter than was said."""
        spread = self._jitter(1.0, 1.1)
        if isinstance(error, Transient):
            return self._retry.delay_s(failures, error) * spread
        return self._fetching.look_every_s * spread

    async def _look(self, followed: _Followed) -> None:
        ref = followed.ref
        try:
            resolved = await self._fetching.resolve(
                ref, read_secret=partial(self._pull_secret, ref), known=followed.resolved
            )
        except FleetError as exc:
            self._learn(followed, followed.resolved or await self._fetching.last(ref), exc)
        except Exception as exc:
            log.exception("cannot look at the source of a module", transform=followed.name)
            self._learn(
                followed, followed.resolved, Transient(f"cueRef: unexpected {type(exc).__name__}; see the log")
            )
        else:
            self._learn(followed, resolved, None)

    async def _pull_secret(self, ref: CueRef) -> PullSecret:
        """The data of the Secret, read anew each time: it may have been renewed since."""
        if ref.pull_secret_ref is None:
            return {}
        where = f"Secret {ref.pull_secret_ref.namespace}/{ref.pull_secret_ref.name}"
        try:
            secret = await self._client.get(
                SECRETS, ref.pull_secret_ref.name, namespace=ref.pull_secret_ref.namespace
            )
            data = secret.body.get("data") or {}
            return {key: base64.b64decode(value, validate=True) for key, value in data.items()}
        except NotFound as exc:
            raise ModuleError(f"cueRef.pullSecretRef: there is no {where} on the hub cluster") from exc
        except Forbidden as exc:
            raise ModuleError(f"cueRef.pullSecretRef: the hub may not read {where}; grant it get on it") from exc
        except (binascii.Error, TypeError) as exc:
            raise ModuleError(f"cueRef.pullSecretRef: the data of {where} is not base64") from exc

    # ConfigMaps

    async def _watch(self, followed: _Followed) -> None:
        """Follow one ConfigMap: the field selector lets RBAC grant the watch of this name alone."""
        try:
            where = configmap.parse(followed.ref.ref)
        except ModuleError as exc:
            self._learn(followed, None, exc)
            return
        stream = follow(
            self._client, CONFIGMAPS, namespace=where.namespace, field_selector=f"metadata.name={where.name}"
        )
        async with aclosing(stream) as events:
            async for event in events:
                self._take(followed, where, event)

    def _take(self, followed: _Followed, where: ConfigMapName, event: Event) -> None:
        match event:
            case Listed([seen], _) | Changed(seen):
                self._read(followed, where, seen)
            case Listed() | Deleted():
                gone = ModuleError(f"cueRef.ref: there is no {where} on the hub cluster")
                self._learn(followed, followed.resolved, gone)
            case Broken(error) if followed.resolved is None and not isinstance(followed.error, ModuleError):
                self._learn(followed, None, error)

    def _read(self, followed: _Followed, where: ConfigMapName, seen: LiveObject) -> None:
        try:
            module = configmap.module_in(seen.body, path=followed.ref.path, where=where)
        except ModuleError as exc:
            self._learn(followed, followed.resolved, exc)
            return
        version = seen.meta.resource_version
        origin = f"{where} at resource version {version}"
        self._learn(followed, Resolved(module=module, revision=version, origin=origin, moves=True), None)

    def _learn(self, followed: _Followed, resolved: Resolved | None, error: FleetError | None) -> None:
        """Take what was heard, and tell where it is news."""
        news = followed.resolved != resolved or str(followed.error) != str(error)
        followed.resolved, followed.error = resolved, error
        if news:
            log.info(
                "module source",
                transform=followed.name,
                origin=resolved.origin if resolved else None,
                error=str(error) if error else None,
            )
            self._changed(followed.name)
