"""Claims across instances."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("claims", sa.Column("elsewhere", sa.String(length=32), nullable=True))
    op.create_check_constraint(
        op.f("ck_claims_elsewhere"), "claims", "elsewhere IN ('worker', 'need')"
    )
    op.create_table(
        "agreements",
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("peer_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("need_url", sa.String(length=500), nullable=False),
        sa.Column("need_title", sa.String(length=200), nullable=False),
        sa.Column("offer_url", sa.String(length=500), nullable=True),
        sa.Column("provider_url", sa.String(length=500), nullable=False),
        sa.Column("agreement_url", sa.String(length=500), nullable=True),
        sa.Column("report_url", sa.String(length=500), nullable=True),
        sa.Column("shown_name", sa.String(length=80), nullable=False),
        sa.Column("said_version", sa.Integer(), nullable=False),
        sa.Column("heard_version", sa.Integer(), nullable=False),
        sa.Column("answer_id", sa.String(length=500), nullable=True),
        sa.Column("answer_by", MOMENT, nullable=False),
        sa.Column("contacts", postgresql.JSONB(), nullable=False),
        sa.Column("receipt_url", sa.String(length=500), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["claims.id"], name=op.f("fk_agreements_claim_id_claims"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["peer_id"], ["peers.id"], name=op.f("fk_agreements_peer_id_peers")
        ),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_agreements")),
        sa.UniqueConstraint("key", name=op.f("uq_agreements_key")),
    )
    op.create_index("uq_agreements_offer", "agreements", ["peer_id", "offer_url"], unique=True)
    op.create_index("ix_agreements_agreement_url", "agreements", ["agreement_url"])
    op.create_index("ix_agreements_report_url", "agreements", ["report_url"])


def downgrade() -> None:
    op.drop_table("agreements")
    op.drop_constraint(op.f("ck_claims_elsewhere"), "claims", type_="check")
    op.drop_column("claims", "elsewhere")
