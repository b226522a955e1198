"""Notices to people, how each wants to be told, and digests that were looked at."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
UNREAD = sa.text("read_at IS NULL")
TOPICS = (
    "decisions", "reminders", "messages", "applications", "organisations", "stewardship", "matches",
)  # fmt: skip
READERS = ("worker", "members", "stewards", "named")


def _choice(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _refers(column: str, table: str, to: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{to}")
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.add_column("accounts", sa.Column("email_proven_at", MOMENT, nullable=True))
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("topic", _choice("topic", TOPICS), nullable=False),
        sa.Column("reader", _choice("reader", READERS), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        sa.Column("need_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.Column("mailed_at", MOMENT, nullable=True),
        _refers("account_id", "notices", "accounts"),
        _refers("claim_id", "notices", "claims"),
        _refers("need_id", "notices", "needs"),
        _refers("organisation_id", "notices", "organisations"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    for column in ("claim_id", "need_id", "organisation_id"):
        op.create_index(op.f(f"ix_notices_{column}"), "notices", [column])
    op.create_index(
        "uq_notices_one_unread", "notices", ["account_id", "kind", "object_id"],
        unique=True, postgresql_where=UNREAD,
    )  # fmt: skip
    op.create_index("uq_notices_number", "notices", ["account_id", "number"], unique=True)
    op.create_index(
        "ix_notices_account_at", "notices", ["account_id", sa.text("at DESC"), sa.text("id DESC")]
    )
    op.create_index(
        "ix_notices_unread_topic", "notices", ["account_id", "topic"], postgresql_where=UNREAD
    )
    op.create_table(
        "notice_counters",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _refers("account_id", "notice_counters", "accounts"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_notice_counters")),
    )
    op.create_table(
        "notice_settings",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("wishes", postgresql.JSONB(), nullable=False),
        sa.Column("discreet", sa.Boolean(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        _refers("account_id", "notice_settings", "accounts"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_notice_settings")),
    )
    op.create_table(
        "digests",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.String(length=40), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        _refers("account_id", "digests", "accounts"),
        sa.PrimaryKeyConstraint("account_id", "period", name=op.f("pk_digests")),
    )


def downgrade() -> None:
    op.drop_table("digests")
    op.drop_table("notice_settings")
    op.drop_table("notice_counters")
    op.drop_table("notices")
    op.drop_column("accounts", "email_proven_at")
