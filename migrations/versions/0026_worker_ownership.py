"""Money beside minutes, more kinds of entries, and the day on which an entry counts.

What is in a book already counts on the day of its work, and waits for its place in the log.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

STREAMS = ("livelihood", "gift", "care", "governance")
MONEY = ("capital", "reserve", "pool", "outside")
ACCOUNTS_BEFORE = ("worker", "organisation", "suspense")
ACCOUNTS = (*ACCOUNTS_BEFORE, "standing", *MONEY)
ENTRIES_BEFORE = ("contribution", "correction")
ENTRIES = (
    *ENTRIES_BEFORE, "opening", "slip", "receipt", "dispute", "ruling", "conversion", "surplus",
    "allocation", "loss", "payout",
)  # fmt: skip
STATUSES = ("probationary", "worker_owner", "left")
LOGGED = ("entry", "policy", "decision", "status", "lock")
APPEND_ONLY = ("entry_links", "book_statuses")
UNIQUE_ACCOUNT = "uq_ledger_accounts_book_id_kind_holder_id_stream"

REVOKE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tornallom_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON {tables} FROM tornallom_app;
    END IF;
END $$
"""
STATUSES_HELD = """
    INSERT INTO book_statuses (status_id, book_id, account_id, status, since, recorded_at)
    SELECT gen_random_uuid(), books.id, memberships.account_id, 'worker_owner',
           memberships.created_at::date, now()
    FROM memberships JOIN books USING (organisation_id) WHERE memberships.worker_owner
    ORDER BY memberships.created_at, memberships.account_id
"""


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _check(table: str, column: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    name = f"ck_{table}_{column}"
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({listed}))")


def upgrade() -> None:
    op.add_column("books", sa.Column("ownership_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("books", sa.Column("currency", sa.String(length=3), nullable=True))
    op.add_column("books", sa.Column("version", sa.Integer(), nullable=True))
    op.execute("UPDATE books SET currency = 'EUR', version = 1")
    op.alter_column("books", "currency", nullable=False)
    op.alter_column("books", "version", nullable=False)
    _extend_accounts()
    _extend_entries()
    _make_tables()
    op.execute("INSERT INTO log_pending (kind, subject) SELECT 'entry', entry_id FROM entries")
    op.execute(STATUSES_HELD)
    op.execute(
        "INSERT INTO log_pending (kind, subject) SELECT 'status', status_id FROM book_statuses"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(REVOKE.format(tables=", ".join(APPEND_ONLY)))


def _extend_accounts() -> None:
    _check("ledger_accounts", "kind", ACCOUNTS)
    op.alter_column("ledger_accounts", "stream", nullable=True)
    op.drop_constraint(UNIQUE_ACCOUNT, "ledger_accounts", type_="unique")
    op.create_unique_constraint(
        op.f(UNIQUE_ACCOUNT), "ledger_accounts", ["book_id", "kind", "holder_id", "stream"],
        postgresql_nulls_not_distinct=True,
    )
    money = ", ".join(f"'{kind}'" for kind in MONEY)
    op.create_check_constraint(
        op.f("ck_ledger_accounts_money_has_no_stream"), "ledger_accounts",
        f"(stream IS NULL) = (kind IN ({money}))",
    )


def _extend_entries() -> None:
    _check("entries", "kind", ENTRIES)
    op.add_column("entries", sa.Column("booked_on", sa.Date(), nullable=True))
    for name in ("receipt_id", "decision_id", "period_id", "dispute_id", "batch_id"):
        op.add_column("entries", sa.Column(name, sa.Uuid(), nullable=True))
    op.add_column("entries", sa.Column("note_hash", sa.LargeBinary(), nullable=True))
    # The one moment in which rows of the book are written to: they get a column.
    op.execute("ALTER TABLE entries DISABLE TRIGGER entries_append_only")
    op.execute("UPDATE entries SET booked_on = worked_on")
    op.execute("ALTER TABLE entries ENABLE TRIGGER entries_append_only")
    op.alter_column("entries", "booked_on", nullable=False)
    op.create_foreign_key(
        op.f("fk_entries_receipt_id_receipts"), "entries", "receipts", ["receipt_id"], ["id"]
    )
    op.create_index(
        op.f("ix_entries_batch_id"), "entries", ["batch_id"],
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
    op.create_index("ix_entries_booked", "entries", ["book_id", "booked_on", "id"])
    op.create_index(
        "uq_entries_receipt", "entries", ["book_id", "receipt_id"], unique=True,
        postgresql_where=sa.text("kind = 'receipt'"),
    )


def _make_tables() -> None:
    op.create_table(
        "entry_notes",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entries.entry_id"], name=op.f("fk_entry_notes_entry_id_entries")
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_entry_notes")),
    )
    op.create_table(
        "entry_links",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("linked_entry_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entries.entry_id"], name=op.f("fk_entry_links_entry_id_entries")
        ),
        sa.ForeignKeyConstraint(
            ["linked_entry_id"], ["entries.entry_id"],
            name=op.f("fk_entry_links_linked_entry_id_entries"),
        ),
        sa.PrimaryKeyConstraint("entry_id", "linked_entry_id", name=op.f("pk_entry_links")),
    )
    op.create_index(op.f("ix_entry_links_linked_entry_id"), "entry_links", ["linked_entry_id"])
    op.create_table(
        "book_statuses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("status_id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("status", _choice("status", *STATUSES), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id"], ["books.id"], name=op.f("fk_book_statuses_book_id_books")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_book_statuses")),
        sa.UniqueConstraint("status_id", name=op.f("uq_book_statuses_status_id")),
    )
    op.create_index(
        "ix_book_statuses_of", "book_statuses", ["book_id", "account_id", "since", "id"]
    )
    op.create_table(
        "log_pending",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", _choice("kind", *LOGGED), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_pending")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_log_pending_kind_subject")),
    )


def downgrade() -> None:
    for table in ("log_pending", "book_statuses", "entry_links", "entry_notes"):
        op.drop_table(table)
    for index in ("uq_entries_receipt", "ix_entries_booked", op.f("ix_entries_batch_id")):
        op.drop_index(index, table_name="entries")
    op.drop_constraint(op.f("fk_entries_receipt_id_receipts"), "entries", type_="foreignkey")
    added = (
        "note_hash", "batch_id", "dispute_id", "period_id", "decision_id", "receipt_id",
        "booked_on",
    )  # fmt: skip
    for name in added:
        op.drop_column("entries", name)
    _check("entries", "kind", ENTRIES_BEFORE)
    op.drop_constraint(
        op.f("ck_ledger_accounts_money_has_no_stream"), "ledger_accounts", type_="check"
    )
    op.drop_constraint(UNIQUE_ACCOUNT, "ledger_accounts", type_="unique")
    op.create_unique_constraint(
        op.f(UNIQUE_ACCOUNT), "ledger_accounts", ["book_id", "kind", "holder_id", "stream"]
    )
    op.alter_column("ledger_accounts", "stream", nullable=False)
    _check("ledger_accounts", "kind", ACCOUNTS_BEFORE)
    for name in ("version", "currency", "ownership_since"):
        op.drop_column("books", name)
