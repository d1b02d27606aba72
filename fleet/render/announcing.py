"""Kubernetes Events on an instance: what blocks it, where `kubectl describe` shows it.

The status says the same at any time; an event tells that it came to this, and when. Being late is normal for what
takes its time, so that is told only after a while, and once. A failure is told at once, and so is the next one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import structlog

from fleet.errors import FleetError
from fleet.kube.client import FIELD_MANAGER
from fleet.kube.conditions import cut, parse_rfc3339, rfc3339
from fleet.kube.errors import AlreadyExists
from fleet.kube.wellknown import EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.kube.writes import Cause

log = structlog.get_logger(__name__)

PATIENCE_S = 10.0
"""How long an instance may be on its way before that is worth an event."""

MAX_MESSAGE = 1024
"""What the API server takes (Event.note in k8s.io/api/events/v1)."""


class Announcer:
    """Writes the events of one cluster. What was told is forgotten with the process: the names of events recur."""

    def __init__(self, client: ClusterClient) -> None:
        self._client = client
        self._told: dict[str, tuple[int, str]] = {}  # by uid: generation and failure, "" for being late

    def forget(self, uid: str) -> None:
        """The instance is gone."""
        self._told.pop(uid, None)

    async def announce(
        self, instance: LiveObject, status: Mapping[str, Any], *, cause: Cause, now: datetime
    ) -> float | None:
        """Tell what blocks the instance, if that is news; gives the seconds after which it will be."""
        uid, blocked = instance.meta.uid, status.get("blockedBy", "")
        if not blocked or status["phase"] not in {"Failed", "Progressing"}:
            self._told.pop(uid, None)
            return None
        failed = status["phase"] == "Failed"
        news = (instance.meta.generation, blocked if failed else "")
        if self._told.get(uid) == news:
            return None
        if not failed and (patience_s := PATIENCE_S - _late_s(status, now)) > 0:
            return patience_s
        self._told[uid] = news
        event = build(instance, reason="Failed" if failed else "NotReady", message=blocked, now=now)
        try:
            await self._client.create(EVENTS, event, cause=cause)
        except AlreadyExists:
            pass  # told by the hub that was here before
        except FleetError as exc:
            log.warning("event not written", cluster=self._client.name, instance=str(instance.ref), error=str(exc))
        return None


def build(instance: LiveObject, *, reason: str, message: str, now: datetime) -> dict[str, Any]:
    """The Event. Its name follows from what it says, so that the same is never told twice."""
    meta = instance.meta
    identity = "\0".join((meta.uid, str(meta.generation), reason, message if reason == "Failed" else ""))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": f"{meta.name[:236]}.{digest}", "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": instance.api_version,
            "kind": instance.kind,
            "namespace": meta.namespace,
            "name": meta.name,
            "uid": meta.uid,
        },
        "type": "Warning" if reason == "Failed" else "Normal",
        "reason": reason,
        "message": cut(message, MAX_MESSAGE),
        "source": {"component": FIELD_MANAGER},
        "firstTimestamp": rfc3339(now),
        "lastTimestamp": rfc3339(now),
        "count": 1,
    }


def _late_s(status: Mapping[str, Any], now: datetime) -> float:
    """For how long the instance has not been ready."""
    for each in status["conditions"]:
        if each["type"] == "Ready":
            return (now - parse_rfc3339(each["lastTransitionTime"])).total_seconds()
    return 0.0
