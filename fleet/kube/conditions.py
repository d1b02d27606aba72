"""Conditions and times as the Kubernetes API conventions want them.

Source: API conventions, "Typical status properties": a condition keeps its ``lastTransitionTime`` for as long as
its status stays the same, and says for which generation it speaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_MESSAGE = 4000
"""Longer messages are cut: a status must stay small, and the whole text stands in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition; ``holds`` None is Unknown."""

    type: str
    holds: bool | None
    reason: str
    message: str = ""


def merged(
    existing: Iterable[Mapping[str, Any]], wanted: Iterable[Condition], *, generation: int, now: datetime
) -> list[dict[str, Any]]:
    """``status.conditions`` with ``wanted`` in it, in that order; other conditions are kept."""
    before = {condition.get("type"): condition for condition in existing}
    result = []
    for condition in wanted:
        status = {True: "True", False: "False", None: "Unknown"}[condition.holds]
        known = before.pop(condition.type, None)
        since = known.get("lastTransitionTime") if known and known.get("status") == status else None
        result.append(
            {
                "type": condition.type,
                "status": status,
                "observedGeneration": generation,
                "lastTransitionTime": since or rfc3339(now),
                "reason": condition.reason,
                "message": condition.message[:MAX_MESSAGE],
            }
        )
    return result + [dict(condition) for condition in before.values()]


def cut(text: str, longest: int) -> str:
    """``text``, or the beginning of it and an ellipsis; at most ``longest`` characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def holds(body: Mapping[str, Any], condition: str) -> bool:
    """Whether an object's ``condition`` is True."""
    return told(body, condition).get("status") == "True"


def told(body: Mapping[str, Any], condition: str) -> Mapping[str, Any]:
    """What an object says of a condition; empty where it says nothing."""
    conditions = (body.get("status") or {}).get("conditions") or ()  # a new CRD has null there
    return next((each for each in conditions if each.get("type") == condition), {})


@lru_cache(maxsize=4096)  # a status says the same times again and again
def rfc3339(moment: datetime) -> str:
    """A UTC time in the form of the Kubernetes API, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> datetime:
    """The reverse of `rfc3339`."""
    return datetime.fromisoformat(text)


def merge_patch(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) that turns ``current`` into ``wanted``; empty where they are equal.

    A merge patch cannot set null, so a field that is wanted to be null is wanted not to be there.
    """
    wanted = {key: value for key, value in wanted.items() if value is not None}
    patch: dict[str, Any] = {key: None for key in current if key not in wanted}
    for key, value in wanted.items():
        known = current.get(key)
        if isinstance(value, dict):
            nested = merge_patch(known if isinstance(known, dict) else {}, value)
            if nested or not isinstance(known, dict):
                patch[key] = nested
        elif key not in current or known != value:
            patch[key] = value
    return patch
