"""Asks of people without an account."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = (
    "unconfirmed", "waiting", "asked", "published", "declined", "merged", "withdrawn", "done",
)  # fmt: skip
STARTS = (
    "site_down", "leave_google", "video_assembly", "newsletter", "show_feed", "security_check",
    "teach_us",
)  # fmt: skip
SIDES = ("asker", "steward", "clock")
DEEDS = (
    "confirmed", "changed", "questioned", "answered", "published", "suggested", "settled",
    "declined", "merged", "withdrawn", "done", "thanked", "account_made", "link_sent",
)  # fmt: skip


def _choice(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "asks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", _choice("state", STATES), nullable=False),
        sa.Column("stuck", sa.String(), nullable=False),
        sa.Column("size", sa.String(length=300), nullable=False),
        sa.Column("organisation_name", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("start", _choice("start", STARTS), nullable=True),
        sa.Column("address", sa.String(length=254), nullable=True),
        sa.Column("signal", sa.String(length=60), nullable=True),
        sa.Column("waiting_since", MOMENT, nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("holder_id", sa.Uuid(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("erased_at", MOMENT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"],
            name=op.f("fk_asks_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(
            ["holder_id"], ["accounts.id"], name=op.f("fk_asks_holder_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["merged_into"], ["asks.id"], name=op.f("fk_asks_merged_into_asks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asks")),
    )  # fmt: skip
    op.create_index(
        "ix_asks_waiting", "asks", ["waiting_since", "id"],
        postgresql_where=sa.text("waiting_since IS NOT NULL"),
    )  # fmt: skip
    op.create_table(
        "ask_needs",
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("ask_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["need_id"], ["needs.id"], name=op.f("fk_ask_needs_need_id_needs"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["ask_id"], ["asks.id"], name=op.f("fk_ask_needs_ask_id_asks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("need_id", name=op.f("pk_ask_needs")),
    )
    op.create_index(op.f("ix_ask_needs_ask_id"), "ask_needs", ["ask_id"])
    op.create_table(
        "ask_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ask_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("side", _choice("side", SIDES), nullable=False),
        sa.Column("deed", _choice("deed", DEEDS), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["ask_id"], ["asks.id"], name=op.f("fk_ask_history_ask_id_asks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ask_history")),
    )
    op.create_index(op.f("ix_ask_history_ask_id"), "ask_history", ["ask_id"])
    op.create_table(
        "ask_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_ask_days")),
    )
    op.create_table(
        "ask_counts",
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ask_counts")),
    )
    op.create_index(op.f("ix_ask_counts_day"), "ask_counts", ["day"])


def downgrade() -> None:
    for table in ("ask_counts", "ask_days", "ask_history", "ask_needs", "asks"):
        op.drop_table(table)
