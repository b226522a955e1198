"""Disputed entries, and the panels that hear appeals."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = ("talking", "panel", "assembly", "closed")
RESOLUTIONS = ("upheld", "changed", "taken_back")
ENDED_BY = ("withdrawal", "agreement", "panel", "assembly")
TIERS = ("worker_owners", "named")
SEATS = ("drawn", "decided", "declined", "missed")
CLOSED_SAYS_HOW = (
    "(state = 'closed') = (closed_at IS NOT NULL) AND "
    "(state <> 'closed' OR (resolution IS NOT NULL AND resolved_by IS NOT NULL "
    "AND final_minutes IS NOT NULL))"
)
# What is in dispute is not corrected meanwhile: its minutes are in suspense, where a correction
# would not find them. What a dispute changed stands by its ruling, and not by the entry any more. Both sides take the same lock, so that neither slips past the other.
REFUSE_CORRECTION = """
CREATE FUNCTION refuse_correction_in_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.corrects::text, 5));
    IF EXISTS (
        SELECT FROM disputes WHERE entry_id = NEW.corrects
            AND (final_at IS NULL OR resolution <> 'upheld')
    ) THEN
        RAISE EXCEPTION 'entry % is in dispute, or was ruled about', NEW.corrects
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$
"""


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    _disputes()
    _seats()
    op.create_foreign_key(
        op.f("fk_entries_dispute_id_disputes"), "entries", "disputes", ["dispute_id"], ["id"]
    )
    op.create_index(
        op.f("ix_entries_dispute_id"), "entries", ["dispute_id"],
        postgresql_where=sa.text("dispute_id IS NOT NULL"),
    )
    op.execute(REFUSE_CORRECTION)
    op.execute(
        "CREATE TRIGGER entries_not_in_dispute BEFORE INSERT ON entries FOR EACH ROW "
        "WHEN (NEW.corrects IS NOT NULL) EXECUTE FUNCTION refuse_correction_in_dispute()"
    )


def _disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("takes", sa.Boolean(), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("state", _choice("state", *STATES), nullable=False),
        sa.Column("offer_minutes", sa.Integer(), nullable=True),
        sa.Column("offer_by", sa.Uuid(), nullable=True),
        sa.Column("offer_by_worker", sa.Boolean(), nullable=True),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("named_id", sa.Uuid(), nullable=True),
        sa.Column("named_by_worker", sa.Boolean(), nullable=True),
        sa.Column("resolution", _choice("resolution", *RESOLUTIONS), nullable=True),
        sa.Column("resolved_by", _choice("resolved_by", *ENDED_BY), nullable=True),
        sa.Column("final_minutes", sa.Integer(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("panel_since", MOMENT, nullable=True),
        sa.Column("assembly_since", MOMENT, nullable=True),
        sa.Column("assembly_asked_by", sa.Uuid(), nullable=True),
        sa.Column("assembly_reason", sa.String(length=2000), nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("final_at", MOMENT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_disputes_minutes_above_zero")),
        sa.CheckConstraint(
            "final_minutes >= 0", name=op.f("ck_disputes_final_minutes_not_negative")
        ),
        sa.CheckConstraint(CLOSED_SAYS_HOW, name=op.f("ck_disputes_closed_says_how")),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name=op.f("fk_disputes_book_id_books")),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("fk_disputes_decision_id_decisions")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entries.entry_id"], name=op.f("fk_disputes_entry_id_entries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
    )
    op.create_index(
        "uq_disputes_one_open", "disputes", ["entry_id"],
        unique=True, postgresql_where=sa.text("final_at IS NULL"),
    )
    op.create_index("ix_disputes_entry", "disputes", ["entry_id"])
    op.create_index("ix_disputes_book", "disputes", ["book_id", "id"])
    op.create_index(op.f("ix_disputes_worker_id"), "disputes", ["worker_id"])
    op.create_index(op.f("ix_disputes_opened_by"), "disputes", ["opened_by"])


def _seats() -> None:
    op.create_table(
        "dispute_seats",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dispute_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tier", _choice("tier", *TIERS), nullable=False),
        sa.Column("pool_size", sa.Integer(), nullable=False),
        sa.Column("pool_head", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("state", _choice("state", *SEATS), nullable=False),
        sa.Column("drawn_at", MOMENT, nullable=False),
        sa.Column("answer_by", MOMENT, nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.CheckConstraint("minutes >= 0", name=op.f("ck_dispute_seats_minutes_not_negative")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_dispute_seats_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["dispute_id"], ["disputes.id"], name=op.f("fk_dispute_seats_dispute_id_disputes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_seats")),
        sa.UniqueConstraint(
            "dispute_id", "account_id", name=op.f("uq_dispute_seats_dispute_id_account_id")
        ),
        sa.UniqueConstraint(
            "dispute_id", "number", name=op.f("uq_dispute_seats_dispute_id_number")
        ),
    )
    op.create_index("ix_dispute_seats_account", "dispute_seats", ["account_id", "state"])


def downgrade() -> None:
    op.execute("DROP TRIGGER entries_not_in_dispute ON entries")
    op.execute("DROP FUNCTION refuse_correction_in_dispute()")
    op.drop_index(op.f("ix_entries_dispute_id"), table_name="entries")
    op.drop_constraint(op.f("fk_entries_dispute_id_disputes"), "entries", type_="foreignkey")
    op.drop_table("dispute_seats")
    op.drop_table("disputes")
