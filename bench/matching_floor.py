"""The floor and oracle of matching: all pairs of one worker in numpy. Nothing of app but its data.

The rules of docs/matching.md, written a second time from that page.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import numpy as np

LIST = Path(__file__).resolve().parents[1] / "app" / "domain" / "profiles" / "skills.json"
LANGUAGES, SHARES = ("en", "el", "ca", "nl", "es"), (50, 20, 10, 10, 10)
ZONES = ("Europe/Athens", "Europe/Madrid", "Europe/Amsterdam", "America/Bogota")
DAYS = 730
OFFICE = sum(1 << (day * 24 + hour) for day in range(5) for hour in range(9, 18))
Array = Any


def skill_list() -> tuple[list[str], dict[str, set[str]]]:
    """Read the slugs and what stands near each, both ways."""
    rows = json.loads(LIST.read_text(encoding="utf-8"))["skills"]
    near: dict[str, set[str]] = {row["slug"]: set() for row in rows}
    for row in rows:
        for other in row["near"]:
            near[row["slug"]].add(other)
            near[other].add(row["slug"])
    return sorted(near), near


def _some(dice: random.Random, slugs: Sequence[str], near: dict[str, set[str]], n: int,
          language: int) -> list[str]:  # fmt: skip
    """Some skills: a few are asked for often, others with their language, many go together."""
    first = slugs[(int(len(slugs) * dice.random() ** 2) + 17 * language) % len(slugs)]
    found = [first]
    while len(found) < n:
        beside = sorted(near[found[-1]])
        one = dice.choice(beside) if beside and dice.random() < 0.5 else dice.choice(slugs)
        if one not in found:
            found.append(one)
    return found


async def fill(url: str, needs: int, workers: int) -> None:
    """Fill an empty, migrated database; one that is full stays as it is."""
    connection = await asyncpg.connect(url)
    if await connection.fetchval("SELECT count(*) FROM profiles") == 0:
        await connection.execute("SET session_replication_role = replica")
        await _organisations(connection)
        await _copy(connection, "needs", "bench_needs", _needs(needs))
        await _copy(connection, "accounts", "bench_workers", _workers(workers))
        await connection.execute(POST)
        await connection.execute("DROP TABLE bench_needs, bench_workers")
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _uuid(dice: random.Random) -> UUID:
    return UUID(int=dice.getrandbits(128), version=4)


def _moment(dice: random.Random, now: datetime, number: int, count: int) -> datetime:
    """Bursts: most of a day's come within an hour of it."""
    days = DAYS * number // count
    return now - timedelta(days=days, seconds=min(86_000, int(dice.expovariate(1 / 1800))))


def _needs(count: int) -> list[tuple[Any, ...]]:
    dice, now = random.Random(count), datetime.now(UTC)  # noqa: TID251 - nothing of app here
    slugs, near = skill_list()
    rows = []
    for number in range(count):
        language = dice.choices(range(5), SHARES)[0]
        skills = _some(dice, slugs, near, dice.choice((1, 2, 2, 3, 4)), language)
        must = skills[: dice.choice((0, 0, 0, 1, 2))]
        urgency = dice.choice(("low", "normal", "normal", "high"))
        rows.append(
            (_uuid(dice), UUID(int=1 + dice.randrange(40)), LANGUAGES[language], skills, must,
             dice.choice((None, 60, 240, 600, 2400)), urgency,
             _moment(dice, now, number, count))
        )  # fmt: skip
    return rows


