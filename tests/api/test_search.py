"""Searching and listing: five languages, every filter against a plain reading, nobody's secrets."""

from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import text

from tests.factories.world import Json, Person, World

TEXTS = {
    "el": "Μετάφραση ιστοσελίδας για τους εργάτες του συνεταιρισμού",
    "ca": "Col·laboració en traduccions i disseny de cançons",
    "es": "Traducción y diseño de canciones para organizaciones españolas",
    "nl": "Vertalingen en ontwerpen voor coöperaties en huurders",
    "en": "Designing websites and résumés for cooperatives",
}
QUERIES = {
    "el": (
        "μετάφραση", "μεταφραση", "ΜΕΤΑΦΡΑΣΗ", "μεταφράσεις", "ιστοσελίδας", "ιστοσελιδα",
        "εργάτες", "εργατης", "ΣΥΝΕΤΑΙΡΙΣΜΟΣ", "συνεταιρισμου", "τουσ εργατεσ",
    ),
    "ca": (
        "col·laboració", "collaboracio", "COL·LABORACIÓ", "col.laboració", "traducció",
        "traduccions", "disseny", "dissenys", "cançons", "cancons", "cançó",
    ),
    "es": (
        "traducción", "traduccion", "TRADUCCIÓN", "diseño", "diseno", "diseños", "canciones",
        "canción", "organización", "organizaciones", "españolas", "espanolas",
    ),
    "nl": (
        "vertaling", "vertalingen", "VERTALINGEN", "ontwerp", "ontwerpen", "cooperaties",
        "coöperaties", "coöperatie", "huurders", "huurder", "vertal",
    ),
    "en": (
        "design", "designs", "designing", "DESIGNED", "website", "websites", "résumés", "resumes",
        "resumé", "cooperative", "cooperatives",
    ),
}  # fmt: skip


async def titles(person: Person, **query: Any) -> set[str]:
    return {item["title"] for item in (await person.get("/needs", limit=100, **query))["items"]}


@pytest.fixture
async def owner(world: World) -> Person:
    return await world.sign_up("owner")


@pytest.fixture
async def organisation(world: World, owner: Person) -> Json:
    return await world.organisation(owner, "Brot")


async def test_words_are_found_however_they_are_written_or_inflected(
    world: World, owner: Person, organisation: Json
) -> None:
    for language, title in TEXTS.items():
        await world.open_need(owner, organisation, title=title, language=language)
    missed = [
        (language, query)
        for language, queries in QUERIES.items()
        for query in queries
        if TEXTS[language] not in await titles(owner, q=query, language=language)
    ]
    assert missed == []
    for query in ("ποδήλατο", "bicicleta", "fiets", "bicycle"):
        assert await titles(owner, q=query) == set()


async def test_a_quoted_phrase_is_found_as_it_stands(
    world: World, owner: Person, organisation: Json
) -> None:
    await world.open_need(owner, organisation, title="A radio for tenants")
    await world.open_need(owner, organisation, title="Tenants need a radio")
    assert await titles(owner, q='"radio for tenants"') == {"A radio for tenants"}
    assert len(await titles(owner, q="radio tenants")) == 2
    assert len(await titles(owner, q="rad")) == 2


async def test_the_title_counts_more_than_the_text(
    world: World, owner: Person, organisation: Json
) -> None:
    await world.open_need(owner, organisation, title="Radio wanted", body="x")
    await world.open_need(owner, organisation, title="Something else", body="on the radio")
    found = (await owner.get("/needs", q="radio"))["items"]
    assert [item["title"] for item in found] == ["Radio wanted", "Something else"]


