"""Every exit of a claim: scoping sessions, disputes, panels, and corrections of the ledger.

An entry's claim is no longer unique by itself: one claim is credited once, and what changes that
is a chain of corrections, each of one entry that nothing else corrects.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = (
    "applied", "accepted", "active", "submitted", "confirmed", "declined", "withdrawn", "expired",
    "released", "lapsed", "changes_requested", "disputed", "panel_review", "rejected",
)  # fmt: skip
BEFORE = tuple(state for state in STATES if state != "panel_review")
CHECKED = (("claims", "state"), ("claim_history", "from_state"), ("claim_history", "to_state"))
LIVE = (
    "'applied', 'accepted', 'active', 'submitted', 'changes_requested', 'disputed', 'panel_review'"
)
ONE_LIVE = f"state IN ({LIVE}) OR (state = 'confirmed' AND kind = 'work')"
ONE_SCOPING = f"kind = 'scoping' AND state IN ({LIVE})"
ONE_LIVE_BEFORE = (
    "state IN ('applied', 'accepted', 'active', 'submitted', 'changes_requested', 'disputed', "
    "'confirmed')"
)
RESOLUTIONS = ("confirmed", "partly", "rejected")
FILL_CONFIRMED = """
    UPDATE claims SET confirmed_minutes = credited.minutes, confirmed_at = credited.at FROM (
        SELECT entries.claim_id, sum(postings.amount) AS minutes, max(entries.recorded_at) AS at
        FROM entries JOIN postings USING (entry_id)
        WHERE entries.claim_id IS NOT NULL AND postings.amount > 0 AND postings.unit = 'minute'
        GROUP BY entries.claim_id
    ) AS credited WHERE credited.claim_id = claims.id
"""


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _check_states(states: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{state}'" for state in states)
    for table, column in CHECKED:
        name = f"ck_{table}_{column}"
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({listed}))")


def upgrade() -> None:
    _check_states(STATES)
    _extend_claims()
    _make_panels()
    op.add_column("entries", sa.Column("panel_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_entries_panel_id_panels"), "entries", "panels", ["panel_id"], ["id"]
    )
    op.drop_constraint("uq_entries_claim_id", "entries", type_="unique")
    op.create_unique_constraint(op.f("uq_entries_corrects"), "entries", ["corrects"])
    op.create_index("ix_entries_claim", "entries", ["claim_id", "id"])
    op.create_index(
        "uq_entries_credit_of_claim", "entries", ["claim_id"],
        unique=True, postgresql_where=sa.text("kind = 'contribution'"),
    )


def _extend_claims() -> None:
    op.add_column("claims", sa.Column("kind", _choice("kind", "work", "scoping"), nullable=True))
    op.execute("UPDATE claims SET kind = 'work'")
    op.alter_column("claims", "kind", nullable=False)
    op.add_column("claims", sa.Column("confirmed_minutes", sa.Integer(), nullable=True))
    op.add_column("claims", sa.Column("confirmed_at", MOMENT, nullable=True))
    op.add_column(
        "claims", sa.Column("resolution", _choice("resolution", *RESOLUTIONS), nullable=True)
    )
    op.add_column("claims", sa.Column("offer_minutes", sa.Integer(), nullable=True))
    op.add_column("claims", sa.Column("offer_by", sa.Uuid(), nullable=True))
    op.add_column("claims", sa.Column("offer_by_worker", sa.Boolean(), nullable=True))
    op.execute(FILL_CONFIRMED)
    op.drop_index("uq_claims_one_live", table_name="claims")
    op.create_index(
        "uq_claims_one_live", "claims", ["need_id", "account_id"],
        unique=True, postgresql_where=sa.text(ONE_LIVE),
    )
    op.create_index(
        "uq_claims_one_scoping", "claims", ["need_id"],
        unique=True, postgresql_where=sa.text(ONE_SCOPING),
    )


def _make_panels() -> None:
    op.create_table(
        "panels",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("cause", _choice("cause", "unanswered", "disputed"), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=True),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("resolution", _choice("resolution", *RESOLUTIONS), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["claims.id"], name=op.f("fk_panels_claim_id_claims"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panels")),
    )
    op.create_index(
        "uq_panels_one_open", "panels", ["claim_id"],
        unique=True, postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_panels_claim", "panels", ["claim_id"])
    op.create_table(
        "panel_seats",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("panel_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tier", _choice("tier", "organisation", "stewards", "others"), nullable=False),
        sa.Column("pool_size", sa.Integer(), nullable=False),
        sa.Column("pool_head", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("state", _choice("state", "drawn", "decided", "declined", "missed"), nullable=False),
        sa.Column("drawn_at", MOMENT, nullable=False),
        sa.Column("answer_by", MOMENT, nullable=False),
        sa.Column("resolution", _choice("resolution", *RESOLUTIONS), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.CheckConstraint("minutes >= 0", name=op.f("ck_panel_seats_minutes_not_negative")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_panel_seats_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["panel_id"], ["panels.id"], name=op.f("fk_panel_seats_panel_id_panels"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panel_seats")),
        sa.UniqueConstraint(
            "panel_id", "account_id", name=op.f("uq_panel_seats_panel_id_account_id")
        ),
        sa.UniqueConstraint("panel_id", "number", name=op.f("uq_panel_seats_panel_id_number")),
    )
    op.create_index("ix_panel_seats_account", "panel_seats", ["account_id", "state"])


def downgrade() -> None:
    op.drop_index("uq_entries_credit_of_claim", table_name="entries")
    op.drop_index("ix_entries_claim", table_name="entries")
    op.drop_constraint(op.f("uq_entries_corrects"), "entries", type_="unique")
    op.create_unique_constraint("uq_entries_claim_id", "entries", ["claim_id"])
    op.drop_constraint(op.f("fk_entries_panel_id_panels"), "entries", type_="foreignkey")
    op.drop_column("entries", "panel_id")
    op.drop_table("panel_seats")
    op.drop_table("panels")
    op.drop_index("uq_claims_one_scoping", table_name="claims")
    op.drop_index("uq_claims_one_live", table_name="claims")
    for column in (
        "offer_by_worker", "offer_by", "offer_minutes", "resolution", "confirmed_at",
        "confirmed_minutes", "kind",
    ):  # fmt: skip
        op.drop_column("claims", column)
    op.create_index(
        "uq_claims_one_live", "claims", ["need_id", "account_id"],
        unique=True, postgresql_where=sa.text(ONE_LIVE_BEFORE),
    )
    _check_states(BEFORE)
