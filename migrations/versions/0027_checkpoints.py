"""The log's leaves, its tree and its checkpoints.

Nothing is put into the log here: what waits in log_pending is taken up by the worker.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

APPEND_ONLY = ("log_leaves", "log_nodes", "checkpoints")
REVOKE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tornallom_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON {tables} FROM tornallom_app;
    END IF;
END $$
"""
# What JSON can say exactly to everybody (RFC 8785): a larger amount could never be in the log.
EXACT = "amount BETWEEN -9007199254740991 AND 9007199254740991"


def upgrade() -> None:
    op.create_check_constraint(op.f("ck_postings_amount_exact"), "postings", EXACT)
    op.create_table(
        "log_leaves",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("taken_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(data) = 40", name=op.f("ck_log_leaves_data_length")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_log_leaves")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_log_leaves_kind_subject")),
    )
    op.create_index("ix_log_leaves_book", "log_leaves", ["book_id", "position"])
    op.create_table(
        "log_nodes",
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_log_nodes")),
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoints")),
    )
    op.create_table(
        "log_keys",
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("public_key", name=op.f("pk_log_keys")),
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(REVOKE.format(tables=", ".join(APPEND_ONLY)))


def downgrade() -> None:
    # What the log had taken up waits again.
    op.execute(
        "INSERT INTO log_pending (kind, subject) "
        "SELECT kind, subject FROM log_leaves ORDER BY position ON CONFLICT DO NOTHING"
    )
    for table in ("log_keys", *reversed(APPEND_ONLY)):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_postings_amount_exact"), "postings", type_="check")
