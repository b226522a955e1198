"""Needs: every move by the table, who sees what, versions, and lists that stand still."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.needs.rules import BY_SYSTEM, PUBLISHED, TRANSITIONS, possible_transitions
from app.models.needs import NeedState
from tests.factories.world import Json, Person, World


@dataclass
class Scene:
    """An organisation with a member, somebody who is not one, and nobody in particular."""

    world: World
    member: Person
    other: Person
    stranger: Person
    organisation: Json

    async def sql(self, statement: str, **values: object) -> None:
        """Put things as no person can."""
        async with self.world.runtime.engine.begin() as connection:
            await connection.execute(text(statement), values)

    async def open(self, **changes: Any) -> Json:
        """Return an open need."""
        return await self.world.open_need(self.member, self.organisation, **changes)


@pytest.fixture
async def scene(world: World) -> Scene:
    member = await world.sign_up("member")
    other = await world.sign_up("other")
    organisation = await world.organisation(member)
    return Scene(world, member, other, world.stranger(), organisation)


async def titles(person: Person, **query: Any) -> list[str]:
    return [item["title"] for item in (await person.get("/needs", **query))["items"]]


async def test_every_move_is_allowed_or_refused_as_the_table_says(scene: Scene) -> None:
    need = await scene.open()
    path = f"/needs/{need['id']}"
    for before, to in product(NeedState, NeedState):
        await scene.sql(
            "UPDATE needs SET state = :state WHERE id = :id", state=before, id=need["id"]
        )
        body = {"to": to.value, "reason": "because"}
        answer = await scene.member.ask("POST", f"{path}/transitions", json=body)
        if to in TRANSITIONS[before] - BY_SYSTEM:
            assert (answer.status_code, answer.json()["state"]) == (200, to), (before, to)
        else:
            problem = answer.json()
            refused = (answer.status_code, problem["code"], problem["possible"])
            assert refused == (409, "transition_impossible", possible_transitions(before))
        refused_other = await scene.other.ask("POST", f"{path}/transitions", json=body)
        assert refused_other.status_code in {403, 404, 410}, (before, to)


@pytest.mark.parametrize(
    ("lacking", "pointer"),
    [
        ({"harm_check": None}, "/harm_check"),
        ({"estimate_minutes": None}, "/estimate_minutes"),
        ({"skills": []}, "/skills"),
    ],
)
async def test_what_is_missing_is_named_before_anybody_sees_it(
    scene: Scene, lacking: Json, pointer: str
) -> None:
    need = await scene.world.draft(scene.member, scene.organisation, **lacking)
    refused = await scene.member.move(f"/needs/{need['id']}", "review", expect=422)
    assert refused["code"] == "need_incomplete"
    assert [error["pointer"] for error in refused["errors"]] == [pointer]
    assert (await scene.member.get(f"/needs/{need['id']}"))["state"] == "draft"


async def test_only_an_accepted_organisation_is_listed(scene: Scene) -> None:
    proposed = await scene.member.post("/organisations", {"name": "Not yet"})
    draft = await scene.world.draft(scene.member, proposed)
    await scene.member.move(f"/needs/{draft['id']}", "review")
    refused = await scene.member.move(f"/needs/{draft['id']}", "open", expect=409)
    assert refused["code"] == "organisation_not_accepted"
    assert await titles(scene.stranger) == []


async def test_a_need_closes_with_work_or_a_reason_and_never_over_a_claim(scene: Scene) -> None:
    need = await scene.open(places=2)
    path = f"/needs/{need['id']}"
    claim = await scene.other.post(f"{path}/claims")
    for to in ("done", "withdrawn"):
        refused = await scene.member.post(
            f"{path}/transitions", {"to": to, "reason": "why"}, expect=409
        )
        assert refused["code"] == "need_has_live_claims"
    await scene.other.move(f"/claims/{claim['id']}", "withdrawn")
    refused = await scene.member.move(path, "done", expect=422)
    assert refused["code"] == "done_without_work"
    assert (await scene.member.move(path, "done", "somebody else did it"))["state"] == "done"
    second = await scene.open()
    refused = await scene.member.move(f"/needs/{second['id']}", "withdrawn", expect=422)
    assert refused["code"] == "reason_required"


async def test_what_is_not_listed_is_its_members_alone(scene: Scene) -> None:
    need = await scene.world.draft(scene.member, scene.organisation)
    path = f"/needs/{need['id']}"
    for state in NeedState:
        await scene.sql(
            "UPDATE needs SET state = :state WHERE id = :id", state=state, id=need["id"]
        )
        for person in (scene.other, scene.stranger):
            answer = await person.ask("GET", path)
            assert answer.status_code == (200 if state in PUBLISHED else 404), state
            query = {"state": state.value} if state in PUBLISHED else {"state": "any"}
            seen = [item["id"] for item in (await person.get("/needs", **query))["items"]]
            assert (need["id"] in seen) == (state in PUBLISHED), state
        assert (await scene.member.ask("GET", path)).status_code == 200
        mine = {"organisation": scene.organisation["id"], "state": "any"}
        assert [n["id"] for n in (await scene.member.get("/needs", **mine))["items"]]
    hidden = await scene.stranger.ask("GET", "/needs", params={"state": "draft"})
    assert (hidden.status_code, hidden.json()["code"]) == (422, "filter_unknown")


async def test_a_withdrawn_need_is_gone_for_who_could_see_it(scene: Scene) -> None:
    public, inside = await scene.open(), await scene.open(audience="instance")
    for need in (public, inside):
        await scene.member.move(f"/needs/{need['id']}", "withdrawn", "changed plans")
    assert (await scene.stranger.ask("GET", f"/needs/{public['id']}")).status_code == 410
    assert (await scene.stranger.ask("GET", f"/needs/{inside['id']}")).status_code == 404
    assert (await scene.other.ask("GET", f"/needs/{inside['id']}")).status_code == 410


@pytest.mark.parametrize("audience", ["instance", "named_peers", "peers", "public"])
async def test_strangers_see_only_what_is_for_everybody(scene: Scene, audience: str) -> None:
    need = await scene.open(audience=audience, title="Canary 51 in the title")
    path = f"/needs/{need['id']}"
    public = audience == "public"
    assert (await scene.stranger.ask("GET", path)).status_code == (200 if public else 404)
    assert (await scene.other.ask("GET", path)).status_code == 200
    for query in ({}, {"q": "canary"}, {"state": "any"}, {"skill": "wordpress"}):
        assert bool(await titles(scene.stranger, **query)) == public, query
        assert await titles(scene.other, **query)
    assert (await scene.stranger.ask("POST", f"{path}/claims", json={})).status_code in {401, 404}


async def test_a_change_names_the_version_it_was_made_from(scene: Scene) -> None:
    need = await scene.open()
    path = f"/needs/{need['id']}"
    answer = await scene.member.ask("GET", path)
    assert answer.headers["etag"] == f'"{need["version"]}"'
    bare = await scene.member.ask("PATCH", path, json={"title": "Another title"})
    assert (bare.status_code, bare.json()["code"]) == (428, "if_match_required")
    changed = await scene.member.change(path, {"title": "Another title"}, need["version"])
    assert (changed["title"], changed["version"]) == ("Another title", need["version"] + 1)
    assert changed["body"] == need["body"], "what is left out stays"
    stale = await scene.member.change(path, {"title": "Third"}, need["version"], expect=412)
    assert (stale["code"], stale["version"]) == ("version_stale", changed["version"])
    hostile = await scene.other.ask(
        "PATCH", path, json={"title": "Mine"}, headers={"If-Match": f'"{changed["version"]}"'}
    )
    assert hostile.status_code == 403
    assert (await scene.member.get(path))["title"] == "Another title"


async def test_fields_that_only_the_server_writes_are_refused(scene: Scene) -> None:
    need = await scene.open()
    for name in ("id", "state", "taken", "version", "created_at", "published_at", "origin",
                 "created_by", "organisation", "search_text", "peer_id", "origin_url"):  # fmt: skip
        body = {"title": "Another", name: need.get(name)}
        refused = await scene.member.change(
            f"/needs/{need['id']}", body, need["version"], expect=422
        )
        assert refused["errors"][0]["pointer"] == f"/{name}"


async def test_places_are_never_fewer_than_those_who_hold_them(scene: Scene) -> None:
    need = await scene.open(places=3, instant=True)
    path = f"/needs/{need['id']}"
    third = await scene.world.sign_up("third")
    for person in (scene.other, third):
        await person.post(f"{path}/claims")
    now = await scene.member.get(path)
    refused = await scene.member.change(path, {"places": 1}, now["version"], expect=409)
    assert (refused["code"], "2" in refused["detail"]) == ("places_below_taken", True)
    assert (await scene.member.change(path, {"places": 2}, now["version"]))["places"] == 2


@pytest.mark.parametrize("sort", ["soonest", "newest"])
async def test_pages_stand_still_while_more_needs_come(scene: Scene, sort: str) -> None:
    deadlines = [None, "2090-01-02", "2090-01-02", "2089-12-01", None, "2080-01-01", "9999-12-31"]
    for number, deadline in enumerate(deadlines):
        await scene.open(title=f"Need {number}", deadline=deadline)
    whole = await titles(scene.stranger, sort=sort, limit=100)
    assert sorted(whole) == [f"Need {n}" for n in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"sort": sort, "limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = await scene.stranger.ask("GET", "/needs", params=query)
        page = answer.json()
        seen += [item["title"] for item in page["items"]]
        cursor = page["next_cursor"]
        assert ("link" in answer.headers) == (cursor is not None)
        if cursor is None:
            break
        followed = answer.headers["link"].partition("<")[2].partition(">")[0]
        assert (await scene.stranger.http.get(followed)).json()["items"]
        await scene.open(title="Later", deadline="2090-01-02")
    assert [title for title in seen if title != "Later"] == whole
    assert len([t for t in seen if t != "Later"]) == len({t for t in seen if t != "Later"})
    if sort == "newest":
        assert "Later" not in seen


async def test_a_list_says_how_many_the_language_filter_hides(scene: Scene) -> None:
    for number, language in enumerate(("en", "el", "el", "ca", "nl")):
        await scene.open(title=f"Need {number}", language=language)
    await scene.open(title="For us alone", language="es", audience="instance")
    page = await scene.stranger.get("/needs", language="el")
    assert (len(page["items"]), page["hidden_by_language"]) == (2, 3)
    both = await scene.stranger.get("/needs", language=["el", "ca"])
    assert (len(both["items"]), both["hidden_by_language"]) == (3, 2)
    assert (await scene.stranger.get("/needs"))["hidden_by_language"] == 0
    assert (await scene.other.get("/needs", language="el"))["hidden_by_language"] == 4
    narrowed = await scene.stranger.get("/needs", language="el", q="need 3")
    assert (narrowed["items"], narrowed["hidden_by_language"]) == ([], 1)


async def test_a_language_with_a_region_is_found_however_it_is_written(scene: Scene) -> None:
    await scene.open(title="Com país", language="pt-BR")
    for asked in ("pt-BR", "pt-br"):
        page = await scene.stranger.get("/needs", language=asked)
        assert ([n["title"] for n in page["items"]], page["hidden_by_language"]) == (
            ["Com país"],
            0,
        )


FOUND = [
    ("ca", "Cal una col·lecta per al forn", ["col·lecta", "collecta", "COL·LECTA", "col.lecta"]),
    ("ca", "Traducció de la pàgina principal", ["traduccio", "TRADUCCIÓ", "pagina"]),
    ("el", "Φωτογράφος για τους εργάτες", ["φωτογραφος", "ΦΩΤΟΓΡΑΦΟΣ", "φωτογράφοσ", "εργατες"]),
    ("el", "Μετάφραση ιστοσελίδας", ["μεταφραση", "ΙΣΤΟΣΕΛΊΔΑΣ", "ιστοσελιδασ"]),
    ("es", "Diseño de un cartel para mañana", ["diseno", "DISEÑO", "manana"]),
    ("nl", "Coördinatie van vrijwilligers", ["coordinatie", "COÖRDINATIE", "vrijwilliger"]),
    ("nl", "Ĳsbereiding uitleggen", ["ijsbereiding", "IJSBEREIDING"]),
    ("en", "Résumé of the café's e-commerce", ["resume", "cafe", "e-commerce", "commerce"]),
    ("en", "Move wordpress.org and and/or pages", ["wordpress.org", "org", "and/or", "wordpr"]),
    ("en", "Fix user_name in v2.10.3", ["user_name", "v2.10.3", "10.3", "v2"]),
]


async def test_searching_folds_accents_final_sigma_and_ela_geminada(scene: Scene) -> None:
    for language, title, _ in FOUND:
        await scene.open(title=title, language=language)
    missed = []
    for _, title, queries in FOUND:
        for query in queries:
            found = await titles(scene.stranger, q=query)
            if title not in found:
                missed.append(f"{query} misses {title}")
    assert missed == []
    for nothing in ("zzz", "forn zzz", "μεταφρασηζ"):
        assert await titles(scene.stranger, q=nothing) == []


@pytest.mark.parametrize(
    "query",
    ["'", "' OR 1=1 --", "a & | ! <-> b", "((", "\\", "%", "_", ":*", "a:*b", "*", "🙂", "\u200b",
     "<->", "!!", "a" * 200, "a " * 100],
)  # fmt: skip
async def test_no_text_is_a_command_to_the_search(scene: Scene, query: str) -> None:
    await scene.open()
    for name in ("q", "region", "instance"):
        answer = await scene.stranger.ask("GET", "/needs", params={name: query})
        assert answer.status_code == 200, (name, answer.text)


async def test_filters_narrow_and_combine(scene: Scene) -> None:
    await scene.open(title="Gift", stream="gift", estimate_minutes=60, urgency="high")
    amount = {"minor": 9_000, "currency": "EUR"}
    await scene.open(
        title="Paid", stream="paid", amount=amount, estimate_minutes=600, region="Girona 100%"
    )
    cases: list[tuple[Json, list[str]]] = [
        ({"stream": "paid"}, ["Paid"]),
        ({"hours_max": 1}, ["Gift"]),
        ({"hours_max": 10}, ["Paid", "Gift"]),
        ({"urgency": "high"}, ["Gift"]),
        ({"region": "girona"}, ["Paid"]),
        ({"region": "100%"}, ["Paid"]),
        ({"region": "%"}, ["Paid", "Gift"]),  # no word, so nothing to look for
        ({"region": "_"}, ["Paid", "Gift"]),
        ({"skill": "wordpress", "stream": "gift"}, ["Gift"]),
        ({"instance": "here"}, ["Paid", "Gift"]),
        ({"instance": "peer.example"}, []),
        ({"organisation": scene.organisation["id"]}, ["Paid", "Gift"]),
        ({"kind": "teaching"}, []),
    ]
    for query, expected in cases:
        assert await titles(scene.stranger, sort="newest", **query) == expected, query


async def test_the_same_listing_is_not_posted_twice(scene: Scene) -> None:
    await scene.open(external_id="forum:17")
    again = await scene.member.ask(
        "POST",
        "/needs",
        json={
            "organisation_id": scene.organisation["id"],
            "title": "Again",
            "language": "en",
            "external_id": "forum:17",
        },
    )
    assert (again.status_code, again.json()["code"]) == (409, "external_id_taken")
