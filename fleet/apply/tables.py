"""What the fleet has put on clusters. Pruning and teardown read this, never a cluster."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.base import Base, BigIdentity, Json, UtcDateTime


class InventoryRow(Base):
    """One object that a node of a graph stands for. The key begins with the cluster: restart reads by it."""

    __tablename__ = "inventory"
    __table_args__ = (
        UniqueConstraint(
            "cluster",
            "graph_uid",
            "node_id",
            "api_version",
            "kind",
            "namespace",
            "name",
            name="uq_inventory_object",
        ),
    )

    id: Mapped[int] = mapped_column(BigIdentity, primary_key=True)
    cluster: Mapped[str]
    graph_uid: Mapped[str]
    graph_namespace: Mapped[str]
    graph_name: Mapped[str]
    instance_uid: Mapped[str]
    node_id: Mapped[str]
    api_version: Mapped[str]
    kind: Mapped[str]
    plural: Mapped[str]
    namespaced: Mapped[bool]
    namespace: Mapped[str]
    name: Mapped[str]
    uid: Mapped[str | None]
    depends_on: Mapped[list[str]] = mapped_column(Json)
    deletion_policy: Mapped[str]
    applied_hash: Mapped[str | None]
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    managed: Mapped[str | None]
