"""What somebody without the right to it could still read off: names, reasons, numbers."""

from typing import Any

import httpx
import pytest

from app.infra.ids import private_id
from tests.factories.world import Person, World

CANARY = "Quercus suber canary"


async def _tool(person: Person, world: World, *scopes: str) -> Person:
    body = {"name": "tool", "scopes": list(scopes), "expires_in_days": 1}
    token = await person.post("/me/tokens", body)
    tool = world.stranger()
    tool.http.headers["Authorization"] = f"Bearer {token['token']}"
    return tool


async def test_the_list_of_needs_does_not_name_an_organisation_nobody_accepted(
    world: World,
) -> None:
    owner = await world.sign_up("owner")
    person = await world.sign_up("person")
    hidden = await owner.post("/organisations", {"name": CANARY})
    address = f"/needs?organisation={hidden['id']}"
    for reader, seen in ((world.stranger(), False), (person, False), (owner, True)):
        page = await reader.http.get(address, headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert (CANARY in page.text) is seen


async def test_a_stewards_tool_sees_and_moves_only_what_its_scopes_say(world: World) -> None:
    steward = await world.set_up()
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    organisation = await world.organisation(owner)
    draft = await world.draft(owner, organisation, title=CANARY)
    need = await world.open_need(owner, organisation)
    claim = await worker.post(f"/needs/{need['id']}/claims", {"note": "private"})
    others = ("needs:read", "needs:write", "claims:read", "claims:write", "ledger:read")
    tool = await _tool(steward, world, *others)
    assert (await tool.ask("GET", f"/needs/{draft['id']}")).status_code == 404
    assert CANARY not in (await tool.ask("GET", "/needs", params={"state": "any"})).text
    edit = {"json": {"title": "Another title"}, "headers": {"If-Match": '"1"'}}
    assert (await tool.ask("PATCH", f"/needs/{need['id']}", **edit)).status_code == 403
    assert (await tool.ask("GET", f"/claims/{claim['id']}")).status_code == 404
    move = {"to": "accepted"}
    answer = await tool.ask("POST", f"/claims/{claim['id']}/transitions", json=move)
    assert answer.status_code == 404
    admin = await _tool(steward, world, *others, "admin")
    assert (await admin.ask("GET", f"/needs/{draft['id']}")).status_code == 200
    assert (await admin.ask("GET", f"/claims/{claim['id']}")).status_code == 200


async def test_a_stewards_tool_does_not_follow_other_peoples_jobs(world: World) -> None:
    steward = await world.set_up()
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    files = {"file": ("needs.csv", b"title\nOne need\n", "text/csv")}
    asked = await owner.ask(
        "POST",
        "/imports",
        params={"organisation_id": organisation["id"]},
        files=files,
        headers={"Idempotency-Key": private_id().hex},
    )
    path = f"/jobs/{asked.json()['id']}"
    assert (await steward.ask("GET", path)).status_code == 200
    tool = await _tool(steward, world, "needs:write")
    assert (await tool.ask("GET", path)).status_code == 404


async def test_reasons_and_named_peers_stay_with_those_who_answer_for_a_need(
    world: World,
) -> None:
    owner, person = await world.sign_up("owner"), await world.sign_up("person")
    organisation = await world.organisation(owner)
    need = await world.open_need(
        owner, organisation, audience="named_peers", audience_peers=[str(private_id())]
    )
    await owner.move(f"/needs/{need['id']}", "paused", CANARY)
    path = f"/needs/{need['id']}"
    theirs = await owner.get(path)
    assert theirs["state_reason"] == CANARY
    assert len(theirs["audience_peers"]) == 1
    seen = await person.get(path)
    assert (seen["state_reason"], seen["audience_peers"], seen["harm_check"]) == ("", [], None)
    page = await person.http.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert CANARY not in page.text


async def test_the_stewards_reasons_stay_with_those_concerned(world: World) -> None:
    steward = await world.set_up()
    owner = await world.sign_up("owner")
    made = await owner.post("/organisations", {"name": "Forn Roig"})
    path = f"/organisations/{made['id']}"
    await steward.move(path, "accepted", CANARY)
    assert (await owner.get(path))["state_reason"] == CANARY
    assert (await world.stranger().get(path))["state_reason"] == ""


async def test_no_count_tells_of_needs_that_are_not_for_everybody(world: World) -> None:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    stranger = world.stranger()

    async def counted() -> list[Any]:
        listed = await stranger.get("/needs", organisation=organisation["id"])
        nodeinfo = (await stranger.http.get("/nodeinfo/2.1")).json()
        return [
            (await stranger.get("/instance"))["counts"]["needs_open"],
            (await stranger.get(f"/organisations/{organisation['id']}"))["open_needs"],
            (await stranger.get("/organisations"))["items"][0]["open_needs"],
            nodeinfo["usage"]["localPosts"],
            len(listed["items"]),
        ]

    await world.open_need(owner, organisation)
    assert await counted() == [1] * 5
    for audience in ("instance", "named_peers", "peers"):
        await world.open_need(owner, organisation, audience=audience)
    await world.draft(owner, organisation)
    assert await counted() == [1] * 5
    assert (await owner.get(f"/organisations/{organisation['id']}"))["open_needs"] == 4


async def test_what_caches_keep_is_the_same_whoever_asks(world: World) -> None:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    await world.open_need(owner, organisation, audience="instance")
    for path in ("/nodeinfo/2.1", "/actor", "/.well-known/nodeinfo"):
        answers = [await person.http.get(path) for person in (owner, world.stranger())]
        assert "public" in answers[0].headers["cache-control"]
        assert answers[0].text == answers[1].text


async def test_drafts_and_withdrawn_needs_are_in_no_list_and_no_search(world: World) -> None:
    owner, person = await world.sign_up("owner"), await world.sign_up("person")
    organisation = await world.organisation(owner)
    await world.draft(owner, organisation, title=CANARY)
    withdrawn = await world.open_need(owner, organisation, title=CANARY)
    await owner.move(f"/needs/{withdrawn['id']}", "withdrawn", "solved")
    for reader in (world.stranger(), person):
        for state in ("open", "any", "done", "archived", "expired"):
            found = await reader.get("/needs", q="quercus", state=state)
            assert found["items"] == []
        for state in ("draft", "review", "withdrawn"):
            assert (await reader.ask("GET", "/needs", params={"state": state})).status_code == 422
        for path in ("/", "/needs?q=quercus", f"/organisations/{organisation['id']}"):
            page = await reader.http.get(path, headers={"Accept": "text/html"})
            assert "suber" not in page.text


@pytest.mark.parametrize("field", ["data", "misuse", "avoidable"])
async def test_the_harm_check_is_found_by_no_search(world: World, field: str) -> None:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    harm = {"data": "none", "misuse": "nobody", "avoidable": "yes", field: CANARY}
    await world.open_need(owner, organisation, harm_check=harm)
    for reader in (world.stranger(), owner):
        assert (await reader.get("/needs", q="quercus"))["items"] == []


async def test_a_kept_answer_is_told_only_to_credentials_that_reach_as_far(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation)
    claim = await world.submitted_claim(worker, owner, need)
    request: dict[str, Any] = {
        "json": {"minutes": 90, "stream": "gift"},
        "headers": {"Idempotency-Key": "k" * 32},
    }
    path = f"/claims/{claim['id']}/confirmation"

    async def ask(person: Person) -> httpx.Response:
        return await person.ask("POST", path, **request)

    assert (await ask(owner)).status_code == 201
    again = await ask(owner)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert (await ask(await _tool(owner, world, "needs:read"))).status_code == 403
    assert (await ask(await world.sign_up("person"))).status_code == 404
    assert (await ask(worker)).status_code == 403
    assert (await ask(world.stranger())).status_code == 401
