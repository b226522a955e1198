"""What each peer should hold of us, and what it said it holds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ZEROS = f"decode('{'00' * 32}', 'hex')"
# Columns that every row has from now on, and what the rows that stand are filled with.
NEW = {
    "peer_outboxes": (
        ("epoch", sa.String(length=40), "''"),
        ("past_epochs", postgresql.ARRAY(sa.String()), "'{}'"),
        ("epoch_at", MOMENT, "now()"),
        # At once: the hashes of what peers hold are not known yet.
        ("checked_at", MOMENT, "'2000-01-01'"),
        ("oldest_seq", sa.BigInteger(), "1"),
        ("held_count", sa.Integer(), "0"),
        ("held_digest", sa.LargeBinary(), ZEROS),
    ),
    "peer_inboxes": (
        ("past_epochs", postgresql.ARRAY(sa.String()), "'{}'"),
        ("news_due", sa.Boolean(), "false"),
        ("held_count", sa.Integer(), "0"),
        ("held_digest", sa.LargeBinary(), ZEROS),
        ("mismatches", sa.Integer(), "0"),
        # What is here already was never hashed: the first whole manifest does it.
        ("manifest_due", sa.Boolean(), "true"),
        ("compared_at", MOMENT, "now()"),
        ("repair_after", MOMENT, "now()"),
        ("repair_failures", sa.Integer(), "0"),
    ),
    "federation_events": (("listed", sa.Boolean(), "object_url <> ''"),),
    "remote_objects": (("sha256", sa.LargeBinary(), "''"),),
}
# The last word to each peer about each object. Without a hash it counts as another content:
# the next comparison of ours tells the peer once more.
LAST_WORDS = """
    INSERT INTO peer_holdings (peer_id, url, version, sha256)
    SELECT peer_id, object_url, object_version, '' FROM (
        SELECT DISTINCT ON (d.peer_id, e.object_url)
            d.peer_id, e.object_url, e.object_version, e.activity_type
        FROM deliveries d JOIN federation_events e ON e.id = d.event_id
        WHERE e.object_url <> '' ORDER BY d.peer_id, e.object_url, d.id DESC
    ) AS last WHERE activity_type <> 'Delete'
"""


def upgrade() -> None:
    for table, columns in NEW.items():
        for name, kind, value in columns:
            op.add_column(table, sa.Column(name, kind, nullable=True))
            op.execute(f"UPDATE {table} SET {name} = {value}")
            op.alter_column(table, name, nullable=False)
    op.add_column("peer_inboxes", sa.Column("repaired_at", MOMENT, nullable=True))
    op.create_table(
        "peer_tallies",
        sa.Column("peer_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["peers.id"], name=op.f("fk_peer_tallies_peer_id_peers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("peer_id", name=op.f("pk_peer_tallies")),
    )
    op.create_table(
        "peer_holdings",
        sa.Column("peer_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=500, collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["peers.id"], name=op.f("fk_peer_holdings_peer_id_peers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("peer_id", "url", name=op.f("pk_peer_holdings")),
    )
    op.create_index(op.f("ix_peer_holdings_url"), "peer_holdings", ["url"])
    op.execute(LAST_WORDS)


def downgrade() -> None:
    op.drop_table("peer_holdings")
    op.drop_table("peer_tallies")
    op.drop_column("peer_inboxes", "repaired_at")
    for table, columns in NEW.items():
        for name, _, _ in columns:
            op.drop_column(table, name)
