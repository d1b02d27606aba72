"""The append-only log. The database itself refuses to change it: the migration has the triggers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.base import Base, BigIdentity, Json, UtcDateTime


class AuditRow(Base):
    """One fact. Every query orders by ``id``, so every index that narrows one ends in it."""

    __tablename__ = "audit_log"
    __table_args__ = (
        # Makes writing a fact again harmless, which a lost connection at commit forces on the writer.
        UniqueConstraint("operation", "tag"),
        Index(None, "cluster", "id"),
        Index(None, "transform", "id"),
        Index(None, "instance", "id"),
        Index(None, "name", "id"),
        Index(None, "at"),
        Index(
            "ix_audit_log_failures",
            "id",
            sqlite_where=text("error IS NOT NULL"),
            postgresql_where=text("error IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},  # an id is a place in the log, and is not given out twice
    )

    id: Mapped[int] = mapped_column(BigIdentity, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    operation: Mapped[str]
    tag: Mapped[str]
    cluster: Mapped[str | None]
    transform: Mapped[str | None]
    revision: Mapped[int | None]
    instance_uid: Mapped[str | None]
    instance_kind: Mapped[str | None]
    instance: Mapped[str | None]  # "namespace/name"
    graph_uid: Mapped[str | None]
    node: Mapped[str | None]
    api_version: Mapped[str | None]
    kind: Mapped[str | None]
    namespace: Mapped[str | None]
    name: Mapped[str | None]
    reason: Mapped[str | None]
    error: Mapped[str | None]
    resource_version: Mapped[str | None]
    duration_ms: Mapped[float | None]
    detail: Mapped[dict[str, Any] | None] = mapped_column(Json)


class AuditPruneRow(Base):
    """A decision to forget everything before ``cutoff``; rows that none of these covers cannot be deleted."""

    __tablename__ = "audit_prunes"

    cutoff: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
