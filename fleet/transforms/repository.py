"""Revisions and rollouts in SQL. Rows stay here; everybody else gets frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import case, func, select, text, update

from fleet.ids import ClusterName, ModuleDigest, TransformName
from fleet.kube.resources import ResourceType
from fleet.registry import selection
from fleet.store.upsert import insert_or_keep, insert_or_update
from fleet.transforms.spec import STRICTEST, Policy
from fleet.transforms.tables import RevisionRow, RolloutRow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from fleet.registry.selection import LabelSelector
    from fleet.store.database import Database


class RolloutState(StrEnum):
    """Where a Transform's CRD is on its way to one cluster."""

    PENDING = "Pending"
    READY = "Ready"
    FAILED = "Failed"
    WITHDRAWN = "Withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaIssue:
    """A place where the CRD accepts more than the module does."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a Transform means now, before it is known whether that is new."""

    module_digest: ModuleDigest
    files: Mapping[str, str]
    resource: ResourceType
    crd: Mapping[str, Any]
    origin: str | None = None
    schema_issues: tuple[SchemaIssue, ...] = ()
    placement: LabelSelector = selection.EVERYTHING
    policy: Policy = STRICTEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What a Transform means, with a number that tells it from what it meant before."""

    transform: TransformName
    number: int
    module_digest: ModuleDigest
    origin: str | None
    """The commit, manifest or ConfigMap that the module came from; None where it is at hand."""

    files: Mapping[str, str]
    resource: ResourceType
    crd: Mapping[str, Any]
    schema_issues: tuple[SchemaIssue, ...]
    placement: LabelSelector
    policy: Policy
    created_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How far a revision has come on one cluster."""

    transform: TransformName
    cluster: ClusterName
    revision: int
    state: RolloutState
    reason: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutCounts:
    """What the Transform's status shows. A cluster with an older revision is selected and not ready."""

    selected: int
    ready: int
    failed: int


def _now() -> datetime:
    return datetime.now(UTC)