async def test_every_filter_alone_and_in_pairs_agrees_with_a_plain_reading(
    world: World, owner: Person, organisation: Json
) -> None:
    needs = [
        await world.open_need(
            owner, organisation,
            title=f"Need {n}", language=("en", "nl", "el")[n % 3], urgency=("low", "high")[n % 2],
            kind=("labour", "design", "teaching")[n // 2 % 3], estimate_minutes=45 * (1 + n % 5),
            remote=n % 4 > 0, region="" if n % 4 else "Girona",
            skills=[{"slug": ("wordpress", "postgresql")[n // 3 % 2]}],
        )
        for n in range(24)
    ]  # fmt: skip
    filters: dict[str, tuple[Any, Any]] = {
        "language": ("nl", lambda need: need["language"] == "nl"),
        "urgency": ("high", lambda need: need["urgency"] == "high"),
        "kind": ("design", lambda need: need["kind"] == "design"),
        "hours_max": (2, lambda need: need["estimate_minutes"] <= 120),
        "remote": ("false", lambda need: not need["remote"]),
        "region": ("giro", lambda need: need["region"] == "Girona"),
        "skill": ("postgresql", lambda need: need["skills"][0]["slug"] == "postgresql"),
        "q": ("need", lambda _: True),
        "sort": ("newest", lambda _: True),
    }
    for one, two in combinations(filters, 2):
        asked = {name: filters[name][0] for name in (one, two)}
        expected = {n["title"] for n in needs if all(filters[name][1](n) for name in asked)}
        answer = await owner.get("/needs", limit=100, **asked)
        assert {item["title"] for item in answer["items"]} == expected, asked
        assert answer["total_estimate"] == len(expected), asked
        if "language" in asked:
            rest = {name: value for name, value in asked.items() if name != "language"}
            every = await titles(owner, **rest)
            assert answer["hidden_by_language"] == len(every - expected), asked


@pytest.mark.parametrize("sort", ["soonest", "newest", "best"])
async def test_pages_stand_still_and_belong_to_their_order(
    world: World, owner: Person, organisation: Json, sort: str
) -> None:
    for n in range(7):
        await world.open_need(owner, organisation, title=f"Radio {n}")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    first: dict[str, str] = {}
    for n in range(4):
        page = await owner.get("/needs", q="radio", sort=sort, limit=2, **cursor)
        seen += [item["title"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
        if n == 0:
            first = dict(cursor)
            await world.open_need(owner, organisation, title="Radio radio newcomer")
    assert len(seen) == len(set(seen))
    assert {f"Radio {n}" for n in range(7)} <= set(seen) | {"Radio radio newcomer"}
    other = "newest" if sort != "newest" else "soonest"
    answer = await owner.ask("GET", "/needs", params={"q": "radio", "sort": other, **first})
    assert answer.json()["code"] == "cursor_invalid"


async def test_no_count_tells_of_a_need_one_may_not_see(
    world: World, owner: Person, organisation: Json
) -> None:
    stranger = world.stranger()
    await world.open_need(owner, organisation, title="Known radio", audience="public")
    shown = {"q": "radio"}
    before = [await stranger.get("/needs", **shown), await stranger.get("/needs/facets", **shown)]
    secret = {"title": "Secret radio", "language": "nl", "kind": "teaching", "urgency": "high"}
    await world.draft(owner, organisation, **secret, audience="public")
    inside = await world.open_need(owner, organisation, **secret, audience="instance")
    for query in ({}, {"q": "radio"}, {"q": "secret"}, {"language": "nl"}, {"language": "en"},
                  {"kind": "teaching"}, {"urgency": "high"}, {"state": "any"},
                  {"organisation": organisation["id"], "state": "any"}):  # fmt: skip
        answer = await stranger.get("/needs", **query)
        assert "Secret" not in str(answer), query
        assert answer["total_estimate"] == len(answer["items"]), query
        assert answer["hidden_by_language"] == (1 if query == {"language": "nl"} else 0), query
    after = [await stranger.get("/needs", **shown), await stranger.get("/needs/facets", **shown)]
    assert before == after
    assert (await owner.get("/needs/facets", **shown))["kind"]["teaching"] == 1
    await owner.move(f"/needs/{inside['id']}", "paused")
    assert "teaching" not in (await owner.get("/needs/facets"))["kind"]


async def test_facets_say_what_each_choice_would_leave(
    world: World, owner: Person, organisation: Json
) -> None:
    await world.open_need(owner, organisation, title="One", language="en", kind="design")
    await world.open_need(owner, organisation, title="Two", language="nl", kind="design")
    await world.open_need(owner, organisation, title="Three", language="nl", kind="teaching")
    counts = await owner.get("/needs/facets", language="nl")
    assert counts["language"] == {"en": 1, "nl": 2}
    assert counts["kind"] == {"design": 1, "teaching": 1}
    assert counts["bounded"] == []


async def test_the_listing_follows_its_need_however_it_is_changed(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await world.open_need(owner, organisation, title="Radio", places=1)
    statements: tuple[tuple[str, set[str]], ...] = (
        ("UPDATE needs SET taken = 1 WHERE id = :id", set()),
        ("UPDATE needs SET taken = 0 WHERE id = :id", {"Radio"}),
        ("UPDATE needs SET state = 'paused' WHERE id = :id", set()),
        ("UPDATE needs SET state = 'open', language = 'nl' WHERE id = :id", {"Radio"}),
    )
    for statement, expected in statements:
        async with world.runtime.engine.begin() as connection:
            await connection.execute(text(statement), {"id": need["id"]})
        assert await titles(owner) == expected, statement
    assert await titles(owner, language="nl") == {"Radio"}
    assert await titles(owner, language="ca") == set()
