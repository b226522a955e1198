"""Signed receipts of confirmed work."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "receipts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("key_id", sa.String(length=500), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.String(length=500), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("peer_id", sa.Uuid(), nullable=True),
        sa.Column("agreement", sa.String(length=500), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("replaces", sa.String(length=500), nullable=True),
        sa.Column("replaced_by", sa.String(length=500), nullable=True),
        sa.Column("proven_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_receipts_minutes_positive")),
        sa.CheckConstraint(
            "source IN ('issued', 'received', 'shown')", name=op.f("ck_receipts_source")
        ),
        sa.CheckConstraint(
            "state IN ('valid', 'replaced', 'revoked')", name=op.f("ck_receipts_state")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_receipts_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["claims.id"], name=op.f("fk_receipts_claim_id_claims")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_receipts_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(
            ["peer_id"],
            ["peers.id"],
            name=op.f("fk_receipts_peer_id_peers"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
    )
    op.create_index(
        "uq_receipts_url",
        "receipts",
        ["url"],
        unique=True,
        postgresql_where=sa.text("source <> 'shown'"),
    )
    op.create_index(
        "uq_receipts_shown",
        "receipts",
        ["url", "account_id"],
        unique=True,
        postgresql_where=sa.text("source = 'shown'"),
    )
    op.create_index(
        "uq_receipts_one_valid",
        "receipts",
        ["claim_id"],
        unique=True,
        postgresql_where=sa.text("source = 'issued' AND state = 'valid'"),
    )
    op.create_index(
        "ix_receipts_account", "receipts", ["account_id", sa.text("issued_at DESC"), "id"]
    )
    op.create_index(op.f("ix_receipts_subject"), "receipts", ["subject"])
    op.create_index(op.f("ix_receipts_claim_id"), "receipts", ["claim_id"])
    op.create_table(
        "receipt_codes",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_receipt_codes_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_receipt_codes")),
    )
    op.create_index(op.f("ix_receipt_codes_account_id"), "receipt_codes", ["account_id"])


def downgrade() -> None:
    op.drop_table("receipt_codes")
    op.drop_table("receipts")
