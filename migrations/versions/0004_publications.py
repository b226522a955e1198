"""Needs whose peers are yet to be told: written with the reaction, told in batches."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "publications",
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("need_id", name=op.f("pk_publications")),
    )


def downgrade() -> None:
    op.drop_table("publications")
