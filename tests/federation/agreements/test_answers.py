"""What becomes of an offer: who learns of it, who decides, and what both sides show meanwhile."""

import asyncio

import httpx

from app.federation.wire.context import ACTIVITY_JSON
from app.infra.signatures import HttpMessage
from tests.factories.helping import CANARY, Helping, bodies, claims_in, helping
from tests.factories.instances import Instance, Pair, send, sign

REACH = [{"kind": "email", "value": "forn@example.org"}]


async def read_signed(reader: Instance, url: str) -> httpx.Response:
    """Read an address as a peer."""
    lines = [("Accept", ACTIVITY_JSON)]
    headers = (await reader.identity()).sign(HttpMessage("GET", url, lines))
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, headers={"Accept": ACTIVITY_JSON, **headers})


async def test_north_learns_a_pseudonym_and_nothing_of_the_person(old_friends: Pair) -> None:
    helped = await helping(old_friends, contacts=REACH)
    here, there = await helped.accepted(note="I have done this before")
    assert there["worker"]["display_name"].startswith(f"{helped.south.origin[7:]} · ")
    assert there["worker"]["account_id"] != helped.worker.id
    assert there["elsewhere"]["part"] == "worker"
    assert there["elsewhere"]["instance"] == helped.south.origin.removeprefix("http://")
    said = (await bodies(helped.north)).decode().lower()
    for secret in (CANARY, helped.worker.id, here["id"], f"{CANARY}@"):
        assert secret.lower() not in said
    assert "i have done this before" in said  # what they wrote is what was looked through
    assert here["elsewhere"]["contacts"] == REACH


async def test_a_name_is_told_for_the_one_claim_for_which_it_is_said(old_friends: Pair) -> None:
    helped = await helping(old_friends, places=2)
    other = await helping(old_friends)
    here = await helped.apply(share_name=True)
    await other.worker.post(f"/needs/{(await other.mirror())['id']}/claims", {})
    await old_friends.work()
    named, unnamed = await helped.guest_claim(), await other.guest_claim()
    assert named["worker"]["display_name"] == helped.worker.me["account"]["display_name"]
    assert named["elsewhere"]["shown_name"] == helped.worker.me["account"]["display_name"]
    assert other.worker.me["account"]["display_name"] not in str(unnamed)
    assert helped.worker.id not in str(named)
    assert (await helped.theirs(here))["elsewhere"]["part"] == "need"


async def test_a_lost_accept_is_given_again_for_the_same_offer(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here, there = await helped.accepted()
    offers = [each for each in (await bodies(helped.south)).split(b"\n") if b'"Offer"' in each]
    (offer,) = [each for each in offers if there["id"].encode() not in each and _is(each, helped)]
    before = len(await claims_in(helped.north))
    for _ in range(3):
        answer = await _say(helped.south, helped.north, offer)
        assert answer.status_code == 202, answer.text
    await old_friends.work()
    assert len(await claims_in(helped.north)) == before
    assert (await helped.theirs(here))["state"] == "accepted"
    said = (await bodies(helped.south)).split(b"\n")
    accepts = [each for each in said if b'"Accept"' in each and _offer_id(offer) in each]
    assert len(accepts) == 1  # the same message, however often it was sent
    await helped.sound()


def _is(body: bytes, helped: Helping) -> bool:
    return f"/needs/{helped.need['id']}#primary".encode() in body


def _offer_id(offer: bytes) -> bytes:
    start = offer.index(b"/offers/")
    return offer[start : start + 44]


async def _say(sender: Instance, to: Instance, body: bytes) -> httpx.Response:
    return await send(sign(await sender.identity(), f"{to.origin}/inbox", body))


async def test_the_last_place_is_given_once_and_the_other_is_told_why(old_friends: Pair) -> None:
    helped = await helping(old_friends, instant=True)
    rival = await helped.north.sign_up(f"rival{len(helped.north.people)}")
    here = await helped.apply()
    local, _ = await asyncio.gather(
        rival.ask("POST", f"/needs/{helped.need['id']}/claims", json={}), old_friends.work()
    )
    await old_friends.work()
    mine = await helped.theirs(here)
    assert (local.status_code, mine["state"]) in {(201, "declined"), (409, "accepted")}
    held = [claim for claim in await helped.guest_claims() if claim["state"] == "accepted"]
    assert len(held) == 1
    if mine["state"] == "declined":
        assert mine["history"][-1]["reason"] in {
            "elsewhere.need_full",
            "elsewhere.need_not_open",
        }
    await helped.sound()


async def test_a_need_that_is_full_meanwhile_answers_no(old_friends: Pair) -> None:
    helped = await helping(old_friends, instant=True)
    rival = await helped.north.sign_up(f"rival{len(helped.north.people)}")
    here = await helped.apply()
    await rival.post(f"/needs/{helped.need['id']}/claims", {})
    await old_friends.work()
    mine = await helped.theirs(here)
    assert mine["state"] == "declined"
    assert mine["history"][-1]["reason"].startswith("elsewhere.need_")
    await helped.sound()


async def test_nobody_is_shown_as_accepted_before_the_owner_said_so(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here = await helped.apply()
    await helped.south.work()
    await helped.north.work()
    there = await helped.guest_claim()
    assert (await helped.theirs(here))["state"] == "applied"
    await helped.owner.move(f"/claims/{there['id']}", "accepted")
    await helped.south.work()  # north has said yes and nothing has arrived
    mine = await helped.theirs(here)
    assert (mine["state"], mine["awaited_of"]) == ("applied", "organisation")
    log = {"worked_on": "2026-03-02", "minutes": 30}
    refused = await helped.worker.ask("POST", f"/claims/{here['id']}/work-logs", json=log)
    assert refused.status_code == 409
    await old_friends.work()
    assert (await helped.theirs(here))["state"] == "accepted"


async def test_an_organisation_declines_with_its_words(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here = await helped.apply()
    await old_friends.work()
    there = await helped.guest_claim()
    await helped.owner.move(f"/claims/{there['id']}", "declined", "We found <somebody> near us")
    await old_friends.work()
    mine = await helped.theirs(here)
    assert mine["state"] == "declined"
    assert mine["history"][-1]["reason"] == "We found <somebody> near us"


async def test_an_agreement_is_read_by_its_two_parties_alone(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    await helped.accepted()
    said = await bodies(helped.south)
    start = said.rindex(f"{helped.north.origin}/agreements/".encode())
    url = said[start : start + len(helped.north.origin) + 48].decode()
    found = await read_signed(helped.south, url)
    assert found.status_code == 200, found.text
    assert found.json()["status"] == "accepted"
    assert found.json()["attributedTo"] == f"{helped.north.origin}/actor"
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url, headers={"Accept": ACTIVITY_JSON})).status_code == 404
    other = url[:-4] + ("0000" if not url.endswith("0000") else "1111")
    assert (await read_signed(helped.south, other)).status_code == 404
