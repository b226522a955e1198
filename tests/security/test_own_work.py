"""Getting one's own work confirmed, by every road that there is."""

from secrets import token_hex
from typing import Any

import httpx
import pytest

from tests.factories.world import Json, Person, World

CONFIRMATION = {"minutes": 90, "stream": "gift"}
# What a worker may be beside being the worker.
HATS = ("nobody", "member", "worker-owner", "owner", "steward", "steward and owner")


async def _scene(world: World, hat: str) -> tuple[Person, Json]:
    """Return a worker with a hat, and their claim that waits for its confirmation."""
    steward = await world.set_up()
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    worker = steward if hat.startswith("steward") else await world.sign_up("worker")
    if hat not in {"nobody", "steward"}:
        body = {
            "handle": worker.me["account"]["handle"],
            "role": "owner" if "owner" in hat and hat != "worker-owner" else "member",
            "worker_owner": hat == "worker-owner",
        }
        await owner.post(f"/organisations/{organisation['id']}/members", body)
    need = await world.open_need(owner, organisation)
    return worker, await world.submitted_claim(worker, owner, need)


async def _confirm(person: Person, claim: Json, **headers: str) -> httpx.Response:
    path = f"/claims/{claim['id']}/confirmation"
    given = {"Idempotency-Key": token_hex(16), **headers}
    return await person.ask("POST", path, json=CONFIRMATION, headers=given)


async def _send_form(person: Person, path: str, **fields: str) -> httpx.Response:
    page = await person.http.get("/me/claims", headers={"Accept": "text/html"})
    token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
    return await person.http.post(path, data={"form_token": token, **fields})


@pytest.mark.parametrize("hat", HATS)
async def test_nobody_confirms_their_own_work_whatever_they_are(world: World, hat: str) -> None:
    worker, claim = await _scene(world, hat)
    path = f"/claims/{claim['id']}"
    assert (await _confirm(worker, claim)).status_code == 403
    for to in ("confirmed", "accepted", "changes_requested", "rejected", "released"):
        answer = await worker.ask(
            "POST", f"{path}/transitions", json={"to": to, "reason": "because"}
        )
        assert answer.status_code == 409, to
    form = await _send_form(worker, f"{path}/confirmation", hours="1", minutes="30", stream="gift")
    assert form.status_code == 403
    scopes = ["claims:read", "claims:write", "ledger:read", "organisations:write", "admin"]
    body = {"name": "tool", "scopes": scopes, "expires_in_days": 1}
    token = await worker.post("/me/tokens", body)
    tool = world.stranger()
    tool.http.headers["Authorization"] = f"Bearer {token['token']}"
    assert (await _confirm(tool, claim)).status_code == 403
    after = await worker.get(path)
    assert (after["state"], after["confirmation"]) == ("submitted", None)
    assert (await worker.get("/me/contributions"))["total_minutes"] == 0


async def test_leaving_and_coming_back_changes_nothing(world: World) -> None:
    worker, claim = await _scene(world, "owner")
    (place,) = (await worker.get("/me"))["memberships"]
    members = f"/organisations/{place['organisation']['id']}/members"
    assert (await worker.ask("DELETE", f"{members}/{worker.id}")).status_code == 204
    assert (await _confirm(worker, claim)).status_code == 403
    owner = next(p for p in world.people if p.me and p.me["account"]["handle"] == "owner")
    await owner.post(members, {"handle": "worker", "role": "owner"})
    assert (await _confirm(worker, claim)).status_code == 403


async def test_a_steward_without_membership_confirms_nobodys_work(world: World) -> None:
    _, claim = await _scene(world, "nobody")
    steward = world.steward or await world.set_up()
    assert (await _confirm(steward, claim)).status_code == 403


async def test_no_more_is_confirmed_than_was_logged_and_once(world: World) -> None:
    worker, claim = await _scene(world, "nobody")
    owner = next(p for p in world.people if p.me and p.me["account"]["handle"] == "owner")
    path = f"/claims/{claim['id']}"
    for minutes in (0, -1, 91, 2**31, 2**63):
        body: dict[str, Any] = {"minutes": minutes, "stream": "gift"}
        answer = await owner.ask(
            "POST",
            f"{path}/confirmation",
            json=body,
            headers={"Idempotency-Key": token_hex(16)},
        )
        assert answer.status_code in {400, 422}, minutes
    # What was handed in cannot grow while it is looked at.
    log = {"worked_on": "2026-03-03", "minutes": 600, "note": ""}
    assert (await worker.ask("POST", f"{path}/work-logs", json=log)).status_code == 409
    assert (await _confirm(owner, claim)).status_code == 201
    assert (await _confirm(owner, claim)).status_code == 409
    form = await _send_form(owner, f"{path}/confirmation", hours="1", minutes="0", stream="gift")
    assert form.status_code == 409
    assert (await worker.get("/me/contributions"))["total_minutes"] == 90
