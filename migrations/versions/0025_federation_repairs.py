"""Which accounts stand for somebody who has none, and what peers may use of us."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# Until now only those who asked by link had one, under a handle that nobody else can have kept:
# it is given back as soon as they take the account over.
SILENT = """
    UPDATE accounts SET silent = EXISTS (
        SELECT FROM asks WHERE asks.holder_id = accounts.id
    ) AND handle ~ '^ask-[0-9a-f]{10}$'
"""


def upgrade() -> None:
    op.add_column("accounts", sa.Column("silent", sa.Boolean(), nullable=True))
    op.execute(SILENT)
    op.alter_column("accounts", "silent", nullable=False)
    op.create_table(
        "peer_budgets",
        sa.Column("peer_id", sa.Uuid(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("refilled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["peers.id"], name=op.f("fk_peer_budgets_peer_id_peers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("peer_id", name=op.f("pk_peer_budgets")),
    )


def downgrade() -> None:
    op.drop_table("peer_budgets")
    op.drop_column("accounts", "silent")
