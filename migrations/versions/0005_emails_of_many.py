"""Let several accounts have the same e-mail address.

Nobody has proven an address, so holding one back for whoever wrote it first protects nobody,
and the refusal told everybody who asked that this address has an account here.
"""

from alembic import op
from sqlalchemy import text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEEP_FIRST = """
UPDATE accounts SET email = NULL WHERE EXISTS (
    SELECT FROM accounts AS other
    WHERE lower(other.email) = lower(accounts.email)
    AND (other.created_at, other.id) < (accounts.created_at, accounts.id)
)
"""


def upgrade() -> None:
    op.drop_index("uq_accounts_email_folded", table_name="accounts")


def downgrade() -> None:
    op.execute(KEEP_FIRST)
    op.create_index("uq_accounts_email_folded", "accounts", [text("lower(email)")], unique=True)
