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

# Sessions plan each statement anew, which lists need; what runs with each entry is planned once.
# What an organisation received is the other side of what its workers gave: it has no balance of its
# own, which every writer of the book would have to wait for.
# The entry, its lines, the balances and its place in the queue of the log, in one call. Small steps:
# as parts of one statement they took longer to set up than to do. Nothing is written where an
# account was opened by somebody else in the same moment; whoever asked asks again.
APPEND_ENTRY = """
CREATE FUNCTION append_entry(
    new_book_id uuid, new_entry_id uuid, new_kind text, new_worked_on date, new_booked_on date,
    new_claim_id uuid, new_corrects uuid, new_panel_id uuid, new_receipt_id uuid,
    new_decision_id uuid, new_period_id uuid, new_dispute_id uuid, new_batch_id uuid,
    new_note_hash bytea, new_recorded_by uuid, new_recorded_at timestamptz,
    new_posting_count integer, new_note text, new_salt bytea, new_fresh uuid[],
    new_accounts uuid[], new_kinds text[], new_holders uuid[], new_streams text[],
    new_units text[], new_amounts bigint[], new_links uuid[]
) RETURNS SETOF entries LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    made entries;
    known ledger_accounts;
BEGIN
    FOR line IN 1 .. cardinality(new_fresh) LOOP
        IF new_accounts[line] IS NOT NULL THEN
            SELECT * INTO known FROM ledger_accounts WHERE id = new_accounts[line];
        ELSE
            SELECT * INTO known FROM ledger_accounts
            WHERE book_id = new_book_id AND kind = new_kinds[line]
                AND holder_id = new_holders[line]
                AND stream IS NOT DISTINCT FROM new_streams[line];
            IF NOT FOUND THEN
                INSERT INTO ledger_accounts (id, book_id, kind, holder_id, stream)
                VALUES (new_fresh[line], new_book_id, new_kinds[line], new_holders[line],
                    new_streams[line])
                ON CONFLICT DO NOTHING RETURNING * INTO known;
            END IF;
        END IF;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        new_accounts[line] := known.id;
        new_kinds[line] := known.kind;
    END LOOP;
    INSERT INTO entries (
        entry_id, book_id, kind, worked_on, booked_on, claim_id, corrects, panel_id, receipt_id,
        decision_id, period_id, dispute_id, batch_id, note_hash, recorded_by, recorded_at,
        posting_count
    ) VALUES (
        new_entry_id, new_book_id, new_kind, new_worked_on, new_booked_on, new_claim_id,
        new_corrects, new_panel_id, new_receipt_id, new_decision_id, new_period_id,
        new_dispute_id, new_batch_id, new_note_hash, new_recorded_by, new_recorded_at,
        new_posting_count
    ) RETURNING * INTO made;
    INSERT INTO postings (entry_id, account_id, unit, amount, number)
    SELECT made.entry_id, line.account_id, line.unit, line.amount, made.id
    FROM unnest(new_accounts, new_units, new_amounts) AS line (account_id, unit, amount);
    INSERT INTO balances (account_id, unit, amount)
    SELECT line.account_id, line.unit, line.amount
    FROM unnest(new_accounts, new_kinds, new_units, new_amounts)
        AS line (account_id, kind, unit, amount)
    WHERE line.kind <> 'organisation' ORDER BY line.account_id, line.unit
    ON CONFLICT (account_id, unit) DO UPDATE SET amount = balances.amount + excluded.amount;
    IF new_note_hash IS NOT NULL THEN
        INSERT INTO entry_notes (entry_id, text, salt) VALUES (made.entry_id, new_note, new_salt);
    END IF;
    IF cardinality(new_links) > 0 THEN
        INSERT INTO entry_links (entry_id, linked_entry_id)
        SELECT made.entry_id, link FROM unnest(new_links) AS link;
    END IF;
    INSERT INTO log_pending (kind, subject) VALUES ('entry', made.entry_id);
    RETURN NEXT made;
END $$
"""
BALANCED_BEFORE = """
CREATE OR REPLACE FUNCTION check_entry_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted integer;
    found integer;
    worst bigint;
BEGIN
    SELECT posting_count INTO wanted FROM entries WHERE entry_id = NEW.entry_id;
    SELECT count(*) INTO found FROM postings WHERE entry_id = NEW.entry_id;
    IF found IS DISTINCT FROM wanted THEN
        RAISE EXCEPTION 'entry % has % postings instead of %', NEW.entry_id, found, wanted
            USING ERRCODE = 'check_violation';
    END IF;
    SELECT max(abs(total)) INTO worst FROM (
        SELECT sum(amount) AS total FROM postings WHERE entry_id = NEW.entry_id GROUP BY unit
    ) AS sums;
    IF worst <> 0 THEN
        RAISE EXCEPTION 'entry % does not sum to zero', NEW.entry_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""
BALANCED = """
CREATE OR REPLACE FUNCTION check_entry_balanced() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    wanted integer;
    found integer;
    worst bigint;
    own boolean;
