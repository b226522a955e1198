"""Data by seed: needs that come in bursts, whose skills go with their language. Nothing of app."""

import hashlib
import random
import uuid
from datetime import UTC, date, datetime, timedelta

import asyncpg

LANGUAGES = ("en", "el", "ca", "nl", "es")
WEIGHTS = (50, 20, 10, 10, 10)
SKILLS = ("wordpress", "translation", "design", "accounting", "python", "video", "printing")
WORDS = ("site", "poster", "server", "garden", "bakery", "festival", "library", "radio", "archive",
         "kitchen", "workshop", "map", "survey", "print", "letter", "camera")  # fmt: skip
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = (
    "id", "organisation_id", "organisation_name", "state", "state_reason", "title", "body",
    "language", "kind", "stream", "skill_slugs", "must_slugs", "skills_unknown", "tags",
    "estimate_minutes", "places", "taken", "urgency", "deadline", "remote", "region", "audience",
    "audience_peers", "instant", "search_text", "created_at", "updated_at", "published_at",
    "version", "clocks", "contacts", "contact_public", "handover", "handover_note", "text_version",
    "translated_text", "closed_without_work",
)  # fmt: skip


async def seed(url: str, count: int, workers: int) -> list[tuple[str, str]]:
    """Fill an empty, migrated database; return the workers as (account id, token)."""
    connection = await asyncpg.connect(url)
    dice = random.Random(count)
    organisations = [uuid.UUID(int=dice.getrandbits(128), version=4) for _ in range(20)]
    for number, organisation in enumerate(organisations):
        await connection.execute(
            "INSERT INTO organisations (id, slug, name, summary, languages, time_zone, state, "
            "state_reason, created_at, version, vouched_at, vouched_by) VALUES ($1, $2, $3, '', "
            "'{}', 'UTC', 'accepted', '', $4, 1, $4, 'before')",
            organisation, f"organisation-{number}", f"Organisation {number}", BEGIN,
        )  # fmt: skip
    rows = [need(dice, n, organisations) for n in range(count)]
    await connection.copy_records_to_table("needs", records=rows, columns=list(COLUMNS))
    people = [await _worker(connection, number) for number in range(workers)]
    await connection.execute("ANALYZE")
    await connection.close()
    return people


def need(dice: random.Random, number: int, organisations: list[uuid.UUID]) -> tuple[object, ...]:
    """Make one need; a language's needs ask for some skills more than for others."""
    language = dice.choices(LANGUAGES, WEIGHTS)[0]
    first = (LANGUAGES.index(language) + int(dice.random() ** 2 * len(SKILLS))) % len(SKILLS)
    skills = list(dict.fromkeys([SKILLS[first], dice.choice(SKILLS)]))
    which = dice.randrange(len(organisations))
    words = dice.choices(WORDS, k=4)
    # Bursts: most of a day's needs come within an hour of it.
    at = BEGIN + timedelta(days=number // 100, seconds=int(dice.expovariate(1 / 1800)))
    deadline = date(2027, 1, 1) + timedelta(days=dice.randrange(90)) if number % 3 else None
    body = " ".join(dice.choices(WORDS, k=60))
    return (
        uuid.UUID(int=dice.getrandbits(128), version=4), organisations[which],
        f"Organisation {which}", "open", "", " ".join(words), body, language, "labour", "gift",
        skills, skills[:1], False, [words[0]], dice.randrange(30, 600), 1 + number % 4, 0,
        "normal", deadline, True, "", "public", [], False, f"{' '.join(words)} {body}", at, at, at,
        1, "{}", "[]", False, "[]", "", 1, "", False,
    )  # fmt: skip


async def instant_need(url: str, places: int) -> str:
    """Add a need whose places are taken at once; return its id."""
    connection = await asyncpg.connect(url)
    made = uuid.UUID(bytes=random.randbytes(16), version=4)
    await connection.execute(
        f"INSERT INTO needs ({', '.join(COLUMNS)}) SELECT $1, "  # noqa: S608 - our own constant
        f"{', '.join(COLUMNS[1:])} FROM needs LIMIT 1",
        made,
    )
    await connection.execute(
        "UPDATE needs SET instant = true, places = $2, taken = 0 WHERE id = $1", made, places
    )
    await connection.close()
    return str(made)


async def _worker(connection: "asyncpg.Connection[asyncpg.Record]", number: int) -> tuple[str, str]:
    account = uuid.UUID(int=number + 1, version=4)
    token = f"tln_bench-{number}"
    await connection.execute(
        "INSERT INTO accounts (id, handle, display_name, password_hash, language, steward, "
        "created_at, standing_reason, silent) "
        "VALUES ($1, $2, $2, 'none', 'en', false, now(), '', false)",
        account, f"worker{number}",
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO access_tokens (id, account_id, name, token_hash, scopes, created_at, "
        "expires_at) VALUES ($1, $2, 'bench', $3, $4, now(), now() + interval '1 day')",
        uuid.UUID(int=number + 10_000, version=4), account,
        hashlib.sha256(token.encode()).digest(), ["claims:write", "needs:read"],
    )  # fmt: skip
    return str(account), token
