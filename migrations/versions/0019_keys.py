"""Keys of an instance over time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    _several_keys_of_ours()
    _several_keys_of_peers()
    op.add_column("peers", sa.Column("held_state", sa.String(length=32), nullable=True))
    for table in ("peer_outboxes", "peer_inboxes"):
        op.add_column(table, sa.Column("clock_offset_seconds", sa.Integer(), nullable=True))
    op.execute("DELETE FROM actor_fetches")  # an hour's memory of our own calls
    op.drop_constraint(op.f("pk_actor_fetches"), "actor_fetches", type_="primary")
    op.add_column(
        "actor_fetches",
        sa.Column("cause", choice("cause", "claimed", "announced"), nullable=False),
    )
    op.create_primary_key(op.f("pk_actor_fetches"), "actor_fetches", ["origin", "cause"])


def _several_keys_of_ours() -> None:
    states = choice("state", "next", "current", "retiring", "retired", "revoked")
    new = (
        sa.Column("kind", choice("kind", "ed25519", "rsa"), nullable=True),
        sa.Column("state", states, nullable=True),
        sa.Column("current_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("announcement", sa.String(length=500), nullable=True),
        sa.Column("letters", postgresql.ARRAY(sa.String()), nullable=True),
    )
    for column in new:
        op.add_column("instance_keys", column)
    op.execute(
        "UPDATE instance_keys SET kind = 'ed25519', state = 'current', current_at = created_at,"
        " letters = '{}'"
    )
    for name in ("kind", "state", "letters"):
        op.alter_column("instance_keys", name, nullable=False)
    op.create_index(
        "uq_instance_keys_signing",
        "instance_keys",
        ["kind", "state"],
        unique=True,
        postgresql_where=sa.text("state IN ('next', 'current')"),
    )


def _several_keys_of_peers() -> None:
    op.create_table(
        "peer_keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("peer_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.String(length=500), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("came", choice("came", "pinned", "rotated"), nullable=False),
        sa.Column("accepted_from", MOMENT, nullable=False),
        sa.Column("accepted_until", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["peer_id"],
            ["peers.id"],
            name=op.f("fk_peer_keys_peer_id_peers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_peer_keys")),
    )
    op.create_index(
        "uq_peer_keys_key", "peer_keys", ["peer_id", "key_id", "public_key"], unique=True
    )
    op.create_index("ix_peer_keys_key_id", "peer_keys", ["key_id"])
    op.execute(
        "INSERT INTO peer_keys (peer_id, key_id, public_key, came, accepted_from)"
        " SELECT id, key_id, public_key, 'pinned', created_at FROM peers"
    )


def downgrade() -> None:
    op.execute("DELETE FROM actor_fetches")
    op.drop_constraint(op.f("pk_actor_fetches"), "actor_fetches", type_="primary")
    op.drop_column("actor_fetches", "cause")
    op.create_primary_key(op.f("pk_actor_fetches"), "actor_fetches", ["origin"])
    for table in ("peer_outboxes", "peer_inboxes"):
        op.drop_column(table, "clock_offset_seconds")
    op.drop_column("peers", "held_state")
    op.drop_table("peer_keys")
    op.drop_index("uq_instance_keys_signing", table_name="instance_keys")
    # One key, under the one name that the older version reads.
    op.execute("DELETE FROM instance_keys WHERE kind <> 'ed25519' OR state <> 'current'")
    op.execute("UPDATE instance_keys SET name = 'ed25519-key'")
    for name in (
        "kind",
        "state",
        "current_at",
        "expires_at",
        "revoked_at",
        "announcement",
        "letters",
    ):
        op.drop_column("instance_keys", name)
