"""Strangers who introduce themselves and keys of receipts are counted apart from peers' keys."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

TABLE = "actor_fetches"
NAME = "ck_actor_fetches_cause"
BEFORE = ("claimed", "announced")
SINCE = (*BEFORE, "introduced", "shown")


def upgrade() -> None:
    _allow(SINCE)


def downgrade() -> None:
    op.execute("DELETE FROM actor_fetches")  # an hour's memory of our own calls
    _allow(BEFORE)


def _allow(causes: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(NAME), TABLE, type_="check")
    op.create_check_constraint(op.f(NAME), TABLE, sa.column("cause").in_(causes))
