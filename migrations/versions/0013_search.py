"""Reading structures of the list of needs: one narrow row a need, kept by triggers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# As app.infra.text.fold, for what the stemmers leave: lower case, no marks, one sigma, one l·l.
FOLD = """
CREATE FUNCTION need_fold(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    regexp_replace(
        translate(
            regexp_replace(normalize(lower(said), NFKD), '[\u0300-\u036f]', '', 'g'),
            'ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩς', 'αβγδεζηθικλμνξοπρστυφχψωσ'
        ),
        'l[\u00b7\u2027.\u2022]l', 'll', 'g'
    )
"""
# Signs become spaces: PostgreSQL would keep wordpress.org or and/or as one word.
WORDS = """
CREATE FUNCTION need_words(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    regexp_replace(said, '[!-/:-@\\[-`{-~¡¿«»“”„‘’‚…·‧•–—]+', ' ', 'g')
"""
# The stems of a text by the dictionary of its language, folded and marked with the language; those
# that are words of the text themselves are there already. Stemmers expect accents and people leave
# them out: `said` brings the spelling with accents, `folded` the one without.
STEMS = """
CREATE FUNCTION need_stems(language text, said text, folded text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    tongue text := split_part(lower(language), '-', 1);
    dictionary regconfig := CASE tongue
        WHEN 'ca' THEN 'pg_catalog.catalan'::regconfig
        WHEN 'el' THEN 'pg_catalog.greek'::regconfig
        WHEN 'en' THEN 'pg_catalog.english'::regconfig
        WHEN 'es' THEN 'pg_catalog.spanish'::regconfig
        WHEN 'nl' THEN 'pg_catalog.dutch'::regconfig
    END;
    spelled text := need_words(regexp_replace(lower(said), 'l[·‧.•]l', 'll', 'g'));
    there text[] := tsvector_to_array(to_tsvector('pg_catalog.simple', folded));
BEGIN
    IF dictionary IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT DISTINCT '~' || tongue || ':' || bare FROM (
            SELECT CASE WHEN octet_length(stem) = length(stem) THEN stem ELSE need_fold(stem) END
            FROM unnest(tsvector_to_array(to_tsvector(dictionary, spelled || ' ' || folded)))
                 AS stem
        ) AS stems (bare)
        WHERE bare <> ALL (there)
    );
END $$
"""
# What filters ask for exactly, as words no text can hold.
TERMS = """
CREATE FUNCTION need_terms(need needs) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    ARRAY[
        '=l:' || lower(need.language),
        '=l:' || split_part(lower(need.language), '-', 1),
        '=k:' || need.kind, '=w:' || need.stream, '=u:' || need.urgency,
        '=m:' || need.remote::text,
        '=i:' || coalesce(need.origin_instance, 'here'),
        '=o:' || coalesce(need.organisation_id::text, '')
    ]
    || ARRAY(SELECT '=s:' || slug FROM unnest(need.skill_slugs) AS slug)
    || ARRAY(SELECT '=r:' || word FROM regexp_split_to_table(need_words(need_fold(need.region)), '\\s+') AS word
             WHERE word <> '')
    || ARRAY(SELECT '=h:' || hours FROM unnest(ARRAY[1, 2, 4, 8, 20, 40]) AS hours
             WHERE need.estimate_minutes <= hours * 60)
"""
PLACE = """
CREATE FUNCTION need_place(state text, taken integer, places integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN state = 'open' AND taken >= places THEN 'filled' ELSE state END
"""
# Days from the deadline to the year 9999; the driver writes the ends of the calendar as infinite.
SOON = """
CREATE FUNCTION need_soon(deadline date) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    DATE '9999-12-31'
    - greatest(least(coalesce(deadline, DATE '9999-12-31'), DATE '9999-12-31'), DATE '0001-01-01')
"""
# What a need says in other languages.
TRANSLATED = """
CREATE FUNCTION need_translated(need uuid)
RETURNS TABLE (language text, said text, folded text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT language, said, need_words(need_fold(said)) FROM (
        SELECT language, title || ' ' || left(body, 20000) AS said
        FROM need_translations WHERE need_id = need
    ) AS translated
$$
"""
LISTING = """
CREATE FUNCTION need_listing(need needs) RETURNS need_listings
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT ROW(
        need.id,
        need_place(need.state, need.taken, need.places),
        need.audience = 'public',
        need_soon(need.deadline),
        coalesce(need.published_at, need.created_at),
        ARRAY[lower(need.language), split_part(lower(need.language), '-', 1)],
        need.kind,
        need.stream,
        need.urgency,
        need.estimate_minutes,
        need.remote,
        need.organisation_id,
        coalesce(need.origin_instance, 'here'),
        need.skill_slugs,
        setweight(to_tsvector('simple', need_words(need_fold(need.title))), 'A')
        || to_tsvector('simple', need.search_text)
        || to_tsvector('simple', coalesce(
               (SELECT string_agg(folded, ' ') FROM need_translated(need.id)), ''
           ))
        || array_to_tsvector(ARRAY(
               SELECT unnest(need_stems(
                   need.language, need.title || ' ' || left(need.body, 20000), need.search_text
               ) || need_terms(need))
               UNION SELECT unnest(need_stems(t.language, t.said, t.folded))
               FROM need_translated(need.id) AS t
           ))
    )::need_listings
$$
"""
# Content changes write the whole row anew; a place taken only when it was the last one.
KEEP = """
CREATE FUNCTION keep_need_listing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO need_listings SELECT listing.* FROM need_listing(NEW) AS listing;
    ELSIF (NEW.search_text, NEW.title, NEW.body, NEW.language, NEW.kind, NEW.stream, NEW.urgency,
           NEW.estimate_minutes, NEW.remote, NEW.region, NEW.organisation_id, NEW.origin_instance,
           NEW.skill_slugs)
          IS DISTINCT FROM
          (OLD.search_text, OLD.title, OLD.body, OLD.language, OLD.kind, OLD.stream, OLD.urgency,
           OLD.estimate_minutes, OLD.remote, OLD.region, OLD.organisation_id, OLD.origin_instance,
           OLD.skill_slugs) THEN
        DELETE FROM need_listings WHERE need_id = NEW.id;
        INSERT INTO need_listings SELECT listing.* FROM need_listing(NEW) AS listing;
    ELSE
        UPDATE need_listings SET
            place = need_place(NEW.state, NEW.taken, NEW.places),
            public = NEW.audience = 'public',
            soon = need_soon(NEW.deadline),
            published = coalesce(NEW.published_at, NEW.created_at)
        WHERE need_id = NEW.id;
    END IF;
    RETURN NULL;
END $$
"""
KEEP_TRANSLATED = """
CREATE FUNCTION keep_translated_listing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.need_id ELSE NEW.need_id END;
BEGIN
    DELETE FROM need_listings WHERE need_id = changed;
    INSERT INTO need_listings
    SELECT l.* FROM needs AS n, LATERAL need_listing(n) AS l WHERE n.id = changed;
    RETURN NULL;
END $$
"""
TRIGGERS = (
    "CREATE TRIGGER translations_listed AFTER INSERT OR UPDATE OR DELETE ON need_translations"
    " FOR EACH ROW EXECUTE FUNCTION keep_translated_listing()",
    "CREATE TRIGGER needs_listed AFTER INSERT ON needs"
    " FOR EACH ROW EXECUTE FUNCTION keep_need_listing()",
    """
    CREATE TRIGGER needs_relisted AFTER UPDATE ON needs FOR EACH ROW
    WHEN ((need_place(NEW.state, NEW.taken, NEW.places), NEW.audience, NEW.deadline,
           NEW.published_at, NEW.search_text, NEW.title, NEW.body, NEW.language, NEW.kind,
           NEW.stream, NEW.urgency, NEW.estimate_minutes, NEW.remote, NEW.region,
           NEW.organisation_id, NEW.origin_instance, NEW.skill_slugs)
          IS DISTINCT FROM
          (need_place(OLD.state, OLD.taken, OLD.places), OLD.audience, OLD.deadline,
           OLD.published_at, OLD.search_text, OLD.title, OLD.body, OLD.language, OLD.kind,
           OLD.stream, OLD.urgency, OLD.estimate_minutes, OLD.remote, OLD.region,
           OLD.organisation_id, OLD.origin_instance, OLD.skill_slugs))
    EXECUTE FUNCTION keep_need_listing()
    """,
)
INDEXES = {
    "ix_need_listings_soonest": ("place", sa.text("soon DESC"), sa.text("published DESC"), sa.text("need_id DESC")),
    "ix_need_listings_newest": ("place", sa.text("published DESC"), sa.text("need_id DESC")),
}


def upgrade() -> None:
    op.create_table(
        "need_listings",
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("soon", sa.Integer(), nullable=False),
        sa.Column("published", sa.DateTime(timezone=True), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("stream", sa.String(length=32), nullable=False),
        sa.Column("urgency", sa.String(length=32), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("remote", sa.Boolean(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("instance", sa.String(length=300), nullable=False),
        sa.Column("skills", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("lexemes", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["need_id"], ["needs.id"], name=op.f("fk_need_listings_need_id_needs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("need_id", name=op.f("pk_need_listings")),
    )
    for statement in (FOLD, WORDS, STEMS, TERMS, PLACE, SOON, TRANSLATED, LISTING, KEEP, KEEP_TRANSLATED):
        op.execute(statement)
    op.execute("INSERT INTO need_listings SELECT l.* FROM needs AS n, LATERAL need_listing(n) AS l")
    for name, columns in INDEXES.items():
        op.create_index(name, "need_listings", list(columns))
    # Without a list of pending entries: a reader never pays for what was just written.
    op.create_index(
        "ix_need_listings_lexemes", "need_listings", ["lexemes"], postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    for statement in TRIGGERS:
        op.execute(statement)
    op.drop_index("ix_needs_search", table_name="needs")
    op.drop_column("needs", "search_vector")


def downgrade() -> None:
    op.add_column(
        "needs",
        sa.Column(
            "search_vector",
            postgresql.TSVECTOR(),
            sa.Computed("to_tsvector('simple'::regconfig, search_text)", persisted=True),
            nullable=False,
        ),
    )
    op.create_index("ix_needs_search", "needs", ["search_vector"], postgresql_using="gin")
    op.execute("DROP TRIGGER needs_relisted ON needs")
    op.execute("DROP TRIGGER needs_listed ON needs")
    op.execute("DROP TRIGGER translations_listed ON need_translations")
    op.execute("DROP FUNCTION keep_translated_listing()")
    op.execute("DROP FUNCTION keep_need_listing()")
    op.execute("DROP FUNCTION need_listing(needs)")
    op.execute("DROP FUNCTION need_translated(uuid)")
    op.execute("DROP FUNCTION need_soon(date)")
    op.execute("DROP FUNCTION need_place(text, integer, integer)")
    op.execute("DROP FUNCTION need_terms(needs)")
    op.execute("DROP FUNCTION need_stems(text, text, text)")
    op.execute("DROP FUNCTION need_words(text)")
    op.execute("DROP FUNCTION need_fold(text)")
    op.drop_table("need_listings")
