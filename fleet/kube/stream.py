"""List, then watch, for ever: what a cluster holds of one resource type, as a stream.

A stream never ends by itself. It resumes from the last resource version after every clean end and every broken
connection, and lists again only where the server says that the version is too old. What it yields is a state
and not a history: after `Listed`, anything not in it is gone; between two lists, every change is told.

Failures are told too (`Broken`), since "nothing changed" and "nothing can be seen" must never look the same.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fleet.errors import FleetError
from fleet.kube.errors import Expired, error_of, parse_status
from fleet.kube.objects import LiveObject
from fleet.retrying import Backoff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fleet.kube.client import ClusterClient
    from fleet.kube.resources import ResourceType

WATCH_LIFETIME_S = (240, 480)
"""How long one watch request lives: spread, so that a thousand streams do not come back together."""

SILENCE_S = 130.0
"""Two bookmark intervals and a little: a longer silence means that the connection is dead."""

RECONNECT = Backoff(initial_s=0.2, maximum_s=30.0, jitter_s=0.5)


@dataclass(frozen=True, slots=True)
class Listed:
    """Everything there is, now. What was known and is not among ``objects`` is gone."""

    objects: list[LiveObject]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object was added or modified."""

    object: LiveObject


@dataclass(frozen=True, slots=True)
class Deleted:
    """One object is gone; this is its last state."""

    object: LiveObject


@dataclass(frozen=True, slots=True)
class Resumed:
    """The watch runs (again), from where it was: everything known is still right."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Nothing can be seen at the moment, and why. The stream goes on by itself."""

    error: FleetError


Event = Listed | Changed | Deleted | Resumed | Broken


class _WatchLine(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    object: msgspec.Raw


class _Bookmark(msgspec.Struct, frozen=True, kw_only=True):
    metadata: _BookmarkMeta


class _BookmarkMeta(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    resource_version: str


_line = msgspec.json.Decoder(_WatchLine)
_bookmark = msgspec.json.Decoder(_Bookmark)


async def follow(
    client: ClusterClient, resource: ResourceType, *, selector: str = "", backoff: Backoff = RECONNECT
) -> AsyncIterator[Event]:
    """Stream what the cluster holds of ``resource``, limited to a label ``selector`` where one is given."""
    version: str | None = None
    failures = 0
    while True:
        try:
            if version is None:
                objects, version = await client.list_all(resource, selector=selector)
                yield Listed(objects)
            else:
                yield Resumed()
            async for event, reached in _watch(client, resource, selector=selector, version=version):
                failures, version = 0, reached
                if event is not None:
                    yield event
        except FleetError as exc:
            failures += 1
            if isinstance(exc, Expired):
                version = None
            yield Broken(exc)
            await asyncio.sleep(backoff.delay_s(failures, exc))


async def _watch(
    client: ClusterClient, resource: ResourceType, *, selector: str, version: str
) -> AsyncIterator[tuple[Changed | Deleted | None, str]]:
    """One watch request, from ``version``: each event with the version that it brings the watcher to."""
    lines = client.watch_lines(
        resource,
        selector=selector,
        resource_version=version,
        lifetime_s=random.randint(*WATCH_LIFETIME_S),  # noqa: S311 - spreads load, guards nothing
        silence_s=SILENCE_S,
    )
    async for line in lines:
        kind, payload = _decode_line(line, client, resource)
        if kind == "BOOKMARK":
            yield None, _bookmark.decode(payload).metadata.resource_version
            continue
        seen = LiveObject.decode(payload, api_version=resource.api_version, kind=resource.kind)
        yield (Deleted(seen) if kind == "DELETED" else Changed(seen)), seen.meta.resource_version


def _decode_line(line: bytes, client: ClusterClient, resource: ResourceType) -> tuple[str, msgspec.Raw]:
    doing = f"cluster {client.name}: watch {resource.plural}"
    try:
        event = _line.decode(line)
    except msgspec.DecodeError as exc:  # a proxy cut the stream in the middle of a line
        raise error_of(parse_status(line, 502), 502, doing=doing) from exc
    if event.type == "ERROR":
        status = parse_status(bytes(event.object), 500)
        raise error_of(status, status.code or 500, doing=doing)
    return event.type, event.object
