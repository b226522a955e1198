"""One need as a page: all it holds, nothing that acts, and what the reader can do."""

import json
from xml.etree import ElementTree as ET

import pytest

from app.infra import clock, ids
from app.infra.database import transaction
from app.models.needs import Audience, Need, NeedState
from tests.factories.world import Json, Person, World
from tests.pages.reading import Page, Reader, parse, target_of

ACTIVITY_JSON = "application/activity+json"
HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(1)>
[a](javascript:alert(1)) [b](//evil.example) [c](/relative) [d](https://fine.example)
![pixel](https://evil.example/p.png) <a href="data:text/html,x" onclick="x()">e</a>
<svg onload=alert(1)></svg> <iframe src="https://evil.example"></iframe> <style>*{}</style>
# Heading

<b>bold</b> https://bare.example/path). `<code>`
"""


@pytest.fixture
async def owner(world: World) -> Person:
    return await world.sign_up("owner")


@pytest.fixture
async def organisation(world: World, owner: Person) -> Json:
    return await world.organisation(owner)


async def opened(world: World, owner: Person, organisation: Json, **changes: object) -> Json:
    return await world.open_need(owner, organisation, **{"audience": "public", **changes})


async def test_a_need_shows_everything_it_holds(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await opened(
        world, owner, organisation, title="Rescue", places=3, remote=False, region="Utrecht",
        tags=["bbb"], beneficiary="Upstream", link="https://example.org/x", deadline="2030-03-29",
        skills=[{"slug": "wordpress", "weight": "must"}], stream="stipend",
    )  # fmt: skip
    page = await Reader(world, None).open(f"/needs/{need['id']}")
    assert page.title == "Rescue"
    for words in (
        "4 h", "29 Mar 2030", "0 of 3 found", "On site: Utrecht", "bbb", "Upstream",
        "WordPress (needed)", "Everybody", "Asked by Forn Roig",
    ):  # fmt: skip
        assert words in page.main.text
    link = page.main.one("a", href="https://example.org/x")
    assert link.attributes["rel"] == "noopener noreferrer nofollow ugc"


async def test_who_could_misuse_the_data_is_told_to_members_only(
    world: World, owner: Person, organisation: Json
) -> None:
    harm = {"data": "names of strikers", "misuse": "their boss", "avoidable": "no"}
    need = await opened(world, owner, organisation, harm_check=harm)
    address = f"/needs/{need['id']}"
    assert "their boss" in (await Reader(world, owner).open(address)).main.text
    worker = await world.sign_up("worker")
    for person in (None, worker):
        assert "their boss" not in (await Reader(world, person).open(address)).answer.text


async def test_a_hostile_text_is_shown_and_does_nothing(
    world: World, owner: Person, organisation: Json
) -> None:
    title = "\"><script>alert('t')</script> & ’quotes’"
    need = await opened(world, owner, organisation, title=title, body=HOSTILE, tags=["<i>t</i>"])
    for path in (f"/needs/{need['id']}", "/needs", "/", f"/organisations/{organisation['id']}"):
        page = await Reader(world, None).open(path)
        names = {name for element in page.document.all() for name in element.attributes}
        assert not any(name.startswith("on") or name == "style" for name in names)
        assert all(s.attributes.get("type") for s in page.document.all("script"))
        assert title in page.main.text
        sources = [e.attributes["src"] for e in page.document.all() if "src" in e.attributes]
        assert all(source.startswith("/static/") for source in sources)
    page = await Reader(world, None).open(f"/needs/{need['id']}")
    prose = page.main.one("div", class_="prose")
    links = [a.attributes for a in prose.all("a") if "href" in a.attributes]
    assert {a["href"] for a in links} == {
        "https://fine.example", "https://evil.example/p.png", "https://bare.example/path",
        "https://evil.example",  # out of the frame, an address like any other
    }  # fmt: skip
    assert {a["rel"] for a in links} == {"noopener noreferrer nofollow ugc"}
    assert not prose.all("b")
    assert prose.one("h2").text == "Heading"
    for words in ("<script>alert(1)</script>", "<img src=x", "<b>bold</b>", "<code>"):
        assert words in prose.text


async def test_tags_that_people_write_are_words_everywhere(
    world: World, owner: Person, organisation: Json
) -> None:
    words = "In <head> or <body>? List<String> & a<b &lt;i&gt;"
    shown = "In <head> or <body>? List<String> & a<b <i>"
    need = await opened(world, owner, organisation, body=words)
    asked = Reader(world, owner)
    page = await asked.open(f"/needs/{need['id']}")
    assert page.main.one("div", class_="prose").text.strip() == shown
    for path in ("/needs", "/", "/embed/needs.html"):
        assert shown in (await asked.open(path)).document.text
    http = world.stranger().http
    (item,) = (await http.get("/needs.json")).json()["items"]
    assert parse(item["content_html"]).text.strip() == shown
    feed = ET.fromstring((await http.get("/needs.atom")).content)  # noqa: S314 - our own
    assert parse(feed.findtext(".//{*}content") or "").text.strip() == shown
    note = (await http.get(f"/needs/{need['id']}/note", headers={"Accept": ACTIVITY_JSON})).json()
    assert shown in parse(note["content"]).text


async def test_search_engines_read_a_posting_that_cannot_end_its_element(
    world: World, owner: Person, organisation: Json
) -> None:
    title = "</script><script>alert(1)</script>"
    need = await opened(world, owner, organisation, title=title, deadline="2030-03-29")
    page = await Reader(world, None).open(f"/needs/{need['id']}")
    block = page.document.one("script")
    assert block.attributes == {"type": "application/ld+json"}
    posting = json.loads("".join(str(child) for child in block.children))
    assert posting["@type"] == "JobPosting"
    assert posting["employmentType"] == "VOLUNTEER"
    assert posting["title"] == title
    assert posting["jobLocationType"] == "TELECOMMUTE"
    assert posting["validThrough"] == "2030-03-29"
    assert posting["url"] == f"{world.runtime.origin}/needs/{need['id']}"


async def test_only_open_public_needs_are_for_search_engines(
    world: World, owner: Person, organisation: Json
) -> None:
    inside = await opened(world, owner, organisation, audience="instance")
    page = await Reader(world, owner).open(f"/needs/{inside['id']}")
    assert page.document.all("script") == []
    paused = await opened(world, owner, organisation)
    await owner.move(f"/needs/{paused['id']}", "paused")
    page = await Reader(world, None).open(f"/needs/{paused['id']}")
    assert page.document.all("script") == []
    assert "not looking for hands now" in page.main.text


async def test_strangers_are_not_told_of_what_is_not_for_them(
    world: World, owner: Person, organisation: Json
) -> None:
    draft = await world.draft(owner, organisation, audience="public")
    inside = await opened(world, owner, organisation, audience="instance")
    stranger = Reader(world, None)
    nothing = await stranger.open(f"/needs/{ids.public_id()}", status=404)
    for need in (draft, inside):
        page = await stranger.open(f"/needs/{need['id']}", status=404)
        assert page.main.one("h1").text == nothing.main.one("h1").text
    assert (await Reader(world, owner).open(f"/needs/{draft['id']}")).title == draft["title"]


async def test_history_begins_for_strangers_where_the_need_was_shown(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await opened(world, owner, organisation)
    await owner.move(f"/needs/{need['id']}", "paused", "the kitchen burnt down")
    address = f"/needs/{need['id']}"
    public = (await Reader(world, None).open(address)).main.one("ol", class_="history")
    assert [li.one("span").text for li in public.all("li")] == ["Open", "Paused"]
    assert "kitchen" not in public.text
    own = (await Reader(world, owner).open(address)).main.one("ol", class_="history")
    assert own.all("li")[0].one("span").text == "Draft"
    assert "kitchen" in own.text


async def _mirror(world: World) -> str:
    need = Need(
        id=ids.public_id(), organisation_name="Huurdersbond", origin_url="https://nl.example/needs/7",
        origin_instance="https://nl.example", state=NeedState.OPEN, title="Meetup", language="nl",
        audience=Audience.PUBLIC, published_at=clock.now(), created_at=clock.now(),
        updated_at=clock.now(),
    )  # fmt: skip
    async with transaction(world.runtime.sessions) as session:
        session.add(need)
    return f"/needs/{need.id}"


async def test_a_mirrored_need_says_where_it_lives_and_what_is_sent_there(world: World) -> None:
    worker = await world.sign_up("worker")
    address = await _mirror(world)
    for person in (None, worker):
        page = await Reader(world, person).open(address)
        assert "This need lives on nl.example" in page.main.text
        assert page.link("Read it on nl.example") == "https://nl.example/needs/7"
        assert (
            page.document.one("link", rel="canonical").attributes["href"].startswith("https://nl")
        )
        offers = [form for form in page.main.all("form") if "Offer this to nl.example" in form.text]
        assert len(offers) == (person is not None)
        assert ("Not your name, your address" in page.main.text) is bool(offers)
    card = (await Reader(world, None).open("/needs")).main.one("li", class_="card")
    assert card.one("span", class_="via").text == "via nl.example"


async def test_who_is_not_signed_in_signs_in_and_comes_back(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await opened(world, owner, organisation)
    await world.sign_up("worker")
    reader = Reader(world, None)
    page = await reader.open(f"/needs/{need['id']}")
    entered = await reader.send(
        page.link("I can do this"), "/sign-in", handle="worker", password="verd oliva 41"
    )
    assert target_of(entered) == f"/needs/{need['id']}"
    claimed = await reader.send(
        f"/needs/{need['id']}", f"/needs/{need['id']}/claims", note="I know <WordPress>"
    )
    mine = await reader.follow(claimed.answer.headers["location"])
    assert "You said you can do this" in mine.main.one("div", role="status").text
    assert need["title"] in mine.main.text
    waiting = await Reader(world, owner).open(f"/organisations/{organisation['id']}/claims")
    assert waiting.main.one("blockquote").text == "I know <WordPress>"


async def test_who_takes_an_instant_need_is_told_that_nobody_need_say_yes(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await opened(world, owner, organisation, instant=True)
    reader = Reader(world, await world.sign_up("worker"))
    address = f"/needs/{need['id']}"
    claimed = await reader.send(address, f"{address}/claims", note="")
    mine = await reader.follow(claimed.answer.headers["location"])
    assert "nobody needs to say yes first" in mine.main.one("div", role="status").text
    assert "The place with Forn Roig is yours" in mine.main.text


async def test_a_claim_that_cannot_be_is_answered_with_its_reason(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await opened(world, owner, organisation)
    first, second = await world.sign_up("first"), await world.sign_up("second")
    address = f"/needs/{need['id']}"
    form = (await Reader(world, second).open(address)).form(f"{address}/claims")
    claim = await first.post(f"{address}/claims", {"note": ""})
    await owner.move(f"/claims/{claim['id']}", "accepted")
    late = await Reader(world, second).submit(f"{address}/claims", form, status=409)
    assert late.main.one("div", role="alert").text
    assert late.title == need["title"]
    mine = await Reader(world, first).open(address)
    assert mine.link("See where it stands") == f"/me/claims#claim-{claim['id']}"


def moves_on(page: Page) -> list[str]:
    return [b.attributes["value"] for b in page.main.all("button", name="to")]


async def test_members_run_their_need_and_nobody_else_sees_how(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await opened(world, owner, organisation)
    address = f"/needs/{need['id']}"
    worker = await world.sign_up("worker")
    assert moves_on(await Reader(world, worker).open(address)) == []
    reader = Reader(world, owner)
    page = await reader.open(address)
    assert "paused" in moves_on(page)
    token = page.form(f"{address}/transitions")["form_token"]
    fields = {"form_token": token, "to": "withdrawn", "reason": ""}
    refused = await reader.submit(f"{address}/transitions", fields, status=422)
    assert refused.main.one("div", role="alert").text
    fields |= {"reason": "solved"}
    await reader.submit(f"{address}/transitions", fields)
    assert (await owner.get(address))["state"] == "withdrawn"
