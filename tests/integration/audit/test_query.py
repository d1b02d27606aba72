"""Questions to a small log that has one of everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from fleet.audit.facts import Fact, Tag
from fleet.audit.log import AuditLog
from fleet.audit.query import AuditQueryError, Filter, Order, query, unfinished
from fleet.ids import ClusterName, InstanceUid, NodeId, TransformName
from fleet.kube.resources import ObjectRef
from fleet.kube.writes import Cause, Verb, Write, WriteOutcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.store.database import Database

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def minutes() -> Iterator[datetime]:
    at = START
    while True:
        yield at
        at += timedelta(minutes=1)


def write(cluster: str, verb: Verb, *, instance: str, kind: str = "WebService") -> Write:
    namespace, _, name = instance.partition("/")
    return Write(
        cluster=ClusterName(cluster),
        verb=verb,
        ref=ObjectRef(api_version="apps/v1", kind="Deployment", namespace=namespace, name=name),
        cause=Cause(
            reason="because",
            transform=TransformName(kind.lower()),
            revision=2,
            instance_uid=InstanceUid(f"uid of {instance}"),
            instance=instance,
            instance_kind=kind,
            node=NodeId("deployment"),
        ),
    )


FAILED_DELETE = write("spoke-2", Verb.DELETE, instance="team-a/cart")


@pytest.fixture
async def log(database: Database) -> Database:
    """Eight facts, a minute apart: two writes that ended, one that did not, and three decisions."""
    clock = minutes()
    async with AuditLog(database, now=lambda: next(clock)) as audit:
        shop = write("spoke-1", Verb.APPLY, instance="team-a/shop")
        audit.conclude(await audit.intend(shop), shop, WriteOutcome(resource_version="7", duration_s=0.1))
        queue = write("spoke-1", Verb.CREATE, instance="team-a/shop", kind="MessageQueue")
        await audit.intend(queue)
        audit.conclude(
            await audit.intend(FAILED_DELETE), FAILED_DELETE, WriteOutcome(error="forbidden", duration_s=0.1)
        )
        await audit.record(
            Fact(
                tag=Tag.TRANSFORM_REVISION_CREATED,
                cause=Cause(reason="module changed", transform=TransformName("webservice"), revision=3),
            )
        )
        await audit.record(
            Fact(tag=Tag.CLUSTER_HEALTH_CHANGED, cause=Cause(reason="up"), cluster=ClusterName("spoke-2"))
        )
        node = ObjectRef(api_version="v1", kind="Node", name="shop")
        await audit.record(Fact(tag=Tag.GRAPH_FAILED, cause=Cause(reason="x"), ref=node, error="no"))
    return database


FILTERS: list[tuple[Filter, set[int]]] = [
    (Filter(), {0, 1, 2, 3, 4, 5, 6, 7}),
    (Filter(cluster=ClusterName("spoke-1")), {0, 1, 2}),
    (Filter(transform=TransformName("webservice")), {0, 1, 3, 4, 5}),
    (Filter(instance="team-a/shop"), {0, 1, 2}),
    (Filter(instance="WebService/team-a/shop"), {0, 1}),
    (Filter(instance="messagequeue/team-a/shop"), {2}),
    (Filter(object="shop"), {0, 1, 2, 7}),
    (Filter(object="deployment/shop"), {0, 1, 2}),
    (Filter(object="Deployment/team-a/cart"), {3, 4}),
    (Filter(object="Deployment/team-b/cart"), set()),
    (Filter(node=NodeId("deployment")), {0, 1, 2, 3, 4}),
    (Filter(tag="object:delete"), {3, 4}),
    (Filter(tag="object:delete:outcome"), {4}),
    (Filter(tag="object:del"), set()),
    (Filter(failures_only=True), {4, 7}),
    (Filter(since=START + timedelta(minutes=5)), {5, 6, 7}),
    (Filter(until=START + timedelta(minutes=1)), {0}),
    (Filter(cluster=ClusterName("spoke-2"), failures_only=True), {4}),
]
"""What to ask for, and the minutes of the facts that it finds."""


async def test_filters(log: Database) -> None:
    found = {
        where: {(entry.at - START) // timedelta(minutes=1) for entry in await query(log, where=where)}
        for where, _ in FILTERS
    }

    assert found == dict(FILTERS)


async def test_order_and_limit(log: Database) -> None:
    newest = await query(log, limit=3)
    oldest = await query(log, limit=3, order=Order.OLDEST_FIRST)

    assert [entry.at.minute for entry in newest] == [7, 6, 5]
    assert [entry.at.minute for entry in oldest][:1] == [0]
    assert [entry.id for entry in oldest] == sorted(entry.id for entry in oldest)


async def test_pages_meet_without_gap_or_overlap(log: Database) -> None:
    everything = await query(log)
    first = await query(log, limit=5)
    second = await query(log, where=Filter(before=first[-1].id), limit=5)
    newer = await query(log, where=Filter(after=first[-1].id))

    assert first + second == everything
    assert newer == first[:-1]


async def test_an_entry_has_what_was_said(log: Database) -> None:
    (entry,) = await query(log, where=Filter(tag="object:delete:outcome"))

    assert entry.cluster == "spoke-2"
    assert entry.ref == FAILED_DELETE.ref
    assert (entry.transform, entry.revision, entry.node) == ("webservice", 2, "deployment")
    assert (entry.instance, entry.instance_kind) == ("team-a/cart", "WebService")
    assert entry.instance_uid == "uid of team-a/cart"
    assert (entry.reason, entry.error, entry.duration_ms) == ("because", "forbidden", 100.0)


async def test_unfinished_writes_are_those_without_an_outcome(log: Database) -> None:
    (entry,) = await unfinished(log, cluster=ClusterName("spoke-1"))

    assert entry.tag == "object:create:intent"
    assert await unfinished(log, cluster=ClusterName("spoke-1"), since=START + timedelta(hours=1)) == ()
    assert await unfinished(log, cluster=ClusterName("spoke-2")) == ()


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        (Filter(instance="shop"), "instance 'shop': write namespace/name"),
        (Filter(instance="a/b/c/d"), "instance 'a/b/c/d'"),
        (Filter(instance="/shop"), "instance '/shop'"),
        (Filter(object="Deployment/"), "object 'Deployment/'"),
        (Filter(object="a/b/c/d"), "object 'a/b/c/d'"),
    ],
)
async def test_a_filter_that_cannot_be_understood_is_named(
    database: Database, where: Filter, complaint: str
) -> None:
    with pytest.raises(AuditQueryError, match=complaint):
        await query(database, where=where)
