"""Periods of a book, from open to locked.

The database itself keeps what was locked: no entry is booked into a locked period, nothing that
hangs on it changes, and two different people signed the outcome it holds. Who writes an entry and
who closes a period meet at one advisory lock of the book, shared by the writers: they never wait
for each other, and a period never closes over an entry that is on its way.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

STATES = ("open", "frozen", "drafted", "signed", "locked", "reopened")
OBJECTIONS = ("open", "kept", "changed")
APPEND_ONLY = ("period_signatures", "period_locks")
NEVER_EMPTIED = ("periods", "period_lines", "period_objections")

# Volatile, so that its second statement sees what was committed while the first one waited.
BOOKED_DAY = """
CREATE FUNCTION booked_day(book uuid, day date) RETURNS date LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    after date;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('periods:' || book, 0));
    SELECT max(ends_on) + 1 INTO after FROM periods
        WHERE book_id = book AND state IN ('frozen', 'drafted', 'signed', 'locked')
        HAVING bool_or(day BETWEEN starts_on AND ends_on);
    RETURN coalesce(after, day);
END $$
"""
BOOK_ENTRY = """
CREATE FUNCTION book_entry() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF NEW.booked_on IS NULL THEN
        NEW.booked_on := booked_day(NEW.book_id, NEW.worked_on);
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('periods:' || NEW.book_id, 0));
    IF EXISTS (
        SELECT FROM periods WHERE book_id = NEW.book_id AND state = 'locked'
            AND NEW.booked_on BETWEEN starts_on AND ends_on
    ) THEN
        RAISE EXCEPTION 'entry % falls into a locked period', NEW.entry_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
KEEP_PERIOD = """
CREATE FUNCTION keep_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'open' OR EXISTS (
            SELECT FROM periods WHERE book_id = NEW.book_id AND ends_on >= NEW.starts_on
        ) OR (
            NEW.number > 1 AND NOT EXISTS (
                SELECT FROM periods WHERE book_id = NEW.book_id
                    AND number = NEW.number - 1 AND ends_on + 1 = NEW.starts_on
            )
        ) THEN
            RAISE EXCEPTION 'a period begins open, on the day after the one before'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR OLD.state = 'locked' THEN
        RAISE EXCEPTION 'period % stays as it is: % is refused', OLD.id, TG_OP
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.book_id, NEW.number) IS DISTINCT FROM (OLD.id, OLD.book_id, OLD.number) THEN
        RAISE EXCEPTION 'period % keeps its place', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('open', 'frozen'), ('reopened', 'frozen'), ('frozen', 'drafted'), ('frozen', 'reopened'),
        ('drafted', 'signed'), ('drafted', 'reopened'), ('drafted', 'frozen'),
        ('signed', 'reopened'), ('signed', 'frozen'), ('signed', 'locked')
    ) THEN
        RAISE EXCEPTION 'period % cannot go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'locked' AND (
        2 > (
            SELECT count(*) FROM period_signatures WHERE period_id = NEW.id
                AND draft = NEW.draft AND outcome_hash = NEW.outcome_hash
        ) OR NOT EXISTS (
            SELECT FROM period_locks WHERE period_id = NEW.id AND outcome_hash = NEW.outcome_hash
        )
    ) THEN
        RAISE EXCEPTION 'period % is locked by two who signed what it holds', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
# What people wrote may name somebody: it can be emptied later, everything else stays.
KEEP_PERIOD_PART = """
CREATE FUNCTION keep_period_part() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    period uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.period_id ELSE NEW.period_id END;
BEGIN
    IF NOT EXISTS (SELECT FROM periods WHERE id = period AND state = 'locked') THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'text' - 'answer' = to_jsonb(OLD) - 'text' - 'answer'
        AND coalesce(to_jsonb(NEW) ->> 'text', '') IN ('', coalesce(to_jsonb(OLD) ->> 'text', ''))
        AND coalesce(to_jsonb(NEW) ->> 'answer', '')
            IN ('', coalesce(to_jsonb(OLD) ->> 'answer', ''))
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'table % is append-only for a locked period: % is refused',
        TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$
"""
REVOKE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tornallom_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON {append_only} FROM tornallom_app;
        REVOKE TRUNCATE ON {never_emptied} FROM tornallom_app;
        REVOKE DELETE ON periods FROM tornallom_app;
    END IF;
END $$
"""


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    _make_periods()
    _make_lines()
    _make_objections()
    _make_signatures()
    op.create_foreign_key(
        op.f("fk_entries_period_id_periods"), "entries", "periods", ["period_id"], ["id"]
    )
    for function in (BOOKED_DAY, BOOK_ENTRY, KEEP_PERIOD, KEEP_PERIOD_PART):
        op.execute(function)
    op.execute(
        "CREATE TRIGGER entries_booked BEFORE INSERT ON entries "
        "FOR EACH ROW EXECUTE FUNCTION book_entry()"
    )
    op.execute(
        "CREATE TRIGGER periods_kept BEFORE INSERT OR UPDATE OR DELETE ON periods "
        "FOR EACH ROW EXECUTE FUNCTION keep_period()"
    )
    for table in ("period_lines", "period_objections"):
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION keep_period_part()"
        )
    for table in NEVER_EMPTIED:
        op.execute(
            f"CREATE TRIGGER {table}_stay_append_only BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        REVOKE.format(append_only=", ".join(APPEND_ONLY), never_emptied=", ".join(NEVER_EMPTIED))
    )


