"""Who follows this instance from the fediverse."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
TABLES = (
    "stranger_fetches", "public_messages", "public_deliveries", "public_posts", "notes",
    "followers", "remote_servers", "remote_actors",
)  # fmt: skip


def _number() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def upgrade() -> None:
    """Make the tables."""
    _people()
    _mail()
    _guards()


def _people() -> None:
    op.create_table(
        "remote_actors",
        sa.Column("actor_url", sa.String(length=500), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("inbox_url", sa.String(length=500), nullable=False),
        sa.Column("shared_inbox_url", sa.String(length=500), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("keys", postgresql.JSONB(), nullable=False),
        sa.Column("speaks_rfc9421", sa.Boolean(), nullable=False),
        sa.Column("fetched_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("actor_url", name=op.f("pk_remote_actors")),
    )
    op.create_index(op.f("ix_remote_actors_fetched_at"), "remote_actors", ["fetched_at"])
    op.create_table(
        "remote_servers",
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("scheme", sa.String(length=32), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", MOMENT, nullable=True),
        sa.Column("last_failure", sa.String(length=60), nullable=False),
        sa.Column("last_success_at", MOMENT, nullable=True),
        sa.Column("next_attempt_at", MOMENT, nullable=False),
        sa.Column("leased_until", MOMENT, nullable=False),
        sa.CheckConstraint(
            "scheme IN ('unknown', 'rfc9421', 'cavage')", name=op.f("ck_remote_servers_scheme")
        ),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_remote_servers")),
    )
    op.create_index("ix_remote_servers_due", "remote_servers", ["next_attempt_at", "leased_until"])
    op.create_table(
        "followers",
        sa.Column("actor_url", sa.String(length=500), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("inbox_url", sa.String(length=500), nullable=False),
        sa.Column("shared_inbox_url", sa.String(length=500), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("follow_id", sa.String(length=500), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["origin"],
            ["remote_servers.origin"],
            name=op.f("fk_followers_origin_remote_servers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("actor_url", name=op.f("pk_followers")),
    )
    op.create_index(op.f("ix_followers_origin"), "followers", ["origin"])


def _mail() -> None:
    op.create_table(
        "notes",
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("gone_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("need_id", name=op.f("pk_notes")),
    )
    op.create_table(
        "public_posts",
        _number(),
        sa.Column("need_id", sa.Uuid(), nullable=True),
        sa.Column("activity_type", sa.String(length=40), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_posts")),
    )
    op.create_index(op.f("ix_public_posts_need_id"), "public_posts", ["need_id"])
    op.create_table(
        "public_deliveries",
        _number(),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("inbox_url", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["origin"],
            ["remote_servers.origin"],
            name=op.f("fk_public_deliveries_origin_remote_servers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["post_id"],
            ["public_posts.id"],
            name=op.f("fk_public_deliveries_post_id_public_posts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_deliveries")),
    )
    op.create_index(op.f("ix_public_deliveries_inbox_url"), "public_deliveries", ["inbox_url"])
    op.create_index("ix_public_deliveries_lane", "public_deliveries", ["origin", "id"])
    op.create_index(op.f("ix_public_deliveries_post_id"), "public_deliveries", ["post_id"])


def _guards() -> None:
    op.create_table(
        "public_messages",
        sa.Column("activity_id", sa.String(length=500), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_public_messages")),
    )
    op.create_index(op.f("ix_public_messages_at"), "public_messages", ["at"])
    op.create_index("ix_public_messages_origin_at", "public_messages", ["origin", "at"])
    op.create_table(
        "stranger_fetches",
        _number(),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stranger_fetches")),
    )
    op.create_index(op.f("ix_stranger_fetches_at"), "stranger_fetches", ["at"])
    op.create_index("ix_stranger_fetches_origin_at", "stranger_fetches", ["origin", "at"])


def downgrade() -> None:
    """Forget who follows."""
    for table in TABLES:
        op.drop_table(table)
