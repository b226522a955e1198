"""The rules of a book, in versions, and drafts of them.

What was adopted is append-only, like the book that it rules.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

STATES = ("open", "proposed", "adopted", "withdrawn")
REVOKE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tornallom_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON policies FROM tornallom_app;
    END IF;
END $$
"""


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "policies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("document_hash", sa.LargeBinary(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("adopted_by", sa.Uuid(), nullable=True),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name=op.f("fk_policies_book_id_books")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
        sa.UniqueConstraint("book_id", "version", name=op.f("uq_policies_book_id_version")),
        sa.UniqueConstraint("decision_id", name=op.f("uq_policies_decision_id")),
    )
    op.create_index("ix_policies_day", "policies", ["book_id", "valid_from", "version"])
    op.create_table(
        "policy_drafts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=4000), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("state", _choice("state", *STATES), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("policy_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id"], ["books.id"], name=op.f("fk_policy_drafts_book_id_books")
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name=op.f("fk_policy_drafts_policy_id_policies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_drafts")),
        sa.UniqueConstraint("policy_id", name=op.f("uq_policy_drafts_policy_id")),
    )
    op.create_index("ix_policy_drafts_book", "policy_drafts", ["book_id", "created_at", "id"])
    op.execute(
        "CREATE TRIGGER policies_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON policies "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(REVOKE)


def downgrade() -> None:
    op.drop_table("policy_drafts")
    op.drop_table("policies")
