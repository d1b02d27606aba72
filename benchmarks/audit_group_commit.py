"""What recording every write costs: intents a second and latency, against one transaction per intent.

    python -m benchmarks.audit_group_commit [postgresql://…]

SQLite in a temporary folder always, PostgreSQL where a URL is given (its ``fleet`` tables are made and dropped).
Both ways insert the same rows through the same engine in the same run; only the grouping differs. Each intent is
followed by its outcome, as in the hub; the baseline commits outcomes one by one as well.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import uvloop

from fleet.audit.facts import intent_row, outcome_row
from fleet.audit.log import AuditLog
from fleet.audit.tables import AuditRow
from fleet.ids import ClusterName, GraphUid, InstanceUid, NodeId, TransformName
from fleet.kube.resources import ObjectRef
from fleet.kube.writes import Cause, OperationId, Verb, Write, WriteOutcome
from fleet.store import schema
from fleet.store.database import Database
from fleet.store.upsert import insert_or_keep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WRITERS = (1, 16, 256)
SECONDS = 2.0

WRITE = Write(
    cluster=ClusterName("spoke-1"),
    verb=Verb.APPLY,
    ref=ObjectRef(api_version="apps/v1", kind="Deployment", namespace="team-a", name="shop"),
    cause=Cause(
        reason="node deployment is not applied yet",
        transform=TransformName("webservice"),
        revision=3,
        instance_uid=InstanceUid("0b1f2c1e-6f0e-4c43-a1cb-6a4d6e0f6f5e"),
        instance="team-a/shop",
        instance_kind="WebService",
        graph_uid=GraphUid("c6a7d3a1-53b4-4f0e-8f53-b2b9a4a6b0d2"),
        node=NodeId("deployment"),
    ),
)
OUTCOME = WriteOutcome(resource_version="123456", duration_s=0.004)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One way with one number of writers."""

    per_second: float
    p50_ms: float
    p99_ms: float


async def measure(writers: int, record: Callable[[], Awaitable[float]]) -> Measured:
    """Let ``writers`` call ``record`` one after the other; it gives the seconds that its intent took."""
    latencies: list[float] = []
    start = time.perf_counter()

    async def writer() -> None:
        while time.perf_counter() - start < SECONDS:
            latencies.append(await record())

    await asyncio.gather(*(writer() for _ in range(writers)))
    elapsed = time.perf_counter() - start
    percentiles = statistics.quantiles(latencies, n=100)
    return Measured(
        per_second=len(latencies) / elapsed, p50_ms=percentiles[49] * 1000, p99_ms=percentiles[98] * 1000
    )


def grouped(log: AuditLog) -> Callable[[], Awaitable[float]]:
    """What the hub does."""

    async def record() -> float:
        start = time.perf_counter()
        operation = await log.intend(WRITE)
        took = time.perf_counter() - start
        log.conclude(operation, WRITE, OUTCOME)
        return took

    return record


def one_by_one(database: Database) -> Callable[[], Awaitable[float]]:
    """A transaction for the intent, and another for the outcome."""
    statement = insert_or_keep(AuditRow, dialect=database.dialect, key=("operation", "tag"))
    count = iter(range(sys.maxsize))
    run = time.time_ns()

    async def commit(row: dict[str, object]) -> None:
        async with database.writing() as session:
            connection = await session.connection()
            await connection.execute(statement, [row])

    async def record() -> float:
        operation = OperationId(f"{run:x}-{next(count):x}")
        start = time.perf_counter()
        await commit(intent_row(WRITE, operation=operation, at=datetime.now(UTC)))
        took = time.perf_counter() - start
        await commit(outcome_row(WRITE, outcome=OUTCOME, operation=operation, at=datetime.now(UTC)))
        return took

    return record


async def compare(url: str, name: str) -> None:
    await schema.upgrade(url)
    print(f"\n{name}\n{'writers':>8} {'':>12} {'intents/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'ratio':>6}")
    async with Database.open(url) as database, AuditLog(database) as log:
        for writers in WRITERS:
            base = await measure(writers, one_by_one(database))
            group = await measure(writers, grouped(log))
            for way, measured in (("one by one", base), ("grouped", group)):
                ratio = f"{measured.per_second / base.per_second:6.1f}"
                print(
                    f"{writers:8} {way:>12} {measured.per_second:10.0f} "
                    f"{measured.p50_ms:8.2f} {measured.p99_ms:8.2f} {ratio}"
                )


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        await compare(f"sqlite:///{folder}/fleet.db", "SQLite (WAL, synchronous=NORMAL)")
    for url in sys.argv[1:]:
        await compare(url, "PostgreSQL")
        await schema.downgrade(url, revision="base")


if __name__ == "__main__":
    uvloop.run(main())
