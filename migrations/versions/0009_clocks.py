"""Clocks on both sides: when a claim or need is looked at next, and which steps were taken.

Triggers put what is new, has moved or gave a sign before the clocks at once, so that no statement
which writes a claim or need can forget to. Whoever writes a need's clocks holds its row, and claims
come after their need in the order of locks, so the last trigger waits for nobody who waits for it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
RUNNING = sa.text("clock_at IS NOT NULL")

LOOK = """
CREATE FUNCTION look_at_clock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.clock_at := 'epoch';
    RETURN NEW;
END $$
"""
LOOK_AT_CLAIMS = """
CREATE FUNCTION look_at_clocks_of_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE claims SET clock_at = 'epoch' WHERE need_id = NEW.id AND clock_at IS NOT NULL;
    RETURN NULL;
END $$
"""
TRIGGERS = {
    "claims_clock_begins": "BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION look_at_clock()",
    "claims_clock_follows": (
        "BEFORE UPDATE OF state, heartbeat_at, updated_at ON claims FOR EACH ROW "
        "WHEN ((OLD.state, OLD.heartbeat_at, OLD.updated_at) "
        "IS DISTINCT FROM (NEW.state, NEW.heartbeat_at, NEW.updated_at)) "
        "EXECUTE FUNCTION look_at_clock()"
    ),
    "needs_clock_begins": (
        "BEFORE INSERT ON needs FOR EACH ROW WHEN (NEW.organisation_id IS NOT NULL) "
        "EXECUTE FUNCTION look_at_clock()"
    ),
    "needs_clock_follows": (
        "BEFORE UPDATE OF state, clocks, deadline, renewed_at, updated_at ON needs FOR EACH ROW "
        "WHEN (NEW.organisation_id IS NOT NULL "
        "AND (OLD.state, OLD.clocks, OLD.deadline, OLD.renewed_at, OLD.updated_at) IS DISTINCT "
        "FROM (NEW.state, NEW.clocks, NEW.deadline, NEW.renewed_at, NEW.updated_at)) "
        "EXECUTE FUNCTION look_at_clock()"
    ),
    "needs_clocks_of_claims": (
        "AFTER UPDATE OF clocks ON needs FOR EACH ROW "
        "WHEN (OLD.clocks IS DISTINCT FROM NEW.clocks) "
        "EXECUTE FUNCTION look_at_clocks_of_claims()"
    ),
}


def upgrade() -> None:
    op.create_table(
        "clock_steps",
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("clock", sa.String(length=30), nullable=False),
        sa.Column("step", sa.String(length=30), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("object_id", "clock", "step", "since", name="pk_clock_steps"),
    )
    op.add_column("claims", sa.Column("heartbeat_at", MOMENT, nullable=True))
    op.add_column("claims", sa.Column("clock_at", MOMENT, nullable=True))
    op.add_column("needs", sa.Column("clocks", postgresql.JSONB(), nullable=True))
    op.add_column("needs", sa.Column("renewed_at", MOMENT, nullable=True))
    op.add_column("needs", sa.Column("clock_at", MOMENT, nullable=True))
    op.execute("UPDATE needs SET clocks = '{}'")
    # Nobody was ever asked about a claim or need from before the clocks: all begin to count now.
    op.execute("UPDATE claims SET heartbeat_at = now() WHERE state IN ('accepted', 'active')")
    op.execute("UPDATE needs SET renewed_at = now() WHERE organisation_id IS NOT NULL")
    op.execute("UPDATE claims SET clock_at = 'epoch'")
    op.execute("UPDATE needs SET clock_at = 'epoch' WHERE organisation_id IS NOT NULL")
    op.alter_column("needs", "clocks", nullable=False)
    for table in ("claims", "needs"):
        op.create_index(f"ix_{table}_clock", table, ["clock_at", "id"], postgresql_where=RUNNING)
    op.execute(LOOK)
    op.execute(LOOK_AT_CLAIMS)
    for name, what in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {what}")


def downgrade() -> None:
    for name, what in TRIGGERS.items():
        table = "claims" if " ON claims" in what else "needs"
        op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute("DROP FUNCTION look_at_clock()")
    op.execute("DROP FUNCTION look_at_clocks_of_claims()")
    for table in ("claims", "needs"):
        op.drop_index(f"ix_{table}_clock", table_name=table)
    op.drop_column("needs", "clock_at")
    op.drop_column("needs", "renewed_at")
    op.drop_column("needs", "clocks")
    op.drop_column("claims", "clock_at")
    op.drop_column("claims", "heartbeat_at")
    op.drop_table("clock_steps")
