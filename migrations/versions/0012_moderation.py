"""Reports, holds, blocks and vouches."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = (
    "draft", "review", "open", "paused", "in_progress", "done", "archived", "withdrawn",
    "expired", "held",
)  # fmt: skip
BEFORE = tuple(state for state in STATES if state != "held")
CHECKED = (("needs", "state"), ("need_history", "from_state"), ("need_history", "to_state"))
ABOUT = ("need", "organisation", "question", "message", "worker")
KINDS = ("dangerous", "hateful", "spam", "private_data", "wrong", "other")
DEEDS = ("let_be", "held", "hidden", "limited", "blocked", "suspended")


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _check_states(states: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{state}'" for state in states)
    for table, column in CHECKED:
        name = f"ck_{table}_{column}"
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({listed}))")


def _names(table: str, column: str, other: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"), ondelete=ondelete
    )


def upgrade() -> None:
    _check_states(STATES)
    op.add_column("organisations", sa.Column("vouched_at", MOMENT, nullable=True))
    op.add_column(
        "organisations",
        sa.Column(
            "vouched_by", _choice("vouched_by", "before", "stewards", "members", "work"),
            nullable=True,
        ),
    )
    # Whoever published alone until now goes on doing so.
    op.execute(
        "UPDATE organisations SET vouched_at = created_at, vouched_by = 'before' "
        "WHERE state = 'accepted'"
    )
    op.add_column("accounts", sa.Column("limited_at", MOMENT, nullable=True))
    op.add_column("accounts", sa.Column("standing_reason", sa.String(length=2000), nullable=True))
    op.execute("UPDATE accounts SET standing_reason = ''")
    op.alter_column("accounts", "standing_reason", nullable=False)
    _make_pairs()
    _make_reports()
    _make_holds()


def _make_pairs() -> None:
    op.create_table(
        "vouches",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("steward", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        _names("vouches", "organisation_id", "organisations", "CASCADE"),
        _names("vouches", "account_id", "accounts", "CASCADE"),
        sa.PrimaryKeyConstraint("organisation_id", "account_id", name=op.f("pk_vouches")),
    )
    op.create_index(op.f("ix_vouches_account_id"), "vouches", ["account_id"])
    op.create_table(
        "blocks",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("side", _choice("side", "organisation", "person"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        _names("blocks", "organisation_id", "organisations", "CASCADE"),
        _names("blocks", "account_id", "accounts", "CASCADE"),
        _names("blocks", "created_by", "accounts", "SET NULL"),
        sa.PrimaryKeyConstraint("organisation_id", "account_id", "side", name=op.f("pk_blocks")),
    )
    op.create_index(op.f("ix_blocks_account_id"), "blocks", ["account_id"])


def _make_reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", _choice("state", "waiting", "looked_at"), nullable=False),
        sa.Column("about", _choice("about", *ABOUT), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _choice("kind", *KINDS), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("reporter_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("place_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _names("reports", "reporter_id", "accounts", "SET NULL"),
        _names("reports", "organisation_id", "organisations", "SET NULL"),
        _names("reports", "account_id", "accounts", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index(
        "ix_reports_waiting", "reports", ["created_at", "id"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index("ix_reports_reporter", "reports", ["reporter_id", "created_at"])
    op.create_index("ix_reports_subject", "reports", ["about", "subject_id"])
    op.create_table(
        "report_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("deed", _choice("deed", *DEEDS), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        _names("report_history", "report_id", "reports", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_history")),
    )
    op.create_index(op.f("ix_report_history_report_id"), "report_history", ["report_id"])


def _make_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("state_before", _choice("state_before", *STATES), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("held_by", sa.Uuid(), nullable=True),
        sa.Column("held_at", MOMENT, nullable=False),
        sa.Column("appeal", sa.String(), nullable=False),
        sa.Column("appealed_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("end_reason", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _names("holds", "need_id", "needs", "CASCADE"),
        _names("holds", "held_by", "accounts", "SET NULL"),
        _names("holds", "ended_by", "accounts", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index(op.f("ix_holds_need_id"), "holds", ["need_id"])
    op.create_index(
        "uq_holds_one_live", "holds", ["need_id"],
        unique=True, postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("holds", "report_history", "reports", "blocks", "vouches"):
        op.drop_table(table)
    op.drop_column("accounts", "standing_reason")
    op.drop_column("accounts", "limited_at")
    op.drop_column("organisations", "vouched_by")
    op.drop_column("organisations", "vouched_at")
    _check_states(BEFORE)