def _make_periods() -> None:
    op.create_table(
        "periods",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("state", _choice("state", *STATES), nullable=False),
        sa.Column("surplus", sa.BigInteger(), nullable=True),
        sa.Column("surplus_by", sa.Uuid(), nullable=True),
        sa.Column("draft", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Uuid(), nullable=True),
        _moment("frozen_at"),
        sa.Column("frozen_by", sa.Uuid(), nullable=True),
        sa.Column("workers_total", sa.Integer(), nullable=False),
        sa.Column("workers_done", sa.Integer(), nullable=False),
        _moment("drafted_at"),
        _moment("objections_until"),
        sa.Column("entries_root", sa.LargeBinary(), nullable=True),
        sa.Column("outcome_hash", sa.LargeBinary(), nullable=True),
        sa.Column("totals", postgresql.JSONB(), nullable=True),
        _moment("locks_at"),
        _moment("created_at", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        _moment("updated_at", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_periods_ends_after_start")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_periods_number_from_one")),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name=op.f("fk_periods_book_id_books")),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name=op.f("fk_periods_policy_id_policies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_periods")),
        sa.UniqueConstraint("book_id", "number", name=op.f("uq_periods_book_id_number")),
        sa.UniqueConstraint("book_id", "starts_on", name=op.f("uq_periods_book_id_starts_on")),
    )
    op.create_index("ix_periods_days", "periods", ["book_id", "ends_on"])


def _make_lines() -> None:
    op.create_table(
        "period_lines",
        sa.Column("period_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("draft", sa.Integer(), nullable=False),
        sa.Column("minutes", postgresql.JSONB(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("carried_in", sa.Integer(), nullable=False),
        sa.Column("carried_out", sa.Integer(), nullable=False),
        sa.Column("effective", sa.Integer(), nullable=False),
        sa.Column("eligible", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("weighted", sa.Text(), nullable=False),
        sa.Column("share", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("capital_before", sa.BigInteger(), nullable=False),
        sa.Column("capital_after", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["period_id"], ["periods.id"], name=op.f("fk_period_lines_period_id_periods")
        ),
        sa.PrimaryKeyConstraint("period_id", "account_id", name=op.f("pk_period_lines")),
    )
    op.create_index(op.f("ix_period_lines_account_id"), "period_lines", ["account_id"])


def _make_objections() -> None:
    op.create_table(
        "period_objections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("period_id", sa.Uuid(), nullable=False),
        sa.Column("draft", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        _moment("raised_at", nullable=False),
        sa.Column("state", _choice("state", *OBJECTIONS), nullable=False),
        sa.Column("answer", sa.String(length=2000), nullable=False),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        _moment("answered_at"),
        sa.ForeignKeyConstraint(
            ["period_id"], ["periods.id"], name=op.f("fk_period_objections_period_id_periods")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_period_objections")),
    )
    op.create_index("ix_period_objections_of", "period_objections", ["period_id", "id"])


def _make_signatures() -> None:
    op.create_table(
        "period_signatures",
        sa.Column("period_id", sa.Uuid(), nullable=False),
        sa.Column("draft", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_hash", sa.LargeBinary(), nullable=False),
        _moment("signed_at", nullable=False),
        sa.ForeignKeyConstraint(
            ["period_id"], ["periods.id"], name=op.f("fk_period_signatures_period_id_periods")
        ),
        sa.PrimaryKeyConstraint(
            "period_id", "draft", "account_id", name=op.f("pk_period_signatures")
        ),
    )
    op.create_table(
        "period_locks",
        sa.Column("period_id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("previous_root", sa.LargeBinary(), nullable=True),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column("outcome_hash", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        _moment("locked_at", nullable=False),
        sa.ForeignKeyConstraint(
            ["period_id"], ["periods.id"], name=op.f("fk_period_locks_period_id_periods")
        ),
        sa.ForeignKeyConstraint(
            ["book_id"], ["books.id"], name=op.f("fk_period_locks_book_id_books")
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name=op.f("fk_period_locks_policy_id_policies")
        ),
        sa.PrimaryKeyConstraint("period_id", name=op.f("pk_period_locks")),
        sa.UniqueConstraint("book_id", "number", name=op.f("uq_period_locks_book_id_number")),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER entries_booked ON entries")
    op.drop_constraint(op.f("fk_entries_period_id_periods"), "entries", type_="foreignkey")
    for table in ("period_locks", "period_signatures", "period_objections", "period_lines"):
        op.drop_table(table)
    op.drop_table("periods")
    for function in (
        "keep_period_part()", "keep_period()", "book_entry()", "booked_day(uuid, date)",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}")
