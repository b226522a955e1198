"""What anybody can read of an instance without being known: itself, its needs, how many follow."""

from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from app.federation.public import notes
from app.infra import clock
from app.models.followers import Follower
from tests.factories.fediverse import ACTIVITY_JSON, PATIENCE
from tests.federation.public.conftest import Town

HTML = "text/html,application/xhtml+xml"


async def get(town: Town, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        return await client.get(f"{town.origin}{path}", headers=headers)


async def test_the_actor_leads_to_the_outbox_and_is_read_unsigned(town: Town) -> None:
    actor = (await get(town, "/actor", accept=ACTIVITY_JSON)).json()
    assert actor["outbox"] == f"{town.origin}/outbox"
    assert actor["followers"] == f"{town.origin}/followers"
    hrefs = [each["href"] for each in actor["generator"]["implements"]]
    assert "https://datatracker.ietf.org/doc/html/rfc9421" in hrefs


async def test_webfinger_answers_for_every_name_of_ours_and_no_other(town: Town) -> None:
    host = town.origin.removeprefix("http://")
    ours = (f"acct:needs@{host}", f"acct:Needs@{host}", town.origin, f"{town.origin}/actor")
    for resource in ours:
        found = (await get(town, f"/.well-known/webfinger?resource={resource}")).json()
        assert found["subject"] == f"acct:needs@{host}"
        assert [link["rel"] for link in found["links"]] == [
            "self", "http://webfinger.net/rel/profile-page",
        ]  # fmt: skip
    one = await get(town, f"/.well-known/webfinger?resource={town.origin}&rel=self")
    assert [link["rel"] for link in one.json()["links"]] == ["self"]
    for resource, status in (
        (f"acct:ana@{host}", 404),
        ("acct:needs@east.example", 404),
        (f"{town.origin}/needs", 404),
        ("needs", 400),
        ("", 400),
        ("a:" + "b" * 600, 400),
    ):
        answer = await get(town, f"/.well-known/webfinger?resource={resource}")
        assert answer.status_code == status, resource
    assert (await get(town, "/.well-known/webfinger")).status_code == 400


async def test_nodeinfo_says_whether_the_instance_may_be_followed(town: Town) -> None:
    links = (await get(town, "/.well-known/nodeinfo")).json()["links"]
    info = (await get(town, httpx.URL(links[0]["href"]).path)).json()
    assert info["version"] == "2.1"
    assert info["services"] == {"inbound": [], "outbound": ["atom1.0"]}
    assert info["metadata"]["federation"] == {"profile": "ma-fed/1", "publicFollow": True}


async def test_followers_are_counted_and_not_named(town: Town) -> None:
    async with town.server() as server:
        for name in ("ana", "bo"):
            await server.say(server.follow(name, town.origin), town.origin)
        answer = await get(town, "/followers")
        assert answer.json() == {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{town.origin}/followers",
            "type": "OrderedCollection",
            "totalItems": 2,
        }
        assert town.instance.steward is not None
        (seen,) = (await town.instance.steward.get("/followers"))["items"]
        assert (seen["origin"], seen["followers"], seen["waiting"]) == (server.origin, 2, 2)
        assert (await town.owner.ask("GET", "/followers")).status_code == 403
        async with town.instance.runtime.sessions() as session:
            names = (await session.exec(select(Follower.name).order_by(Follower.name))).all()
        # Written with a script and a <b> by the server.
        assert names == ["ana !", "bo !"]


async def test_the_outbox_lists_public_needs_page_by_page(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "PAGE_ITEMS", 2)
    made = []
    for number in range(3):
        with clock.moved(timedelta(seconds=number)):
            made.append((await town.need(title=f"Page me {number}"))["id"])
    hidden = await town.need(title="Not for the outbox", audience="peers")
    outbox = (await get(town, "/outbox", accept=ACTIVITY_JSON)).json()
    assert outbox["type"] == "OrderedCollection"
    pages, address = [], outbox["first"]
    while address:
        page = (await get(town, address.removeprefix(town.origin))).json()
        assert (page["id"], page["partOf"]) == (address, outbox["id"])
        pages.append(page["orderedItems"])
        address = page.get("next")
    listed = [item for items in pages for item in items]
    assert [len(items) for items in pages[:-1]] == [2] * (len(pages) - 1)
    assert len(listed) == outbox["totalItems"] >= 3
    ids = [item["object"]["url"].rsplit("/", 1)[-1] for item in listed]
    assert ids[:3] == made[::-1]
    assert hidden["id"] not in ids
    assert {item["type"] for item in listed} == {"Create"}
    for wrong in ("x", "WzFd", "WyJhIiwiYiJd"):
        assert (await get(town, f"/outbox?page=true&after={wrong}")).status_code == 422


async def test_a_note_is_read_in_its_language_and_its_end_is_told(town: Town) -> None:
    need = await town.need(
        title="Un piano per pujar",
        body="Cal <img src=x onerror=alert(1)> força.\n\n![x](http://127.0.0.1:9/p.png)",
        language="ca",
        remote=False,
        region="Ciutat Vella",
    )
    path = f"/needs/{need['id']}/note"
    answer = await get(town, path, accept=ACTIVITY_JSON)
    note = answer.json()
    assert answer.headers["content-type"] == ACTIVITY_JSON
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert list(note["contentMap"]) == ["ca"]
    assert "Cal: Un piano per pujar" in note["content"]
    assert "Ciutat Vella" in note["content"]
    assert "<img" not in note["content"]
    assert "harm" not in answer.text
    page = await get(town, path, accept=HTML)
    assert (page.status_code, page.headers["location"]) == (303, f"/needs/{need['id']}")

    await town.instance.work()
    await town.owner.move(f"/needs/{need['id']}", "withdrawn", "lifted already")
    gone = await get(town, path, accept=ACTIVITY_JSON)
    assert gone.status_code == 410
    assert gone.json()["type"] == "Tombstone"
    assert "piano" not in gone.text
    ids = [
        each["object"]["id"]
        for each in (await get(town, "/outbox?page=true")).json()["orderedItems"]
    ]
    assert note["id"] not in ids


async def test_a_need_that_is_not_public_has_no_note(town: Town) -> None:
    hidden = await town.need(audience="peers")
    draft = await town.instance.draft(town.owner, town.organisation)
    for need_id in (hidden["id"], draft["id"], "00000000-0000-4000-8000-000000000000"):
        for accept in (ACTIVITY_JSON, HTML):
            answer = await get(town, f"/needs/{need_id}/note", accept=accept)
            assert answer.status_code == 404


async def test_a_public_need_is_read_by_whoever_signs_what(town: Town) -> None:
    need = await town.need()
    async with town.server() as server:
        for scheme in ("cavage", "rfc9421"):
            signed = server.sign(b"", f"{town.origin}/needs/{need['id']}", scheme)
            keep = ("signature", "signature-input", "date", "digest", "content-digest")
            headers = {k: v for k, v in signed.headers.items() if k in keep}
            answer = await get(town, f"/needs/{need['id']}", accept=ACTIVITY_JSON, **headers)
            assert answer.json()["type"] == "Proposal"
        assert server.fetches == []
