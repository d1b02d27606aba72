"""Taking one object away, for pruning and for teardown.

An object is deleted only where three agree: the inventory names it, the object itself carries this graph's label,
and the uid that is sent along is the one that was looked at. Anything else is left alone, and said so.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from fleet.graph.model import DeletionPolicy
from fleet.kube import labels
from fleet.kube.errors import NotFound

if TYPE_CHECKING:
    from fleet.apply.children import Children
    from fleet.apply.inventory import Entry
    from fleet.kube.client import ClusterClient
    from fleet.kube.objects import LiveObject
    from fleet.kube.writes import Cause

log = structlog.get_logger(__name__)

_RUN_PODS = frozenset(
    {
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("apps", "ReplicaSet"),
        ("batch", "Job"),
        ("batch", "CronJob"),
        ("", "ReplicationController"),
    }
)
"""Kinds whose objects are gone at once, while the pods that they own run on for a while."""

_FOREGROUND = "foregroundDeletion"
"""The finalizer by which the garbage collector holds an object until those that it owns are gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """``gone``, or what still holds the object."""

    gone: bool
    message: str = ""


GONE = Removal(gone=True)


async def remove(entry: Entry, *, client: ClusterClient, children: Children, cause: Cause) -> Removal:
    """Take the entry's object away as its deletion policy says. Safe to call again until it is gone."""
    live = await children.find(entry.resource, entry.ref)
    if live is None:
        return GONE
    owner = live.meta.labels.get(labels.GRAPH)
    if owner != entry.graph_uid:
        log.warning("left alone: not this graph's", cluster=client.name, object=str(entry.ref), owner=owner)
        return GONE
    if entry.deletion_policy is DeletionPolicy.ORPHAN:
        await _release(entry, live, client=client, cause=cause)
        return GONE
    if live.deleting:
        return Removal(gone=False, message=held(live))
    with contextlib.suppress(NotFound):
        gone = await client.delete(
            entry.resource, live.ref, uid=live.meta.uid, cause=cause, propagation=_propagation(entry)
        )
        return GONE if gone else Removal(gone=False, message=f"{live.ref} is being deleted")
    return GONE


async def _release(entry: Entry, live: LiveObject, *, client: ClusterClient, cause: Cause) -> None:
    """Take our labels off, so that the object is nobody's, and stays."""
    patch = {
        "metadata": {
            "labels": {labels.GRAPH: None, labels.NODE: None},
            "resourceVersion": live.meta.resource_version,
        }
    }
    with contextlib.suppress(NotFound):
        await client.merge_patch(entry.resource, live.ref, patch, cause=cause)


def _propagation(entry: Entry) -> str:
    """In the foreground where pods may still use what the entry's node depends on, and which goes next."""
    owns_pods = (entry.resource.group, entry.resource.kind) in _RUN_PODS
    return "Foreground" if owns_pods and entry.depends_on else "Background"


def held(live: LiveObject) -> str:
    """What holds an object that is being deleted."""
    since = f"{live.ref} is being deleted since {live.meta.deletion_timestamp}"
    if (live.api_version, live.kind) == ("v1", "Namespace"):
        conditions = live.body.get("status", {}).get("conditions", ())
        told = "; ".join(each["message"] for each in conditions if each["status"] == "True")
        return f"{since}, and waits for what is in it" + (f": {told}" if told else "")
    if live.meta.finalizers == (_FOREGROUND,):
        return f"{since}, and waits until its dependents, such as pods, are gone"
    finalizers = ", ".join(live.meta.finalizers) or "none"
    return f"{since}, held by finalizers: {finalizers}"