def _workers(count: int) -> list[tuple[Any, ...]]:
    dice, now = random.Random(-count), datetime.now(UTC)  # noqa: TID251 - as above
    slugs, near = skill_list()
    rows = []
    for number in range(count):
        language = dice.choices(range(5), SHARES)[0]
        spoken = list({LANGUAGES[language], "en" if dice.random() < 0.6 else LANGUAGES[language]})
        begin = dice.randrange(6, 20)
        grid = sum(1 << (day * 24 + hour) for day in dice.sample(range(7), 4)
                   for hour in range(begin, min(24, begin + 4)))  # fmt: skip
        rows.append(
            (_uuid(dice), f"w{number}", spoken,
             _some(dice, slugs, near, dice.choice((2, 3, 4, 6)), language),
             dice.choice((0, 2, 5, 10)), dice.choice(ZONES),
             grid.to_bytes(21, "little") if dice.random() < 0.7 else None,
             _moment(dice, now, number, count))
        )  # fmt: skip
    return rows


STAGES = {
    "bench_needs": "(id uuid, home uuid, language text, skills text[], must text[], asked int, "
    "urgency text, at timestamptz)",
    "bench_workers": "(id uuid, handle text, languages text[], skills text[], hours int, "
    "zone text, grid bytea, at timestamptz)",
}
OWN = {
    "needs": {
        "id": "b.id", "organisation_id": "b.home", "organisation_name": "'O'", "state": "'open'",
        "title": "'A need'", "language": "b.language", "skill_slugs": "b.skills",
        "must_slugs": "b.must", "estimate_minutes": "b.asked", "urgency": "b.urgency",
        "published_at": "b.at", "created_at": "b.at", "updated_at": "b.at", "kind": "'labour'",
        "stream": "'gift'", "audience": "'public'", "version": "1", "places": "1",
    },
    "accounts": {
        "id": "b.id", "handle": "b.handle", "display_name": "b.handle", "password_hash": "'none'",
        "language": "'en'", "created_at": "b.at",
    },
}  # fmt: skip
POST = """
INSERT INTO profiles (account_id, about, tags, languages, hours_per_week, time_zone, availability,
                      findable, updated_at, version)
SELECT id, '', '{}', languages, hours, zone, grid, true, at, 1 FROM bench_workers;
INSERT INTO profile_skills (account_id, slug, level)
SELECT id, unnest(skills), 2 FROM bench_workers;
INSERT INTO match_workers (account_id, skill, language, saved_at)
SELECT DISTINCT id, s, l, at FROM bench_workers, unnest(skills) s, unnest(languages) l;
INSERT INTO match_needs (need_id, skill, language, posted_at, weight, total, musts)
SELECT id, s, language, at, CASE WHEN s = ANY (must) THEN 3 ELSE 1 END,
       cardinality(skills) + 2 * cardinality(must), cardinality(must)
FROM bench_needs, unnest(skills) s;
"""


async def _organisations(connection: Any) -> None:
    for number in range(40):
        await connection.execute(
            "INSERT INTO organisations (id, slug, name, summary, languages, time_zone, state, "
            "state_reason, created_at, version, vouched_at, vouched_by) VALUES ($1, $2, $2, '', "
            "'{}', $3, 'accepted', '', now(), 1, now(), 'before')",
            UUID(int=number + 1), f"o{number}", ZONES[number % len(ZONES)],
        )  # fmt: skip


# What a column that must hold something holds where the seed has nothing to say.
EMPTY = {"ARRAY": "'{}'", "boolean": "false", "jsonb": "'{}'", "integer": "0"}


async def _copy(connection: Any, table: str, stage: str, rows: list[tuple[Any, ...]]) -> None:
    await connection.execute(f"CREATE TABLE {stage} {STAGES[stage]}")
    await connection.copy_records_to_table(stage, records=rows)
    columns = await connection.fetch(
        "SELECT column_name AS name, data_type AS kind FROM information_schema.columns WHERE "
        "table_name = $1 AND table_schema = 'public' AND is_generated = 'NEVER' AND "
        "(is_nullable = 'NO' OR column_name = ANY ($2))",
        table, list(OWN[table]),
    )  # fmt: skip
    values = [OWN[table].get(c["name"], EMPTY.get(c["kind"], "''")) for c in columns]
    names = ", ".join(c["name"] for c in columns)
    await connection.execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {stage} b"  # noqa: S608
    )


