"""What every Transform has meant so far, and which cluster has which of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.base import Base, Json, UtcDateTime


class RevisionRow(Base):
    """One revision with the module's files, so that it stays in force when its source is gone."""

    __tablename__ = "revisions"

    transform: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    module_digest: Mapped[str]
    origin: Mapped[str | None]
    files: Mapped[dict[str, str]] = mapped_column(Json)
    group: Mapped[str]
    version: Mapped[str]
    kind: Mapped[str]
    plural: Mapped[str]
    crd: Mapped[dict[str, Any]] = mapped_column(Json)
    schema_issues: Mapped[list[dict[str, str]]] = mapped_column(Json)
    placement: Mapped[dict[str, Any]] = mapped_column(Json)
    policy: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RolloutRow(Base):
    """How far a Transform's CRD has come on one cluster."""

    __tablename__ = "rollouts"
    __table_args__ = (
        ForeignKeyConstraint(["transform", "revision"], ["revisions.transform", "revisions.number"]),
    )

    transform: Mapped[str] = mapped_column(primary_key=True)
    cluster: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int]
    state: Mapped[str]
    reason: Mapped[str | None]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
