"""When workers are free, and what ranking walks along."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)

# What a need's age counts from: the date its source gives, where an import kept an earlier one.
POSTED_AT = """
CREATE FUNCTION match_posted_at(source jsonb, published_at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF source ->> 'updated' IS NULL THEN
        RETURN published_at;
    END IF;
    RETURN least(published_at, (source ->> 'updated')::timestamptz);
EXCEPTION WHEN data_exception THEN
    RETURN published_at;  -- an imported row says what it likes
END $$
"""
POST_NEED = """
CREATE FUNCTION match_post_need() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM match_needs WHERE need_id = NEW.id;
    END IF;
    IF NEW.state = 'open' AND NEW.taken < NEW.places AND cardinality(NEW.skill_slugs) > 0 THEN
        INSERT INTO match_needs (need_id, skill, language, posted_at, weight, total, musts)
        SELECT NEW.id, slug, left(lower(split_part(NEW.language, '-', 1)), 8),
               match_posted_at(NEW.source, coalesce(NEW.published_at, NEW.created_at)),
               CASE WHEN slug = ANY (NEW.must_slugs) THEN 3 ELSE 1 END,
               cardinality(NEW.skill_slugs) + 2 * cardinality(NEW.must_slugs),
               cardinality(NEW.must_slugs)
        FROM unnest(NEW.skill_slugs) AS slug;
    END IF;
    RETURN NULL;
END $$
"""
NEED_TRIGGERS = (
    """
CREATE TRIGGER match_post_new_need AFTER INSERT ON needs FOR EACH ROW
WHEN (NEW.state = 'open') EXECUTE FUNCTION match_post_need()
""",
    # A place taken or freed touches the postings only where it fills or reopens the need.
    """
CREATE TRIGGER match_post_changed_need AFTER UPDATE ON needs FOR EACH ROW
WHEN ((OLD.state = 'open' AND OLD.taken < OLD.places, OLD.skill_slugs, OLD.must_slugs,
       OLD.language, OLD.published_at, OLD.source)
      IS DISTINCT FROM
      (NEW.state = 'open' AND NEW.taken < NEW.places, NEW.skill_slugs, NEW.must_slugs,
       NEW.language, NEW.published_at, NEW.source))
EXECUTE FUNCTION match_post_need()
""",
)
POST_WORKER = """
CREATE FUNCTION match_post_worker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM match_workers WHERE account_id = NEW.account_id;
    INSERT INTO match_workers (account_id, skill, language, saved_at)
    SELECT DISTINCT NEW.account_id, s.slug, left(lower(split_part(spoken, '-', 1)), 8),
           NEW.updated_at
    FROM profile_skills s, unnest(NEW.languages) AS spoken
    WHERE NEW.findable AND s.account_id = NEW.account_id
      AND EXISTS (SELECT FROM accounts a WHERE a.id = NEW.account_id
                  AND a.disabled_at IS NULL AND a.limited_at IS NULL);
    RETURN NULL;
END $$
"""
POST_SKILL = """
CREATE FUNCTION match_post_skill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM match_workers WHERE account_id = OLD.account_id AND skill = OLD.slug;
    ELSE
        INSERT INTO match_workers (account_id, skill, language, saved_at)
        SELECT DISTINCT p.account_id, NEW.slug, left(lower(split_part(spoken, '-', 1)), 8),
               p.updated_at
        FROM profiles p, unnest(p.languages) AS spoken
        WHERE p.findable AND p.account_id = NEW.account_id
          AND EXISTS (SELECT FROM accounts a WHERE a.id = p.account_id
                  AND a.disabled_at IS NULL AND a.limited_at IS NULL)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$
"""
# Whoever is shut out is found by nobody, and again when they are let in.
POST_ACCOUNT = """
CREATE FUNCTION match_post_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM match_workers WHERE account_id = NEW.id;
    IF NEW.disabled_at IS NULL AND NEW.limited_at IS NULL THEN
        INSERT INTO match_workers (account_id, skill, language, saved_at)
        SELECT DISTINCT p.account_id, s.slug, left(lower(split_part(spoken, '-', 1)), 8),
               p.updated_at
        FROM profiles p JOIN profile_skills s ON s.account_id = p.account_id,
             unnest(p.languages) AS spoken
        WHERE p.findable AND p.account_id = NEW.id;
    END IF;
    RETURN NULL;
END $$
"""
WORKER_TRIGGERS = (
    """
CREATE TRIGGER match_post_worker AFTER INSERT OR UPDATE OF findable, languages, updated_at
ON profiles FOR EACH ROW EXECUTE FUNCTION match_post_worker()
""",
    """
CREATE TRIGGER match_post_skill AFTER INSERT OR DELETE ON profile_skills FOR EACH ROW
EXECUTE FUNCTION match_post_skill()
""",
    """
CREATE TRIGGER match_post_account AFTER UPDATE OF disabled_at, limited_at ON accounts FOR EACH ROW
WHEN ((OLD.disabled_at IS NULL AND OLD.limited_at IS NULL)
    <> (NEW.disabled_at IS NULL AND NEW.limited_at IS NULL))
EXECUTE FUNCTION match_post_account()
""",
)
FILL_NEEDS = """
INSERT INTO match_needs (need_id, skill, language, posted_at, weight, total, musts)
SELECT n.id, slug, left(lower(split_part(n.language, '-', 1)), 8),
       match_posted_at(n.source, coalesce(n.published_at, n.created_at)),
       CASE WHEN slug = ANY (n.must_slugs) THEN 3 ELSE 1 END,
       cardinality(n.skill_slugs) + 2 * cardinality(n.must_slugs), cardinality(n.must_slugs)
FROM needs n, unnest(n.skill_slugs) AS slug WHERE n.state = 'open' AND n.taken < n.places
"""
FILL_WORKERS = """
INSERT INTO match_workers (account_id, skill, language, saved_at)
SELECT DISTINCT p.account_id, s.slug, left(lower(split_part(spoken, '-', 1)), 8), p.updated_at
FROM profiles p JOIN profile_skills s ON s.account_id = p.account_id, unnest(p.languages) AS spoken
WHERE p.findable
  AND EXISTS (SELECT FROM accounts a WHERE a.id = p.account_id
                  AND a.disabled_at IS NULL AND a.limited_at IS NULL)
"""


def upgrade() -> None:
    op.add_column("profiles", sa.Column("availability", sa.LargeBinary(), nullable=True))
    op.add_column("organisations", sa.Column("working_hours", sa.LargeBinary(), nullable=True))
    # Until now the tick promised nothing in particular; now it shows people to others, so
    # everybody is asked anew.
    op.execute("UPDATE profiles SET findable = false WHERE findable")
    _make_postings()
    _make_choices()
    for statement in (
        POSTED_AT, POST_NEED, *NEED_TRIGGERS, POST_WORKER, POST_SKILL, POST_ACCOUNT,
        *WORKER_TRIGGERS,
        FILL_NEEDS, FILL_WORKERS,
    ):  # fmt: skip
        op.execute(statement)


def _make_postings() -> None:
    op.create_table(
        "match_needs",
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("skill", sa.String(length=60), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("posted_at", MOMENT, nullable=False),
        sa.Column("weight", sa.SmallInteger(), nullable=False),
        sa.Column("total", sa.SmallInteger(), nullable=False),
        sa.Column("musts", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["need_id"], ["needs.id"], name=op.f("fk_match_needs_need_id_needs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("need_id", "skill", name=op.f("pk_match_needs")),
    )
    op.create_index(
        "ix_match_needs_walk", "match_needs", ["skill", "language", sa.text("posted_at DESC")],
        postgresql_include=["need_id", "weight", "total", "musts"],
    )
    op.create_table(
        "match_workers",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("skill", sa.String(length=60), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("saved_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["profiles.account_id"],
            name=op.f("fk_match_workers_account_id_profiles"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "skill", "language", name=op.f("pk_match_workers")),
    )
    op.create_index(
        "ix_match_workers_walk", "match_workers", ["skill", "language", sa.text("saved_at DESC")],
        postgresql_include=["account_id"],
    )


def _make_choices() -> None:
    op.create_table(
        "match_dismissals",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_match_dismissals_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["need_id"], ["needs.id"], name=op.f("fk_match_dismissals_need_id_needs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "need_id", name=op.f("pk_match_dismissals")),
    )
    op.create_index(op.f("ix_match_dismissals_need_id"), "match_dismissals", ["need_id"])
    op.create_table(
        "match_invitations",
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["need_id"], ["needs.id"], name=op.f("fk_match_invitations_need_id_needs"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_match_invitations_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["accounts.id"], name=op.f("fk_match_invitations_invited_by_accounts"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("need_id", "account_id", name=op.f("pk_match_invitations")),
    )
    op.create_index(op.f("ix_match_invitations_account_id"), "match_invitations", ["account_id"])
    op.create_index("ix_match_invitations_by", "match_invitations", ["invited_by", "created_at"])


def downgrade() -> None:
    for table in ("match_invitations", "match_dismissals", "match_workers", "match_needs"):
        op.drop_table(table)
    for trigger, table in (
        ("match_post_account", "accounts"), ("match_post_skill", "profile_skills"), ("match_post_worker", "profiles"),
        ("match_post_changed_need", "needs"), ("match_post_new_need", "needs"),
    ):  # fmt: skip
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for function in (
        "match_post_account()", "match_post_skill()", "match_post_worker()", "match_post_need()",
        "match_posted_at(jsonb, timestamptz)",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}")
    op.drop_column("organisations", "working_hours")
    op.drop_column("profiles", "availability")
