"""Saved searches and their alerts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
OFTEN = "often IN ('off', 'instant', 'daily', 'weekly')"


def upgrade() -> None:
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.String(length=254), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("filters", postgresql.JSONB(), nullable=False),
        sa.Column("often", sa.String(length=32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(OFTEN, name=op.f("ck_saved_searches_often")),
        sa.CheckConstraint(
            "(account_id IS NULL) <> (address IS NULL)", name=op.f("ck_saved_searches_whose")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_saved_searches_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_searches")),
    )
    op.create_index("ix_saved_searches_account_id", "saved_searches", ["account_id"])
    op.create_index(
        "ix_saved_searches_address", "saved_searches", ["address"],
        postgresql_where=sa.text("address IS NOT NULL"),
    )
    op.create_index(
        "ix_saved_searches_unconfirmed", "saved_searches", ["created_at"],
        postgresql_where=sa.text("confirmed_at IS NULL"),
    )
    op.create_table(
        "search_matches",
        sa.Column("search_id", sa.Uuid(), nullable=False),
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("told_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["search_id"], ["saved_searches.id"],
            name=op.f("fk_search_matches_search_id_saved_searches"), ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["need_id"], ["needs.id"], name=op.f("fk_search_matches_need_id_needs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("search_id", "need_id", name=op.f("pk_search_matches")),
    )
    op.create_index(
        "ix_search_matches_untold", "search_matches", ["search_id", "at"],
        postgresql_where=sa.text("told_at IS NULL"),
    )
    op.create_index("ix_search_matches_need_id", "search_matches", ["need_id"])
    op.create_table(
        "new_needs",
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["need_id"], ["needs.id"], name=op.f("fk_new_needs_need_id_needs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("need_id", name=op.f("pk_new_needs")),
    )


def downgrade() -> None:
    op.drop_table("new_needs")
    op.drop_table("search_matches")
    op.drop_table("saved_searches")
