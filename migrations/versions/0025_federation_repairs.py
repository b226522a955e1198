"""Which accounts stand for somebody who has none."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# Until now only those who asked by link had one, under a handle that nobody else can have kept:
# it is given back as soon as they take the account over.
SILENT = """
    UPDATE accounts SET silent = EXISTS (
        SELECT FROM asks WHERE asks.holder_id = accounts.id
    ) AND handle ~ '^ask-[0-9a-f]{10}$'
"""


def upgrade() -> None:
    op.add_column("accounts", sa.Column("silent", sa.Boolean(), nullable=True))
    op.execute(SILENT)
    op.alter_column("accounts", "silent", nullable=False)


def downgrade() -> None:
    op.drop_column("accounts", "silent")
