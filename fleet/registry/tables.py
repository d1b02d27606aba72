"""Who is in the fleet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.base import Base, Json, UtcDateTime


class ClusterRow(Base):
    """A cluster by its file, and how it was last seen. Holds where the credential is, never the credential."""

    __tablename__ = "clusters"

    name: Mapped[str] = mapped_column(primary_key=True)
    labels: Mapped[dict[str, str]] = mapped_column(Json)
    roles: Mapped[list[str]] = mapped_column(Json)
    connection: Mapped[dict[str, Any]] = mapped_column(Json)
    suspended: Mapped[bool]
    file: Mapped[str]
    file_digest: Mapped[str]
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    detached_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    reachable: Mapped[bool | None]
    reason: Mapped[str | None]
    version: Mapped[str | None]
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
