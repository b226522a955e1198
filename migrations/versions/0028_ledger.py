"""How work enters a book by other roads than a claim, and that nobody credits themselves.

R15 is kept by the database as well: the check that looks at each entry when its transaction
commits refuses one that gives minutes to whoever recorded it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

OWN_WORK = """
CREATE FUNCTION check_not_own_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM entries JOIN ledger_accounts ON ledger_accounts.id = NEW.account_id
        WHERE entries.entry_id = NEW.entry_id AND ledger_accounts.kind = 'worker'
            AND ledger_accounts.holder_id = entries.recorded_by
            AND entries.kind IN ('contribution', 'correction', 'opening', 'slip', 'receipt')
    ) THEN
        RAISE EXCEPTION 'entry % credits whoever recorded it', NEW.entry_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""
OWN_WORK_TRIGGER = """
CREATE CONSTRAINT TRIGGER postings_not_own_work AFTER INSERT ON postings
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.amount > 0 AND NEW.unit = 'minute')
EXECUTE FUNCTION check_not_own_work()
"""


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "book_openings",
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("prepared_by", sa.Uuid(), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id"], ["books.id"], name=op.f("fk_book_openings_book_id_books")
        ),
        sa.PrimaryKeyConstraint("book_id", name=op.f("pk_book_openings")),
    )
    op.create_table(
        "receipt_offers",
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("state", _choice("state", "offered", "taken", "declined"), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id"], ["books.id"], name=op.f("fk_receipt_offers_book_id_books")
        ),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipts.id"], name=op.f("fk_receipt_offers_receipt_id_receipts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("book_id", "receipt_id", name=op.f("pk_receipt_offers")),
    )
    op.create_index(op.f("ix_receipt_offers_receipt_id"), "receipt_offers", ["receipt_id"])
    op.create_index("ix_receipt_offers_book", "receipt_offers", ["book_id", "state", "offered_at"])
    op.create_index(
        op.f("ix_entries_receipt_id"), "entries", ["receipt_id"],
        postgresql_where=sa.text("receipt_id IS NOT NULL"),
    )
    op.execute(OWN_WORK)
    op.execute(OWN_WORK_TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER postings_not_own_work ON postings")
    op.execute("DROP FUNCTION check_not_own_work()")
    op.drop_index(op.f("ix_entries_receipt_id"), table_name="entries")
    op.drop_table("receipt_offers")
    op.drop_table("book_openings")