BEGIN
    SELECT e.posting_count, sums.found, sums.worst, sums.own INTO wanted, found, worst, own
    FROM entries e CROSS JOIN LATERAL (
        SELECT coalesce(sum(of_unit.lines), 0) AS found, max(abs(of_unit.total)) AS worst,
            bool_or(of_unit.own) AND e.kind IN (
                'contribution', 'correction', 'opening', 'slip', 'receipt'
            ) AS own
        FROM (
            SELECT count(*) AS lines, sum(p.amount) AS total, bool_or(
                p.amount > 0 AND a.kind = 'worker' AND a.holder_id = e.recorded_by
            ) AS own
            FROM postings p JOIN ledger_accounts a ON a.id = p.account_id
            WHERE p.entry_id = NEW.entry_id GROUP BY p.unit
        ) AS of_unit
    ) AS sums
    WHERE e.entry_id = NEW.entry_id;
    IF found IS DISTINCT FROM wanted THEN
        RAISE EXCEPTION 'entry % has % postings instead of %', NEW.entry_id, found, wanted
            USING ERRCODE = 'check_violation';
    ELSIF worst <> 0 THEN
        RAISE EXCEPTION 'entry % does not sum to zero', NEW.entry_id
            USING ERRCODE = 'check_violation';
    ELSIF own THEN
        RAISE EXCEPTION 'entry % credits whoever recorded it', NEW.entry_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""
# A line that comes with its entry is looked at with it; one that comes to an old entry by itself.
POSTED = """
CREATE FUNCTION check_posting() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    wanted integer;
BEGIN
    SELECT posting_count INTO wanted FROM entries
    WHERE entry_id = NEW.entry_id AND xmin <> pg_current_xact_id()::xid;
    IF FOUND THEN
        IF wanted <> (SELECT count(*) FROM postings WHERE entry_id = NEW.entry_id) THEN
            RAISE EXCEPTION 'entry % has other postings instead of %', NEW.entry_id, wanted
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NULL;
END $$
"""
POSTED_TRIGGER = """
CREATE CONSTRAINT TRIGGER postings_balanced AFTER INSERT ON postings
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {}()
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
    op.drop_constraint(op.f("uq_entries_corrects"), "entries", type_="unique")
    op.create_index(
        "uq_entries_corrects", "entries", ["corrects"], unique=True,
        postgresql_where=sa.text("corrects IS NOT NULL"),
    )
    op.drop_index("ix_entries_claim", table_name="entries")
    op.create_index(
        "ix_entries_claim", "entries", ["claim_id", "id"],
        postgresql_where=sa.text("claim_id IS NOT NULL"),
    )
    op.add_column("postings", sa.Column("number", sa.BigInteger(), nullable=True))
    op.execute("ALTER TABLE postings DISABLE TRIGGER postings_append_only")
    op.execute("UPDATE postings SET number = e.id FROM entries e WHERE e.entry_id = postings.entry_id")
    op.execute("ALTER TABLE postings ENABLE TRIGGER postings_append_only")
    op.create_index("ix_postings_newest", "postings", ["account_id", sa.text("number DESC")])
    # Whatever asked for an account's lines asks along the new index.
    op.drop_index("ix_postings_account", table_name="postings")
    op.execute(APPEND_ENTRY)
    op.execute(BALANCED)
    op.execute(POSTED)
    op.execute("DROP TRIGGER postings_balanced ON postings")
    op.execute(POSTED_TRIGGER.format("check_posting"))
    op.execute(
        "DELETE FROM balances USING ledger_accounts a "
        "WHERE a.id = balances.account_id AND a.kind = 'organisation'"
    )


def downgrade() -> None:
    op.execute(
        "INSERT INTO balances (account_id, unit, amount) "
        "SELECT p.account_id, p.unit, sum(p.amount) FROM postings p "
        "JOIN ledger_accounts a ON a.id = p.account_id WHERE a.kind = 'organisation' GROUP BY 1, 2"
    )
    op.execute("DROP TRIGGER postings_balanced ON postings")
    op.execute(POSTED_TRIGGER.format("check_entry_balanced"))
    op.execute("DROP FUNCTION check_posting()")
    op.execute("ALTER FUNCTION check_entry_balanced() RESET plan_cache_mode")
    op.execute(BALANCED_BEFORE)
    op.execute("DROP FUNCTION append_entry")
    op.create_index("ix_postings_account", "postings", ["account_id", "entry_id"])
    op.drop_index("ix_postings_newest", table_name="postings")
    op.drop_column("postings", "number")
    op.drop_index("ix_entries_claim", table_name="entries")
    op.create_index("ix_entries_claim", "entries", ["claim_id", "id"])
    op.drop_index("uq_entries_corrects", table_name="entries")
    op.create_unique_constraint(op.f("uq_entries_corrects"), "entries", ["corrects"])
    op.drop_index(op.f("ix_entries_receipt_id"), table_name="entries")
    op.drop_table("receipt_offers")
    op.drop_table("book_openings")