class TransformRepository:
    """The memory of the transforms room."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._now = now

    async def record_revision(self, transform: TransformName, *, draft: Draft) -> Revision:
        """The latest revision if its module and CRD are the same as the draft's, else a new one.

        Origin, placement and schema issues do not make a revision: they are brought up to date on the latest one.
        """
        async with self._database.writing() as session:
            await _lock(session, transform)
            row = await _latest_row(session, transform)
            if row is None or row.module_digest != draft.module_digest or row.crd != draft.crd:
                row = RevisionRow(
                    transform=transform,
                    number=1 if row is None else row.number + 1,
                    module_digest=draft.module_digest,
                    files=dict(draft.files),
                    group=draft.resource.group,
                    version=draft.resource.version,
                    kind=draft.resource.kind,
                    plural=draft.resource.plural,
                    crd=dict(draft.crd),
                    created_at=self._now(),
                )
                session.add(row)
            row.origin = draft.origin
            row.schema_issues = [{"path": issue.path, "reason": issue.reason} for issue in draft.schema_issues]
            row.placement = draft.placement.to_json()
            row.policy = msgspec.to_builtins(draft.policy)
            row.withdrawn_at = None
            return _revision(row)

    async def latest(self, transform: TransformName) -> Revision | None:
        """The revision in force, or None for a Transform that is unknown or forgotten."""
        async with self._database.reading() as session:
            row = await _latest_row(session, transform)
            return _revision(row) if row is not None and row.withdrawn_at is None else None

    async def all_latest(self) -> tuple[Revision, ...]:
        """The revision in force of every Transform, by name."""
        numbers = (
            select(RevisionRow.transform, func.max(RevisionRow.number).label("number"))
            .group_by(RevisionRow.transform)
            .subquery()
        )
        query = (
            select(RevisionRow)
            .join(
                numbers,
                (RevisionRow.transform == numbers.c.transform) & (RevisionRow.number == numbers.c.number),
            )
            .where(RevisionRow.withdrawn_at.is_(None))
            .order_by(RevisionRow.transform)
        )
        async with self._database.reading() as session:
            return tuple(_revision(row) for row in await session.scalars(query))

    async def revision(self, transform: TransformName, *, number: int) -> Revision | None:
        """One revision of the history, withdrawn or not."""
        async with self._database.reading() as session:
            row = await session.get(RevisionRow, (transform, number))
            return _revision(row) if row is not None else None

    async def forget(self, transform: TransformName) -> None:
        """The Transform is gone: nothing of it is in force any more, and its history stays."""
        now = self._now()
        async with self._database.writing() as session:
            await session.execute(
                update(RevisionRow)
                .where(RevisionRow.transform == transform, RevisionRow.withdrawn_at.is_(None))
                .values(withdrawn_at=now)
            )
            await session.execute(
                update(RolloutRow)
                .where(RolloutRow.transform == transform)
                .values(state=RolloutState.WITHDRAWN, reason=None, updated_at=now)
            )

    async def set_rollout(
        self,
        transform: TransformName,
        *,
        cluster: ClusterName,
        revision: int,
        state: RolloutState,
        reason: str | None = None,
    ) -> None:
        """Remember how far ``revision`` has come on ``cluster``."""
        statement = insert_or_update(
            RolloutRow,
            dialect=self._database.dialect,
            key=("transform", "cluster"),
            update=("revision", "state", "reason", "updated_at"),
        )
        row = {
            "transform": transform,
            "cluster": cluster,
            "revision": revision,
            "state": state.value,
            "reason": reason,
            "updated_at": self._now(),
        }
        async with self._database.writing() as session:
            await session.execute(statement, row)

    async def expect_rollouts(
        self, transform: TransformName, *, clusters: Collection[ClusterName], revision: int, reason: str
    ) -> None:
        """Let these clusters count as selected until they report. What one has reported already stands."""
        if not clusters:
            return
        new = {
            "revision": revision,
            "state": RolloutState.PENDING.value,
            "reason": reason,
            "updated_at": self._now(),
        }
        rows = [{"transform": transform, "cluster": cluster, **new} for cluster in clusters]
        async with self._database.writing() as session:
            await session.execute(
                insert_or_keep(RolloutRow, dialect=self._database.dialect, key=("transform", "cluster")), rows
            )
            await session.execute(
                update(RolloutRow)
                .where(
                    RolloutRow.transform == transform,
                    RolloutRow.cluster.in_(clusters),
                    RolloutRow.state == RolloutState.WITHDRAWN,
                )
                .values(**new)
            )

    async def rollouts(self, transform: TransformName) -> tuple[Rollout, ...]:
        """Every cluster that has or had this Transform, by name."""
        query = select(RolloutRow).where(RolloutRow.transform == transform).order_by(RolloutRow.cluster)
        async with self._database.reading() as session:
            return tuple(_rollout(row) for row in await session.scalars(query))

    async def rollout_counts(self, transform: TransformName) -> RolloutCounts:
        """How many clusters are selected, ready with the latest revision, and failed."""
        latest = select(func.max(RevisionRow.number)).where(RevisionRow.transform == transform).scalar_subquery()
        ready = (RolloutRow.state == RolloutState.READY) & (RolloutRow.revision == latest)
        query = select(
            func.count(),
            func.sum(case((ready, 1), else_=0)),
            func.sum(case((RolloutRow.state == RolloutState.FAILED, 1), else_=0)),
        ).where(RolloutRow.transform == transform, RolloutRow.state != RolloutState.WITHDRAWN)
        async with self._database.reading() as session:
            selected, ready_count, failed = (await session.execute(query)).one()
            return RolloutCounts(selected=selected, ready=ready_count or 0, failed=failed or 0)


async def _lock(session: AsyncSession, transform: TransformName) -> None:
    """Let nobody else number revisions of this Transform meanwhile. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('revision of ' || :transform, 0))"),
            {"transform": transform},
        )


async def _latest_row(session: AsyncSession, transform: TransformName) -> RevisionRow | None:
    query = select(RevisionRow).where(RevisionRow.transform == transform)
    return await session.scalar(query.order_by(RevisionRow.number.desc()).limit(1))


def _revision(row: RevisionRow) -> Revision:
    return Revision(
        transform=TransformName(row.transform),
        number=row.number,
        module_digest=ModuleDigest(row.module_digest),
        origin=row.origin,
        files=row.files,
        resource=ResourceType(group=row.group, version=row.version, kind=row.kind, plural=row.plural),
        crd=row.crd,
        schema_issues=tuple(SchemaIssue(**issue) for issue in row.schema_issues),
        placement=selection.parse(row.placement, field="placement"),
        policy=msgspec.convert(row.policy or {}, Policy),
        created_at=row.created_at,
        withdrawn_at=row.withdrawn_at,
    )


def _rollout(row: RolloutRow) -> Rollout:
    return Rollout(
        transform=TransformName(row.transform),
        cluster=ClusterName(row.cluster),
        revision=row.revision,
        state=RolloutState(row.state),
        reason=row.reason,
        updated_at=row.updated_at,
    )
