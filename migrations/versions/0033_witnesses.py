"""What peers sign of our log, and what we sign of theirs.

While something outside holds a checkpoint that our log does not go with, the database lets nothing
new into the log: whatever verb it comes from, it passes `log_pending`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

LOGGED_BEFORE = ("entry", "policy", "decision", "status", "lock")
LOGGED = (*LOGGED_BEFORE, "fork")
APPEND_ONLY = ("witnessed_checkpoints", "contradictions", "cosignatures", "public_forks")
READ_ONLY = """
CREATE FUNCTION refuse_while_read_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM ledger_freezes WHERE fork_id IS NULL) THEN
        RAISE EXCEPTION 'the ledger is read-only' USING ERRCODE = 'LR001';
    END IF;
    RETURN NULL;
END $$
"""
REVOKE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tornallom_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON {tables} FROM tornallom_app;
    END IF;
END $$
"""


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _check(table: str, column: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    name = f"ck_{table}_{column}"
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({listed}))")


def upgrade() -> None:
    _check("log_pending", "kind", LOGGED)
    _make_witnessed()
    _make_own()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(REVOKE.format(tables=", ".join(APPEND_ONLY)))
    op.execute(READ_ONLY)
    op.execute(
        "CREATE TRIGGER log_pending_read_only BEFORE INSERT ON log_pending "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_while_read_only()"
    )


def _make_witnessed() -> None:
    op.create_table(
        "witnessed_logs",
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("peer_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("keys", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("note", sa.String(length=16384), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("continues", sa.String(length=300), nullable=True),
        sa.Column("parted_at_size", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["peers.id"], name=op.f("fk_witnessed_logs_peer_id_peers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_witnessed_logs")),
    )
    op.create_index(op.f("ix_witnessed_logs_peer_id"), "witnessed_logs", ["peer_id"])
    op.create_table(
        "witnessed_checkpoints",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(length=16384), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_witnessed_checkpoints")),
        sa.UniqueConstraint("origin", "size", name=op.f("uq_witnessed_checkpoints_origin_size")),
    )
    op.create_table(
        "contradictions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("peer_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("shown_note", sa.String(length=16384), nullable=False),
        sa.Column("held_note", sa.String(length=16384), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["peers.id"], name=op.f("fk_contradictions_peer_id_peers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contradictions")),
        sa.UniqueConstraint(
            "origin", "size", "root", name=op.f("uq_contradictions_origin_size_root")
        ),
    )
    op.create_index(op.f("ix_contradictions_peer_id"), "contradictions", ["peer_id"])


def _make_own() -> None:
    op.create_table(
        "cosignatures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("witness", sa.String(length=300), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("line", sa.String(length=1000), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cosignatures")),
        sa.UniqueConstraint(
            "origin", "size", "witness", "public_key",
            name=op.f("uq_cosignatures_origin_size_witness_public_key"),
        ),
    )
    op.create_index("ix_cosignatures_newest", "cosignatures", ["witness", "origin", "size"])
    op.create_table(
        "witness_lanes",
        sa.Column("peer_id", sa.Uuid(), nullable=False),
        sa.Column("keys", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("told", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("held_origin", sa.String(length=300), nullable=False),
        sa.Column("held_size", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failure", sa.String(length=60), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["peers.id"], name=op.f("fk_witness_lanes_peer_id_peers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("peer_id", name=op.f("pk_witness_lanes")),
    )
    op.create_table(
        "public_forks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("continues", sa.String(length=300), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("common_size", sa.BigInteger(), nullable=False),
        sa.Column("common_root", sa.LargeBinary(), nullable=False),
        sa.Column("abandoned_size", sa.BigInteger(), nullable=False),
        sa.Column("abandoned_root", sa.LargeBinary(), nullable=False),
        sa.Column("declared_by", sa.Uuid(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_forks")),
        sa.UniqueConstraint("number", name=op.f("uq_public_forks_number")),
        sa.UniqueConstraint("origin", name=op.f("uq_public_forks_origin")),
    )
    op.create_table(
        "fork_reasons",
        sa.Column("fork_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["fork_id"], ["public_forks.id"], name=op.f("fk_fork_reasons_fork_id_public_forks")
        ),
        sa.PrimaryKeyConstraint("fork_id", name=op.f("pk_fork_reasons")),
    )
    op.create_table(
        "ledger_freezes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reason", _choice("reason", "behind", "differs"), nullable=False),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(length=16384), nullable=False),
        sa.Column("our_size", sa.BigInteger(), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fork_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["fork_id"], ["public_forks.id"], name=op.f("fk_ledger_freezes_fork_id_public_forks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_freezes")),
        sa.UniqueConstraint(
            "source", "origin", "size", "root",
            name=op.f("uq_ledger_freezes_source_origin_size_root"),
        ),
    )
    op.create_index(op.f("ix_ledger_freezes_fork_id"), "ledger_freezes", ["fork_id"])
    op.create_index(
        "ix_ledger_freezes_open", "ledger_freezes", ["noticed_at"],
        postgresql_where=sa.text("fork_id IS NULL"),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER log_pending_read_only ON log_pending")
    op.execute("DROP FUNCTION refuse_while_read_only()")
    for table in (
        "ledger_freezes", "fork_reasons", "public_forks", "witness_lanes", "cosignatures",
        "contradictions", "witnessed_checkpoints", "witnessed_logs",
    ):
        op.drop_table(table)
    op.execute("DELETE FROM log_pending WHERE kind = 'fork'")
    _check("log_pending", "kind", LOGGED_BEFORE)
