"""How much we take of a peer, what its stewards told us, and who is yet to answer."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
REFUSED = sa.text("state = 'dead' AND dropped_at IS NULL")
FOR_PEOPLE = sa.text("state IN ('parked', 'refused')")
# Filled for the peers there are, and then never empty.
FILLED: tuple[tuple[str, sa.types.TypeEngine[object], str], ...] = (
    ("limited", sa.Boolean(), "false"),
    ("note", sa.String(length=1000), "''"),
    ("policy_url", sa.String(length=500), "''"),
    ("languages", postgresql.ARRAY(sa.String()), "'{}'"),
)
MOMENTS = ("described_at", "silence_told_at")

OF_MESSAGES = (
    ("deliveries", "dropped_at"),
    ("deliveries", "told_at"),
    ("incoming_messages", "told_at"),
)


def upgrade() -> None:
    """What stewards decide and see of peers."""
    for name, kind, value in FILLED:
        op.add_column("peers", sa.Column(name, kind, nullable=True))
        op.execute(sa.text(f"UPDATE peers SET {name} = {value}"))  # noqa: S608 - constants
        op.alter_column("peers", name, nullable=False)
    op.add_column("peers", sa.Column("open_needs", sa.Integer(), nullable=True))
    for name in MOMENTS:
        op.add_column("peers", sa.Column(name, MOMENT, nullable=True))
    op.create_index("ix_peers_limited", "peers", ["id"], postgresql_where=sa.text("limited"))
    for table, name in OF_MESSAGES:
        op.add_column(table, sa.Column(name, MOMENT, nullable=True))
    op.create_index("ix_deliveries_refused", "deliveries", ["peer_id", "id"],
                    postgresql_where=REFUSED)  # fmt: skip
    op.create_index("ix_incoming_messages_for_people", "incoming_messages", ["peer_id", "id"],
                    postgresql_where=FOR_PEOPLE)  # fmt: skip
    op.create_table(
        "peer_wishes",
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_try_at", MOMENT, nullable=False),
        sa.Column("next_try_at", MOMENT, nullable=False),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_peer_wishes_account_id_accounts"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_peer_wishes")),
    )
    for column in ("account_id", "next_try_at"):
        op.create_index(op.f(f"ix_peer_wishes_{column}"), "peer_wishes", [column])


def downgrade() -> None:
    """Back to a peer without notes."""
    op.drop_table("peer_wishes")
    op.drop_index("ix_incoming_messages_for_people", "incoming_messages")
    op.drop_index("ix_deliveries_refused", "deliveries")
    for table, name in OF_MESSAGES:
        op.drop_column(table, name)
    op.drop_index("ix_peers_limited", "peers")
    for name in (*MOMENTS, "open_needs", *(name for name, _, _ in FILLED)):
        op.drop_column("peers", name)
