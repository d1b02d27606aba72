"""What a Transform's graphs may do, and which fields an application owned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("revisions", sa.Column("policy", JSON, nullable=True))
    op.add_column("inventory", sa.Column("managed", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("inventory", "managed")
    op.drop_column("revisions", "policy")
