"""Drift: what somebody else changed of what a node set.

Read from who owns the fields and not from their values: the API server defaults and normalises values, so that
comparing them finds differences that nobody made, while a field that somebody changed is always taken from us in
``managedFields``. A field that is set through the ``scale`` subresource (a HorizontalPodAutoscaler, ``kubectl
scale``) is that controller's from then on: it is no drift, and left out of what we apply.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from fleet.kube import managedfields

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fleet.kube.managedfields import Fields
    from fleet.kube.objects import LiveObject

SCALE = "scale"
MAX_SHOWN = 200
"""Longest value that a report shows, in characters."""

HEALS_AT_ONCE = 3
FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One field: what was wanted, what was found, who changed it, and since when that is known."""

    path: str
    wanted: str
    found: str
    manager: str
    first_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Healing:
    """How often a node was healed lately; ``at`` is in the event loop's time."""

    count: int = 0
    at: float = 0.0

    def pause_s(self, now: float) -> float:
        """Seconds until healing may be tried: whoever changes a field again and again is not fought."""
        if self.count < HEALS_AT_ONCE:
            return 0.0
        pause_s = min(FIRST_PAUSE_S * 2.0 ** (self.count - HEALS_AT_ONCE), LONGEST_PAUSE_S)
        return max(self.at + pause_s - now, 0.0)

    def healed(self, now: float) -> Healing:
        """One more, or the first after a long peace."""
        return Healing(count=1 if now - self.at > 2 * LONGEST_PAUSE_S else self.count + 1, at=now)


NEVER_HEALED = Healing()


def find(
    manifest: Fields, live: LiveObject, *, manager: str, before: Iterable[Drift], now: datetime
) -> tuple[Drift, ...]:
    """The fields of ``manifest`` that ``manager`` does not own on the live object any more."""
    ownership = managedfields.applied_by(live, manager)
    known = {each.path: each for each in before}
    found = []
    for each in managedfields.lost(manifest, ownership.tree() if ownership else {}):
        owner = managedfields.owner_of(live, each.path, besides=manager)
        if owner is not None and owner.subresource == SCALE:
            continue
        path = managedfields.shown(each.path)
        drift = Drift(
            path=path,
            wanted=_text(each.wanted),
            found=_text(managedfields.value_at(live.body, each.path)),
            manager=owner.manager if owner else "somebody who removed it",
            first_seen=now,
        )
        found.append(replace(drift, first_seen=known[path].first_seen) if path in known else drift)
    return tuple(found)


def left_to_others(manifest: Fields, live: LiveObject) -> Fields:
    """The manifest without what the live object's ``scale`` subresource set."""
    for ownership in managedfields.ownerships(live):
        if ownership.subresource == SCALE:
            for path in _leaves(ownership.tree()):
                manifest = managedfields.without(manifest, path)
    return manifest


def _leaves(tree: Fields, above: managedfields.FieldPath = ()) -> Iterable[managedfields.FieldPath]:
    for key, below in tree.items():
        if below:
            yield from _leaves(below, (*above, key))
        else:
            yield (*above, key)


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    if value is None:
        return ""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