def _quarters(grids: Array, zones: Sequence[str], now: datetime) -> Array:
    """Return grids as quarters of an hour of this week of UTC, one row each."""
    monday = (now - timedelta(days=now.weekday())).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    slots = np.zeros((len(grids), 672), bool)
    for zone in set(zones):
        local = [
            (monday + timedelta(minutes=15 * n)).astimezone(ZoneInfo(zone)) for n in range(672)
        ]
        hours = np.array([moment.weekday() * 24 + moment.hour for moment in local])
        mine = np.array([one == zone for one in zones])
        slots[mine] = grids[mine][:, hours]
    return np.packbits(slots, axis=1).view(np.uint32)


def _bits(raw: Sequence[bytes]) -> Array:
    joined = np.frombuffer(b"".join(raw), np.uint8).reshape(len(raw), 21)
    return np.unpackbits(joined, axis=1, bitorder="little").astype(bool)


def _fresh(ages: Array, days: int = 30) -> Array:
    half = np.where(ages <= 2 * days, 3 * days - ages, days)
    return np.where(ages <= days, 4 * days - 2 * ages, half)


@dataclass
class Floor:
    """Everything as arrays."""

    need_ids: list[UUID]
    account_ids: list[UUID]
    needs: dict[str, Array]
    workers: dict[str, Array]
    columns: dict[str, int]
    near: dict[str, set[str]]

    @classmethod
    async def read(cls, url: str, now: datetime) -> "Floor":
        """Read the two sides."""
        slugs, near = skill_list()
        columns = {slug: place for place, slug in enumerate(slugs)}
        connection = await asyncpg.connect(url)
        needs = await connection.fetch(
            "SELECT n.id, n.language, skill_slugs, must_slugs, "
            "coalesce(estimate_minutes, 0) asked, "
            "urgency, published_at, o.time_zone FROM needs n JOIN organisations o "
            "ON o.id = n.organisation_id ORDER BY published_at DESC, n.id DESC"
        )
        workers = await connection.fetch(
            "SELECT account_id, languages, hours_per_week, time_zone, availability, updated_at, "
            "ARRAY(SELECT slug FROM profile_skills s WHERE s.account_id = p.account_id) AS skills "
            "FROM profiles p ORDER BY updated_at DESC, account_id DESC"
        )
        await connection.close()
        zones = sorted({row["time_zone"] for row in needs})
        office = OFFICE.to_bytes(21, "little")
        grids = [row["availability"] or b"\0" * 21 for row in workers]
        of = lambda rows, name, kind: np.array([row[name] for row in rows], kind)  # noqa: E731
        age = lambda rows, name: np.array(  # noqa: E731
            [max(0, (now - row[name]) // timedelta(days=1)) for row in rows]
        )
        need_columns = {
            "starts": np.cumsum([0, *(len(row["skill_slugs"]) for row in needs)]),
            "skill": np.array([columns[s] for row in needs for s in row["skill_slugs"]]),
            "must": np.array([s in row["must_slugs"] for row in needs for s in row["skill_slugs"]]),
            "language": of(needs, "language", str),
            "asked": of(needs, "asked", np.int64),
            "urgent": 10 * (of(needs, "urgency", str) == "high"),
            "age": age(needs, "published_at"),
            "fresh": _fresh(age(needs, "published_at")),
            "zone": np.array([zones.index(row["time_zone"]) for row in needs]),
            "offices": _quarters(_bits([office] * len(zones)), zones, now),
        }
        worker_columns = {
            "starts": np.cumsum([0, *(len(row["skills"]) for row in workers)]),
            "skill": np.array([columns[s] for row in workers for s in row["skills"]]),
            "languages": np.array(
                [[one in row["languages"] for one in LANGUAGES] for row in workers]
            ),
            "free": of(workers, "hours_per_week", np.int64) * 60,
            "fresh": _fresh(age(workers, "updated_at")),
            "free_quarters": _quarters(_bits(grids), [row["time_zone"] for row in workers], now),
        }
        ids = [row["id"] for row in needs], [row["account_id"] for row in workers]
        return cls(*ids, need_columns, worker_columns, columns, near)

    def needs_of(self, person: UUID, limit: int, half_life: int = 30) -> list[tuple[UUID, int]]:
        """Rank all needs for one worker."""
        n, w = self.needs, self.workers
        who = self._place(self.account_ids, person)
        held = w["skill"][w["starts"][who] : w["starts"][who + 1]]
        brings = np.zeros(len(self.columns), np.int64)
        names = list(self.columns)
        for one in held:
            brings[[self.columns[other] for other in self.near[names[one]]]] = 1
        brings[held] = 2
        factor = brings[n["skill"]]
        factor = np.where(n["must"] & (factor < 2), 0, factor)
        weight = np.where(n["must"], 3, 1)
        begin = n["starts"][:-1]
        points = (
            60 * np.add.reduceat(weight * factor, begin) // (2 * np.add.reduceat(weight, begin))
        )
        fits = np.add.reduceat(n["must"] & (factor < 2), begin) == 0
        fits &= np.add.reduceat(factor, begin) > 0
        fits &= np.isin(
            n["language"],
            [one for one, own in zip(LANGUAGES, w["languages"][who], strict=True) if own],
        )
        hours = np.minimum(20, 80 * w["free"][who] // np.maximum(n["asked"], 1)) * (n["asked"] > 0)
        common = np.bitwise_count(n["offices"] & w["free_quarters"][who]).sum(axis=1) // 4
        fit = points + hours + np.minimum(10, common)[n["zone"]] + n["urgent"]
        fresh = n["fresh"] if half_life == 30 else _fresh(n["age"], half_life)
        return self._best(self.need_ids, fit * fresh // (4 * half_life) * fits, limit)

    def workers_of(self, need: UUID, limit: int) -> list[tuple[UUID, int]]:
        """Rank all workers for one need."""
        n, w = self.needs, self.workers
        which = self._place(self.need_ids, need)
        span = slice(n["starts"][which], n["starts"][which + 1])
        points = np.zeros(len(self.account_ids), np.int64)
        fits = w["languages"][:, LANGUAGES.index(str(n["language"][which]))].copy()
        names, whole = list(self.columns), 0
        for skill, must in zip(n["skill"][span], n["must"][span], strict=True):
            brings = np.zeros(len(self.columns), np.int64)
            brings[[self.columns[other] for other in self.near[names[skill]]]] = 0 if must else 1
            brings[skill] = 2
            held = np.maximum.reduceat(brings[w["skill"]], w["starts"][:-1])
            points += held * (3 if must else 1)
            whole += 6 if must else 2
            if must:
                fits &= held == 2
        fits &= points > 0
        asked = n["asked"][which]
        hours = np.minimum(20, 80 * w["free"] // asked) if asked else 0
        common = np.bitwise_count(n["offices"][n["zone"][which]] & w["free_quarters"]).sum(axis=1)
        fit = 60 * points // whole + hours + np.minimum(10, common // 4) + n["urgent"][which]
        return self._best(self.account_ids, fit * w["fresh"] // 120 * fits, limit)

    def _place(self, ids: list[UUID], one: UUID) -> int:
        places: dict[UUID, int] = self.__dict__.setdefault(f"_{id(ids)}", {})
        if not places:
            places.update({each: place for place, each in enumerate(ids)})
        return places[one]

    @staticmethod
    def _best(ids: list[UUID], points: Array, limit: int) -> list[tuple[UUID, int]]:
        found = np.argsort(-points, kind="stable")[:limit]
        return [(ids[place], int(points[place])) for place in found if points[place] > 0]
