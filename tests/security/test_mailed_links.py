"""What a mailed link may not do: be oneself's second person, or outlive what stewards decided."""

import pytest

from tests.factories.world import PASSWORD, Json, Person, World
from tests.pages.reading import Reader
from tests.pages.test_ask_threads import helped
from tests.pages.test_asks import ANSWERS

MINE, OTHERS = "asker@forn.example", "worker@forn.example"


async def _handed_in(world: World, address: str) -> tuple[str, Person, Json]:
    """Return an asker's page, and a worker known by an address with work that is handed in."""
    mine, _, worker, claim = await helped(world, address=MINE)
    body = {"email": address, "current_password": PASSWORD}
    assert (await worker.ask("PATCH", "/me", json=body)).status_code == 200
    asker = Reader(world, None)
    await asker.send(mine, f"{mine}/claims/{claim['id']}", to="accepted")
    log = {"worked_on": "2026-03-02", "minutes": 90, "note": "done"}
    await worker.post(f"/claims/{claim['id']}/work-logs", log)
    await worker.move(f"/claims/{claim['id']}", "submitted")
    return mine, worker, claim


@pytest.mark.parametrize(
    ("address", "signed_in", "status", "state"),
    [
        (OTHERS, False, 303, "confirmed"),
        (MINE, False, 403, "submitted"),
        (MINE.upper(), False, 403, "submitted"),
        (OTHERS, True, 403, "submitted"),
    ],
)
async def test_nobody_confirms_their_own_work_by_a_mailed_link(
    world: World, address: str, signed_in: bool, status: int, state: str
) -> None:
    """Known by the same address, or the link opened where the worker is signed in."""
    mine, worker, claim = await _handed_in(world, address)
    reader = Reader(world, worker if signed_in else None)
    action = f"{mine}/claims/{claim['id']}"
    said = {"to": "confirmed", "hours": "1", "minutes": "30", "stream": "gift"}
    await reader.send(mine, action, status=status, **said)
    assert (await worker.get(f"/claims/{claim['id']}"))["state"] == state


@pytest.mark.parametrize("to", ["limited", "blocked"])
async def test_a_link_reaches_no_further_than_whom_it_stands_for(world: World, to: str) -> None:
    """Whoever reports an asker's words is heard: the stewards' decision holds for the link too."""
    mine, _, worker, claim = await helped(world)
    steward = await world.set_up()
    asker, thread = Reader(world, None), f"{mine}/claims/{claim['id']}/messages"
    page = await asker.open(thread)
    form = page.form(thread)
    own = (await asker.open(mine)).form(f"{mine}/claims/{claim['id']}")
    await asker.submit(thread, {**form, "body": "Insults"})
    (said,) = (await worker.get(f"/claims/{claim['id']}/messages"))["items"]
    path = f"/accounts/{said['author']['account_id']}/transitions"
    body = {"to": to, "reason": "Insults"}
    for state, status in ((to, 403 if to == "limited" else 410), ("active", 303)):
        answer = await steward.ask("POST", path, json={**body, "to": state})
        assert answer.status_code == 200, answer.text
        await asker.submit(thread, {**form, "body": f"More {state}"}, status=status)
        reads = 410 if state == "blocked" else 200
        await asker.open(mine, status=reads)
        if state != "active":
            action = f"{mine}/claims/{claim['id']}"
            await asker.submit(action, {**own, "to": "accepted"}, status=status)
    words = [one["body"] for one in (await worker.get(f"/claims/{claim['id']}/messages"))["items"]]
    assert words == ["More active", "Insults"]
    assert ANSWERS["organisation_name"] in said["author"]["display_name"]
