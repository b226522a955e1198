"""Decisions, admission, and leaving a co-operative."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

SUBJECTS = ("policy", "admission", "conversion", "appeal")
CHOICES = ("yes", "no", "abstain")
BASES = ("yes_no", "cast", "roll")
SIDES = ("worker", "book")
APPEND_ONLY = (
    "decisions", "decision_electors", "decision_votes", "decision_outcomes", "trainings",
    "conversion_entries", "conversion_signatures",
)  # fmt: skip
# Dropped in this order: what refers to others first.
TABLES = (
    "exit_payouts", "exits", "conversion_signatures", "conversion_entries", "conversions",
    "trainings", "admission_asks", "decision_outcomes", "decision_votes", "decision_electors",
    "decision_notes", "decisions",
)  # fmt: skip
DECIDED = ("entries", "book_statuses", "policies", "policy_drafts")

REVOKE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tornallom_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON {tables} FROM tornallom_app;
    END IF;
END $$
"""


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _id(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _to(table: str, column: str, target: str, key: str = "id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.{key}"], name=op.f(f"fk_{table}_{column}_{target}")
    )


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def upgrade() -> None:
    _make_decisions()
    _make_votes()
    _make_admission()
    _make_conversions()
    _make_exits()
    for table in DECIDED:
        op.create_foreign_key(
            op.f(f"fk_{table}_decision_id_decisions"), table, "decisions", ["decision_id"], ["id"]
        )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(REVOKE.format(tables=", ".join(APPEND_ONLY)))


