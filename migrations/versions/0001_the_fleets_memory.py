"""The fleet's memory: clusters, revisions, rollouts, inventory, audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    create_clusters()
    create_revisions_and_rollouts()
    create_inventory()
    create_audit_log()
    if op.get_bind().dialect.name == "postgresql":
        refuse_changes_on_postgresql()
    else:
        refuse_changes_on_sqlite()


def create_clusters() -> None:
    op.create_table(
        "clusters",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("labels", JSON, nullable=False),
        sa.Column("roles", JSON, nullable=False),
        sa.Column("connection", JSON, nullable=False),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("file_digest", sa.String(), nullable=False),
        sa.Column("registered_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("detached_at", MOMENT),
        sa.Column("reachable", sa.Boolean()),
        sa.Column("reason", sa.String()),
        sa.Column("version", sa.String()),
        sa.Column("last_seen_at", MOMENT),
        sa.Column("checked_at", MOMENT),
        sa.PrimaryKeyConstraint("name", name="pk_clusters"),
    )


def create_revisions_and_rollouts() -> None:
    op.create_table(
        "revisions",
        sa.Column("transform", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("module_digest", sa.String(), nullable=False),
        sa.Column("files", JSON, nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("plural", sa.String(), nullable=False),
        sa.Column("crd", JSON, nullable=False),
        sa.Column("schema_issues", JSON, nullable=False),
        sa.Column("placement", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("withdrawn_at", MOMENT),
        sa.PrimaryKeyConstraint("transform", "number", name="pk_revisions"),
    )
    op.create_table(
        "rollouts",
        sa.Column("transform", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("transform", "cluster", name="pk_rollouts"),
        sa.ForeignKeyConstraint(
            ["transform", "revision"],
            ["revisions.transform", "revisions.number"],
            name="fk_rollouts_transform_revision_revisions",
        ),
    )


def create_inventory() -> None:
    op.create_table(
        "inventory",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("graph_uid", sa.String(), nullable=False),
        sa.Column("graph_namespace", sa.String(), nullable=False),
        sa.Column("graph_name", sa.String(), nullable=False),
        sa.Column("instance_uid", sa.String(), nullable=False),
        sa.Column("node_id", sa.String(), nullable=False),
        sa.Column("api_version", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("plural", sa.String(), nullable=False),
        sa.Column("namespaced", sa.Boolean(), nullable=False),
        sa.Column("namespace", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("uid", sa.String()),
        sa.Column("depends_on", JSON, nullable=False),
        sa.Column("deletion_policy", sa.String(), nullable=False),
        sa.Column("applied_hash", sa.String()),
        sa.Column("applied_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_inventory"),
        sa.UniqueConstraint(
            *("cluster", "graph_uid", "node_id", "api_version", "kind", "namespace", "name"),
            name="uq_inventory_object",
        ),
    )


def create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("cluster", sa.String()),
        sa.Column("transform", sa.String()),
        sa.Column("revision", sa.Integer()),
        sa.Column("instance_uid", sa.String()),
        sa.Column("instance_kind", sa.String()),
        sa.Column("instance", sa.String()),
        sa.Column("graph_uid", sa.String()),
        sa.Column("node", sa.String()),
        sa.Column("api_version", sa.String()),
        sa.Column("kind", sa.String()),
        sa.Column("namespace", sa.String()),
        sa.Column("name", sa.String()),
        sa.Column("reason", sa.String()),
        sa.Column("error", sa.String()),
        sa.Column("resource_version", sa.String()),
        sa.Column("duration_ms", sa.Double()),
        sa.Column("detail", JSON),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
        sa.UniqueConstraint("operation", "tag", name="uq_audit_log_operation_tag"),
        sqlite_autoincrement=True,
    )
    for column in ("cluster", "transform", "instance", "name"):
        op.create_index(f"ix_audit_log_{column}_id", "audit_log", [column, "id"])
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    failed = sa.text("error IS NOT NULL")
    op.create_index("ix_audit_log_failures", "audit_log", ["id"], sqlite_where=failed, postgresql_where=failed)
    op.create_table(
        "audit_prunes",
        sa.Column("cutoff", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("cutoff", name="pk_audit_prunes"),
    )


def refuse_changes_on_sqlite() -> None:
    op.execute("""
        CREATE TRIGGER audit_log_keeps_rows BEFORE UPDATE ON audit_log
        BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END
    """)
    op.execute("""
        CREATE TRIGGER audit_log_forgets_by_prune BEFORE DELETE ON audit_log
        WHEN NOT EXISTS (SELECT 1 FROM audit_prunes WHERE cutoff > OLD.at)
        BEGIN SELECT RAISE(ABORT, 'audit_log is append-only; only a recorded prune deletes from it'); END
    """)


def refuse_changes_on_postgresql() -> None:
    op.execute("""
        CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                IF EXISTS (SELECT 1 FROM audit_prunes WHERE cutoff > OLD.at) THEN RETURN OLD; END IF;
                RAISE EXCEPTION 'audit_log is append-only; only a recorded prune deletes from it';
            END IF;
            RAISE EXCEPTION 'audit_log is append-only';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_log_keeps_rows BEFORE UPDATE OR DELETE ON audit_log
        FOR EACH ROW EXECUTE FUNCTION audit_log_refuse()
    """)
    op.execute("""
        CREATE TRIGGER audit_log_keeps_all BEFORE TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()
    """)


def downgrade() -> None:
    for table in ("rollouts", "revisions", "inventory", "clusters", "audit_log", "audit_prunes"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_log_refuse")
