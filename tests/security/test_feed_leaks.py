"""Canaries: nothing that a stranger does not read on a need's page stands in what strangers get."""

import json
from email import message_from_bytes, policy

import pytest

from tests.api.test_notifications import proven
from tests.factories.world import Person, World
from tests.pages.reading import Reader
from tests.pages.test_searches import subscribed

CONTACT = "canary-contact@example.org"
SIGNAL = "canary.42"
HARM = "canary harm"
REASON = "canary reason"
NOTE = "canary note"
CANARIES = (CONTACT, SIGNAL, HARM, REASON, NOTE)
HIDDEN = ("canary instance", "canary peers", "canary named_peers", "canary draft")
FORBIDDEN = (*CANARIES, *HIDDEN)
PATHS = (
    "/needs.atom",
    "/needs.json",
    "/embed/needs.json",
    "/embed/needs.html",
    "/embed",
    "/searches/new",
    "/needs",
)


async def planted(world: World) -> Person:
    """An open need with everything in it that is not for everybody."""
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    organisation = await world.organisation(owner)
    contacts = [{"kind": "email", "value": CONTACT}, {"kind": "signal", "value": SIGNAL}]
    need = await world.open_need(
        owner, organisation, audience="public", places=3, title="Poster", contacts=contacts,
        harm_check={"data": HARM, "misuse": "nobody", "avoidable": "yes"},
    )  # fmt: skip
    await owner.move(f"/needs/{need['id']}", "paused", REASON)
    await owner.move(f"/needs/{need['id']}", "open", REASON)
    await worker.post(f"/needs/{need['id']}/claims", {"note": NOTE})
    own = json.dumps(await owner.get(f"/needs/{need['id']}"))
    assert CONTACT in own  # the canaries are there, for those who may see them
    assert HARM in own
    for title in HIDDEN[:-1]:
        audience = title.removeprefix("canary ")
        await world.open_need(owner, organisation, audience=audience, title=title)
    await world.draft(owner, organisation, audience="public", title=HIDDEN[-1])
    return owner


@pytest.mark.parametrize("path", PATHS)
async def test_what_everybody_gets_holds_no_canary(world: World, path: str) -> None:
    owner = await planted(world)
    asked = [f"{path}?{query}" for query in ("", "q=canary", "q=poster", "sort=best&q=canary")]
    for address in asked:
        for reader in (world.stranger(), owner) if path != "/needs" else (world.stranger(),):
            answer = await reader.http.get(address, headers={"Accept": "text/html"})
            assert answer.status_code == 200
            assert [word for word in FORBIDDEN if word in answer.text] == [], address
    if path != "/searches/new":
        assert "Poster" in (await world.stranger().http.get(path)).text


async def test_letters_to_strangers_and_accounts_hold_no_canary(world: World) -> None:
    person = await proven(world, "person")
    await person.post("/me/saved-searches", {"filters": {}, "often": "instant"})
    await subscribed(world, Reader(world), "", often="instant")
    await planted(world)
    await world.work()
    told = []
    for file in world.runtime.mailer.folder.glob("*.eml"):
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        if str(message["To"]).startswith(("asker@", "person@")):
            body = message.get_body(("plain",))
            assert body is not None
            told.append(body.get_content())
            for secret in CANARIES:
                assert secret not in told[-1]
    assert any("Poster" in each for each in told)
    strangers = [each for each in told if "this address was entered" in each]
    assert strangers
    assert [word for word in FORBIDDEN for each in strangers if word in each] == []


async def test_a_saved_search_asks_no_more_than_its_owner_may(world: World) -> None:
    """Somebody else's hidden organisation is a filter that tells neither its name nor its needs."""
    owner, person = await world.sign_up("owner"), await world.sign_up("person")
    hidden = await owner.post("/organisations", {"name": "canary collective"})
    filters = {"organisation": hidden["id"]}
    await person.post("/me/saved-searches", {"filters": filters})
    page = await Reader(world, person).open("/searches")
    assert "canary" not in page.main.text
    for path in ("/searches/new", "/embed", "/needs.json"):
        answer = await world.stranger().http.get(f"{path}?organisation={hidden['id']}")
        assert "canary" not in answer.text
    await owner.post("/me/saved-searches", {"filters": filters})
    assert "canary collective" in (await Reader(world, owner).open("/searches")).main.text
