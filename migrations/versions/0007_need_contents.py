"""What a need holds beside its words."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, length=32, create_constraint=True)


# What is filled for the needs that are there: an SQL value for each.
FILLED = {
    "contacts": (postgresql.JSONB(), "'[]'"),
    "contact_public": (sa.Boolean(), "false"),
    "handover": (postgresql.JSONB(), "'[]'"),
    "handover_note": (sa.String(), "''"),
    "text_version": (sa.Integer(), "1"),
    "translated_text": (sa.String(), "''"),
    # Closed before it was asked: with a reason, or by work that somebody confirmed.
    "closed_without_work": (
        sa.Boolean(),
        "organisation_id IS NOT NULL AND state IN ('done', 'archived') AND NOT EXISTS ("
        "SELECT FROM claims WHERE claims.need_id = needs.id AND claims.state = 'confirmed')",
    ),
}
EMPTY = {
    "starts_on": sa.Date(),
    "time_zone": sa.String(60),
    "amount_minor": sa.BigInteger(),
    "currency": sa.String(3),
    "priority_days": sa.Integer(),
    "maintainer_id": sa.Uuid(),
    "maintainer_agreed_at": MOMENT,
    "care_of": sa.Uuid(),
    "recurs_months": sa.Integer(),
}


def upgrade() -> None:
    for name, kind in EMPTY.items():
        op.add_column("needs", sa.Column(name, kind, nullable=True))
    for name, (kind, _) in FILLED.items():
        op.add_column("needs", sa.Column(name, kind, nullable=True))
    filled = ", ".join(f"{name} = {value}" for name, (_, value) in FILLED.items())
    op.execute(f"UPDATE needs SET {filled}")
    for name in FILLED:
        op.alter_column("needs", name, nullable=False)
    kinds = one_of("maintainer", "worker", "organisation", "nobody")
    op.add_column("needs", sa.Column("maintainer", kinds, nullable=True))
    op.create_foreign_key(
        "fk_needs_maintainer_id_accounts", "needs", "accounts", ["maintainer_id"], ["id"]
    )
    op.create_foreign_key("fk_needs_care_of_needs", "needs", "needs", ["care_of"], ["id"])
    op.create_index("uq_needs_care_of", "needs", ["care_of"], unique=True)
    op.create_check_constraint(
        "one_named_maintainer",
        "needs",
        "coalesce(maintainer = 'worker', false) = (maintainer_id IS NOT NULL)",
    )
    op.create_check_constraint(
        "amount_with_currency", "needs", "(amount_minor IS NULL) = (currency IS NULL)"
    )
    op.create_table(
        "need_translations",
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("human", sa.Boolean(), nullable=False),
        sa.Column("source_version", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["need_id"], ["needs.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("need_id", "language"),
    )
    states = one_of("proposal_state", "proposed", "accepted", "declined")
    op.create_table(
        "scope_proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("skills", postgresql.JSONB(), nullable=False),
        sa.Column("estimate_minutes", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("state", states, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["need_id"], ["needs.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["decided_by"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_scope_proposals_need_id", "scope_proposals", ["need_id"])


def downgrade() -> None:
    op.drop_table("scope_proposals")
    op.drop_table("need_translations")
    op.drop_index("uq_needs_care_of", table_name="needs")
    op.drop_constraint("one_named_maintainer", "needs", type_="check")
    op.drop_constraint("amount_with_currency", "needs", type_="check")
    for name in ("maintainer", *FILLED, *EMPTY):
        op.drop_column("needs", name)
