"""The database itself keeps the ledger append-only and balanced.

Statement triggers refuse UPDATE, DELETE and TRUNCATE for every role that is subject to
triggers; the application's own role loses the rights as well. A deferred check at commit
wants each entry's postings complete (`posting_count`) and summing to zero per unit.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("entries", "postings", "claim_history", "need_history")

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$
"""

BALANCED = """
CREATE FUNCTION check_entry_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted integer;
    found integer;
    worst bigint;
BEGIN
    SELECT posting_count INTO wanted FROM entries WHERE entry_id = NEW.entry_id;
    SELECT count(*) INTO found FROM postings WHERE entry_id = NEW.entry_id;
    IF found IS DISTINCT FROM wanted THEN
        RAISE EXCEPTION 'entry % has % postings instead of %', NEW.entry_id, found, wanted
            USING ERRCODE = 'check_violation';
    END IF;
    SELECT max(abs(total)) INTO worst FROM (
        SELECT sum(amount) AS total FROM postings WHERE entry_id = NEW.entry_id GROUP BY unit
    ) AS sums;
    IF worst <> 0 THEN
        RAISE EXCEPTION 'entry % does not sum to zero', NEW.entry_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""

REVOKE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tornallom_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON {tables} FROM tornallom_app;
    END IF;
END $$
"""


def upgrade() -> None:
    op.execute(REFUSE)
    op.execute(BALANCED)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    for table in ("entries", "postings"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_balanced AFTER INSERT ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_entry_balanced()"
        )
    op.execute(REVOKE.format(tables=", ".join(APPEND_ONLY)))


def downgrade() -> None:
    for table in ("entries", "postings"):
        op.execute(f"DROP TRIGGER {table}_balanced ON {table}")
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    op.execute("DROP FUNCTION check_entry_balanced()")
    op.execute("DROP FUNCTION refuse_change()")