def _make_decisions() -> None:
    op.create_table(
        "decisions",
        _id("id"),
        _id("book_id"),
        sa.Column("subject", _choice("subject", *SUBJECTS), nullable=False),
        _id("subject_id"),
        sa.Column("terms", JSONB(), nullable=False),
        sa.Column("note_hash", sa.LargeBinary(), nullable=True),
        sa.Column("base", _choice("base", *BASES), nullable=False),
        _number("numerator"),
        _number("denominator"),
        sa.Column("more_than", sa.Boolean(), nullable=False),
        _number("quorum_numerator"),
        _number("quorum_denominator"),
        _number("roll_size"),
        _id("opened_by"),
        _moment("opened_at"),
        _moment("ends_at"),
        sa.CheckConstraint(
            "numerator BETWEEN 1 AND denominator AND denominator <= 1000",
            name=op.f("ck_decisions_fraction"),
        ),
        sa.CheckConstraint(
            "quorum_numerator BETWEEN 0 AND quorum_denominator "
            "AND quorum_denominator BETWEEN 1 AND 1000",
            name=op.f("ck_decisions_quorum"),
        ),
        sa.CheckConstraint("ends_at > opened_at", name=op.f("ck_decisions_ends_later")),
        _to("decisions", "book_id", "books"),
        _key("decisions", "id"),
    )
    op.create_index("ix_decisions_book", "decisions", ["book_id", "opened_at", "id"])
    op.create_index("ix_decisions_subject", "decisions", ["subject_id"])
    op.create_table(
        "decision_notes",
        _id("decision_id"),
        sa.Column("text", sa.String(length=4000), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        _to("decision_notes", "decision_id", "decisions"),
        _key("decision_notes", "decision_id"),
    )


def _make_votes() -> None:
    op.create_table(
        "decision_electors",
        _id("decision_id"),
        _id("account_id"),
        _to("decision_electors", "decision_id", "decisions"),
        _key("decision_electors", "decision_id", "account_id"),
    )
    op.create_index(op.f("ix_decision_electors_account_id"), "decision_electors", ["account_id"])
    op.create_table(
        "decision_votes",
        _id("decision_id"),
        _id("account_id"),
        sa.Column("choice", _choice("choice", *CHOICES), nullable=False),
        _moment("voted_at"),
        sa.ForeignKeyConstraint(
            ["decision_id", "account_id"],
            ["decision_electors.decision_id", "decision_electors.account_id"],
            name=op.f("fk_decision_votes_decision_id_account_id_decision_electors"),
        ),
        _key("decision_votes", "decision_id", "account_id"),
    )
    op.create_table(
        "decision_outcomes",
        _id("decision_id"),
        sa.Column("passed", sa.Boolean(), nullable=False),
        _number("yes"),
        _number("no"),
        _number("abstain"),
        _moment("closed_at"),
        sa.Column("refused", sa.String(length=64), nullable=True),
        _to("decision_outcomes", "decision_id", "decisions"),
        _key("decision_outcomes", "decision_id"),
    )


def _make_admission() -> None:
    op.create_table(
        "admission_asks",
        _id("id"),
        _id("book_id"),
        _id("account_id"),
        sa.Column("words", sa.String(length=4000), nullable=False),
        _moment("asked_at"),
        _moment("closed_at", nullable=True),
        _to("admission_asks", "book_id", "books"),
        _key("admission_asks", "id"),
    )
    op.create_index(
        "uq_admission_asks_open", "admission_asks", ["book_id", "account_id"], unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "trainings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _id("training_id"),
        _id("book_id"),
        _id("account_id"),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("taken_back", sa.Boolean(), nullable=False),
        _id("recorded_by"),
        _moment("recorded_at"),
        _to("trainings", "book_id", "books"),
        _key("trainings", "id"),
        sa.UniqueConstraint("training_id", name=op.f("uq_trainings_training_id")),
    )
    op.create_index("ix_trainings_of", "trainings", ["book_id", "account_id", "id"])


def _make_conversions() -> None:
    op.create_table(
        "conversions",
        _id("id"),
        _id("book_id"),
        _id("account_id"),
        _id("opened_by"),
        _moment("opened_at"),
        _moment("closed_at", nullable=True),
        _to("conversions", "book_id", "books"),
        _key("conversions", "id"),
    )
    op.create_index(op.f("ix_conversions_book_id"), "conversions", ["book_id"])
    op.create_table(
        "conversion_entries",
        _id("conversion_id"),
        _id("entry_id"),
        _to("conversion_entries", "conversion_id", "conversions"),
        _to("conversion_entries", "entry_id", "entries", "entry_id"),
        _key("conversion_entries", "conversion_id", "entry_id"),
    )
    op.create_index(op.f("ix_conversion_entries_entry_id"), "conversion_entries", ["entry_id"])
    op.create_table(
        "conversion_signatures",
        _id("conversion_id"),
        sa.Column("side", _choice("side", *SIDES), nullable=False),
        _id("account_id"),
        _moment("signed_at"),
        _to("conversion_signatures", "conversion_id", "conversions"),
        _key("conversion_signatures", "conversion_id", "side"),
    )


def _make_exits() -> None:
    op.create_table(
        "exits",
        _id("id"),
        _id("book_id"),
        _id("account_id"),
        sa.Column("left_on", sa.Date(), nullable=False),
        _number("instalments"),
        _number("interval_months"),
        sa.Column("first_due_on", sa.Date(), nullable=False),
        _moment("opened_at"),
        _moment("closed_at", nullable=True),
        sa.CheckConstraint("instalments BETWEEN 1 AND 120", name=op.f("ck_exits_instalments")),
        sa.CheckConstraint("interval_months BETWEEN 1 AND 24", name=op.f("ck_exits_interval")),
        _to("exits", "book_id", "books"),
        _key("exits", "id"),
    )
    op.create_index(
        "uq_exits_open", "exits", ["book_id", "account_id"], unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "exit_payouts",
        _id("exit_id"),
        _number("number"),
        sa.Column("due_on", sa.Date(), nullable=False),
        _moment("paid_at", nullable=True),
        _id("paid_by", nullable=True),
        _id("entry_id", nullable=True),
        _to("exit_payouts", "exit_id", "exits"),
        _to("exit_payouts", "entry_id", "entries", "entry_id"),
        _key("exit_payouts", "exit_id", "number"),
        sa.UniqueConstraint("entry_id", name=op.f("uq_exit_payouts_entry_id")),
    )


def downgrade() -> None:
    for table in DECIDED:
        op.drop_constraint(op.f(f"fk_{table}_decision_id_decisions"), table, type_="foreignkey")
    for table in TABLES:
        op.drop_table(table)
