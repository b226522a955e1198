"""What one person alone, or the application's own login, must not be able to do to a period.

Its days stay as they are once it is frozen or another one follows, and so do the figures that it
was frozen with. Since when disputes no longer change it, how many entries its draft was drawn
from, and who took it back are written down.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0037"
down_revision = "0034"
branch_labels = None
depends_on = None

KEEP_DAYS = """
CREATE FUNCTION keep_period_days() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    editable boolean := OLD.state IN ('open', 'reopened');
BEGIN
    IF NEW.starts_on <> OLD.starts_on OR (NEW.created_by, NEW.created_at)
        IS DISTINCT FROM (OLD.created_by, OLD.created_at)
    THEN
        RAISE EXCEPTION 'period % keeps its first day', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.ends_on <> OLD.ends_on AND (
        NOT editable OR NEW.state <> OLD.state OR EXISTS (
            SELECT FROM periods WHERE book_id = OLD.book_id AND number > OLD.number
        )
    ) THEN
        RAISE EXCEPTION 'period % keeps its last day', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT editable AND (NEW.surplus, NEW.surplus_by, NEW.policy_id, NEW.frozen_by)
        IS DISTINCT FROM (OLD.surplus, OLD.surplus_by, OLD.policy_id, OLD.frozen_by)
    THEN
        RAISE EXCEPTION 'period % keeps what it was frozen with', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
# A draft that people are reading keeps the days that it was promised.
FILL = """
UPDATE periods SET settles_at = objections_until, entries_drawn = (
    SELECT count(*) FROM entries WHERE entries.book_id = periods.book_id
        AND booked_on BETWEEN starts_on AND ends_on
) WHERE state IN ('drafted', 'signed')
"""


def upgrade() -> None:
    op.add_column("periods", sa.Column("settles_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("periods", sa.Column("entries_drawn", sa.Integer(), nullable=True))
    op.add_column("periods", sa.Column("reopened_by", postgresql.JSONB(), nullable=True))
    op.execute(FILL)
    op.execute(KEEP_DAYS)
    op.execute(
        "CREATE TRIGGER periods_days_kept BEFORE UPDATE ON periods "
        "FOR EACH ROW EXECUTE FUNCTION keep_period_days()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER periods_days_kept ON periods")
    op.execute("DROP FUNCTION keep_period_days()")
    for column in ("reopened_by", "entries_drawn", "settles_at"):
        op.drop_column("periods", column)
