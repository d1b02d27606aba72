"""What a render depends on of the live objects: the rest of them may change without another render.

A Deployment that rolls out changes a dozen times, and a module that shows how many of its pods are available cares
for two or three of these changes.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fleet.cue.contract import Json, Reads
    from fleet.ids import NodeId
    from fleet.kube.objects import LiveObject

PRESENCE = ""


def read_of(observed: Mapping[NodeId, LiveObject], reads: Reads) -> dict[NodeId, Json]:
    """The part of the live objects that ``reads`` names, and the way to it."""
    if isinstance(reads, bool):
        return {node: live.body for node, live in observed.items()} if reads else {}
    return {node: _part(live.body, reads[node]) for node, live in observed.items() if node in reads}


def digest(observed: Mapping[NodeId, LiveObject], reads: Reads) -> bytes:
    """Differs where what is read does. Whether the way to a value is there is nothing that is read."""
    if isinstance(reads, bool):
        seen: Any = read_of(observed, reads)
    else:
        found = {node: _substance(live.body, reads[node]) for node, live in observed.items() if node in reads}
        seen = {node: each for node, each in found.items() if each is not UNSET}
    return hashlib.blake2b(msgspec.json.encode(seen, order="sorted"), digest_size=16).digest()


def _part(value: Any, reads: Reads) -> Any:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict) or isinstance(reads, bool):
        return value
    return {name: _part(value[name], inner) for name, inner in reads.items() if name in value}


def _substance(value: Any, reads: Reads) -> Any:  # noqa: ANN401 - any JSON
    """UNSET where there is nothing that is read."""
    if not isinstance(value, dict) or isinstance(reads, bool):
        return value
    found = {name: _substance(value[name], inner) for name, inner in reads.items() if name in value}
    there = {name: each for name, each in found.items() if each is not UNSET}
    return there if there or PRESENCE in reads else UNSET
