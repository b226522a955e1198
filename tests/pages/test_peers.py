"""The stewards' desk of peers, as people without scripts use it, in every language."""

from datetime import timedelta
from typing import Any

import pytest

from app.federation.peers.states import BY_STEWARDS
from app.infra import clock, ids, keys
from app.infra.database import transaction
from app.infra.http_client import OutboundPolicy
from app.infra.i18n import LANGUAGES
from app.models.federation import (
    Delivery,
    DeliveryState,
    FederationEvent,
    IncomingMessage,
    IncomingState,
    Peer,
    PeerInbox,
    PeerOutbox,
    PeerState,
)
from app.workers.federation import describe_peers, look_after_peers
from app.workers.main import run_until_idle
from tests.factories.peers import add_need_of, add_peer, new_key
from tests.factories.world import World
from tests.pages.reading import Page, Reader, target_of

DESK = "/stewardship/peers"
NOBODY = "http://127.0.0.1:9"


async def steward_of(world: World, language: str = "en") -> Reader:
    return Reader(world, await world.set_up(), language)


async def change(world: World, table: Any, peer: Peer, **values: Any) -> None:
    """Change a row of a peer, as the worker would have."""
    async with transaction(world.runtime.sessions) as session:
        row = await session.get(table, peer.id)
        for name, value in values.items():
            setattr(row, name, value)


def sentence_of(page: Page, host: str) -> str:
    """Return the one sentence of a peer in the list."""
    (card,) = [card for card in page.main.all("li", class_="card")
               if card.one("h3").text == f"<b>{host}</b>"]  # fmt: skip
    return card.one("strong").text


SENTENCES = {
    "": "In step: everything has arrived.",
    "unreachable": "Broken because nobody answers there; 0 messages wait, next try",
    "status-502": "Broken because their server answers 502; 0 messages wait, next try",
    "peer-suspended": "Refuses us: they have paused the exchange; 0 messages wait, next try",
    "not-peer": "Refuses us: we are not a peer there; 0 messages wait, next try",
    "key-changed": "Refuses us: they see another key of ours and must approve it; 0 messages",
    "object-does-not-exist": "Refuses us: their address knows nothing of us; 0 messages wait",
    "clock-skew": "Their clock and ours differ",
}


async def test_every_peer_has_one_sentence_with_the_next_try(world: World) -> None:
    steward = await steward_of(world)
    now = clock.now()
    with clock.frozen(now):
        for number, code in enumerate(SENTENCES):
            await add_peer(world, f"p{number}.example", failures=bool(code), failure=code)
        await add_peer(world, "dead.example", failures=9, failure="unreachable",
                       heard_at=now - timedelta(days=9))  # fmt: skip
        page = await steward.open(DESK)
        for number, said in enumerate(SENTENCES.values()):
            assert sentence_of(page, f"p{number}.example").startswith(said)
        assert f"next try {now + timedelta(minutes=15):%H:%M} UTC" in sentence_of(
            page, "p1.example"
        )
        assert sentence_of(page, "dead.example").startswith("Not reachable since")


async def test_what_waits_for_hours_is_behind_by_hours(world: World) -> None:
    steward = await steward_of(world)
    peer = await add_peer(world, "slow.example")
    await add_delivery(world, peer, DeliveryState.PENDING)
    assert sentence_of(await steward.open(DESK), "slow.example").startswith("In step: 1 message")
    with clock.moved(timedelta(hours=3, minutes=20)):
        said = sentence_of(await steward.open(DESK), "slow.example")
    assert said == "Behind by 3 h: 1 message waits for them."
    with clock.moved(timedelta(days=3)):
        said = sentence_of(await steward.open(DESK), "slow.example")
    assert said.startswith("Behind by 3 days")
    await change(world, PeerInbox, peer, pull_failures=2, pull_after=clock.now())
    assert sentence_of(await steward.open(DESK), "slow.example").startswith("We do not reach them")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_each_state_has_its_page_and_its_buttons(world: World, language: str) -> None:
    steward = await steward_of(world, language)
    for state in PeerState:
        if state is PeerState.NONE:
            continue
        peer = await add_peer(world, f"{state.value.replace('_', '-')}.example", state)
        here = f"{DESK}/{peer.id}"
        page = await steward.open(here)
        actions = {form.attributes["action"] for form in page.main.all("form")}
        links = {a.attributes["href"] for a in page.main.all("a")}
        for name, to in (("pause", "suspended"), ("end", "ended"), ("block", "blocked")):
            at_once = name == "end" and state is PeerState.PROPOSED  # there is nothing to lose yet
            assert (f"{here}/confirm/{name}" in links) == (to in BY_STEWARDS[state] and not at_once)
        assert (f"{here}/end" in actions) == (state is PeerState.PROPOSED)
        assert (f"{here}/approve" in actions) == (state is PeerState.REQUESTED)
        assert (f"{here}/resume" in actions) == (state is PeerState.SUSPENDED)
        asks = state in {PeerState.KEY_CHANGED, PeerState.ENDED}
        assert (f"{here}/ask" in actions) == asks
        assert (f"{here}/sync" in actions) == (state is PeerState.ACTIVE)


async def test_a_changed_key_shows_both_fingerprints(world: World) -> None:
    steward = await steward_of(world)
    peer = await add_peer(
        world, "new.example", PeerState.KEY_CHANGED,
        candidate_key=new_key(), candidate_key_id="https://new.example/actor#other",
    )  # fmt: skip
    assert peer.candidate_key is not None
    page = await steward.open(f"{DESK}/{peer.id}")
    shown = [each.text for each in page.main.all("p", class_="fingerprint")]
    both = [keys.fingerprint(keys.load_public_key(raw))
            for raw in (peer.public_key, peer.candidate_key)]  # fmt: skip
    assert shown[:2] == both
    assert page.form(f"{DESK}/{peer.id}/ask")["fingerprint"] == both[1]


async def test_nobody_says_yes_without_having_compared(world: World) -> None:
    steward = await steward_of(world)
    peer = await add_peer(world, "asks.example", PeerState.REQUESTED,
                          offer_id="https://asks.example/peering/1")  # fmt: skip
    here = f"{DESK}/{peer.id}"
    form = (await steward.open(here)).form(f"{here}/approve")
    missing = await steward.submit(f"{here}/approve", form, status=422)
    assert "Compare the fingerprint with them first" in missing.main.text
    await change(world, Peer, peer, public_key=new_key())
    other = await steward.submit(f"{here}/approve", {**form, "compared": "yes"}, status=422)
    assert "another one than the one you looked at" in other.main.text
    form = other.form(f"{here}/approve")
    await steward.submit(f"{here}/approve", {**form, "compared": "yes"})
    page = await steward.open(here)
    assert page.main.all("span", class_="state")[0].text == "Connected"
    assert "Connected @steward" in page.main.one("ol", class_="history").text


@pytest.mark.parametrize("deed", ["pause", "limit", "end", "block"])
async def test_what_takes_away_says_first_what_will_happen(world: World, deed: str) -> None:
    steward = await steward_of(world)
    peer = await add_peer(world, "north.example")
    for number in range(3):
        await add_need_of(world, peer, f"Need {number}")
    here = f"{DESK}/{peer.id}"
    page = await steward.open(f"{here}/confirm/{deed}")
    assert "3 needs of theirs" in page.main.text
    assert "0 open claims" in page.main.text
    await steward.send(f"{here}/confirm/{deed}", f"{here}/{deed}", reason="They asked us to")
    history = (await steward.open(here)).main.one("ol", class_="history").text
    assert "They asked us to" in history
    assert "@steward" in history
    listed = (await Reader(world).open("/needs")).document.text
    assert "Need 1" not in listed
    found = (await Reader(world).open("/needs?instance=north.example")).document.text
    assert ("Need 1" in found) == (deed == "limit")


async def test_a_pause_and_a_limit_can_be_taken_back(world: World) -> None:
    steward = await steward_of(world)
    peer = await add_peer(world, "north.example")
    await add_need_of(world, peer, "Lift a piano")
    here = f"{DESK}/{peer.id}"
    for deed, back in (("pause", "resume"), ("limit", "unlimit")):
        await steward.send(f"{here}/confirm/{deed}", f"{here}/{deed}")
        assert "Lift a piano" not in (await Reader(world).open("/needs")).document.text
        await steward.send(here, f"{here}/{back}")
        assert "Lift a piano" in (await Reader(world).open("/needs")).document.text


async def test_a_request_can_be_taken_back_before_it_is_answered(world: World) -> None:
    steward = await steward_of(world)
    peer = await add_peer(world, "north.example", PeerState.PROPOSED)
    here = f"{DESK}/{peer.id}"
    page = await steward.open(here)
    assert "Take the request back" in page.main.text
    assert "Part ways" not in page.main.text
    await steward.send(here, f"{here}/end")
    async with world.runtime.sessions() as session:
        assert (await session.get_one(Peer, peer.id)).state is PeerState.ENDED


async def test_a_note_stays_with_stewards_and_an_old_form_changes_nothing(world: World) -> None:
    steward = await steward_of(world)
    peer = await add_peer(world, "north.example")
    here = f"{DESK}/{peer.id}"
    old = (await steward.open(here)).form(f"{here}/note")
    await steward.submit(f"{here}/note", {**old, "note": "We met in Patras"})
    page = await steward.open(here)
    assert page.form(f"{here}/note")["note"] == "We met in Patras"
    stale = await steward.submit(f"{here}/note", {**old, "note": "Overwritten"}, status=422)
    assert stale.main.all("div", role="alert")
    assert "Patras" not in (await Reader(world).open("/network")).document.text


async def add_delivery(world: World, peer: Peer, state: DeliveryState, code: str = "") -> None:
    activity_id = f"{world.runtime.origin}/activities/{ids.public_id()}"
    event = FederationEvent(
        activity_id=activity_id, activity_type="Create",
        object_url=f"{world.runtime.origin}/needs/1",
        body=b'{"type":"Create","object":{"type":"Proposal"}}',
    )  # fmt: skip
    async with transaction(world.runtime.sessions) as session:
        session.add(event)
        await session.flush()
        assert event.id is not None
        session.add(Delivery(peer_id=peer.id, event_id=event.id, state=state, last_code=code))


async def add_incoming(world: World, peer: Peer, state: IncomingState, code: str) -> None:
    activity_id = f"{peer.origin}/activities/{ids.public_id()}"
    body = b'{"type":"Delete","object":{"type":"Tombstone","id":"%s/needs/7"}}'
    message = IncomingMessage(
        peer_id=peer.id, activity_id=activity_id, activity_type="Delete", state=state, code=code,
        body=body % peer.origin.encode(), body_hash=bytes(32), attempts=5, done_at=clock.now(),
    )  # fmt: skip
    async with transaction(world.runtime.sessions) as session:
        session.add(message)


async def test_stuck_messages_are_seen_with_their_reason_and_can_be_left(world: World) -> None:
    steward = await steward_of(world)
    peer = await add_peer(world, "north.example")
    await add_incoming(world, peer, IncomingState.PARKED, "failed")
    await add_incoming(world, peer, IncomingState.REFUSED, "state-conflict")
    await add_delivery(world, peer, DeliveryState.DEAD, "rule")
    here = f"{DESK}/{peer.id}"
    page = await steward.open(here)
    section = page.main.one("section", id="messages")
    assert section.one("h2").text == "3 messages wait for a person"
    for said in ("From them, parked here Delete(Tombstone)", "applying it failed here",
                 "From us, refused by them Create(Proposal)", "the content breaks a rule",
                 "Conflict", "north.example/needs/7"):  # fmt: skip
        assert said in section.text
    drops = [form for form in section.all("form") if form.attributes["action"] == f"{here}/drop"]
    fields: dict[str, str] = {}
    for form in drops:
        fields = {each.attributes["name"]: each.attributes["value"] for each in form.all("input")}
        await steward.submit(f"{here}/drop", fields)
    assert (await steward.open(here)).main.all("section", id="messages") == []
    again = {"form_token": fields["form_token"], "message": fields["message"]}
    assert (await steward.submit(f"{here}/drop", again, status=404)).status == 404


async def test_a_refused_message_of_ours_is_sent_again(world: World) -> None:
    steward = await steward_of(world)
    peer = await add_peer(world, "north.example")
    await add_delivery(world, peer, DeliveryState.DEAD, "rule")
    here = f"{DESK}/{peer.id}"
    await steward.send(here, f"{here}/retry")
    assert sentence_of(await steward.open(DESK), "north.example").startswith("In step: 1 message")


async def test_trying_again_asks_every_question_again(world: World) -> None:
    steward = await steward_of(world)
    peer = await add_peer(world, "north.example")
    await add_incoming(world, peer, IncomingState.REFUSED, "rule")
    here = f"{DESK}/{peer.id}"
    fields = (await steward.open(here)).form(f"{here}/retry")
    page = await steward.submit(f"{here}/retry", fields, status=422)
    assert "still refused" in page.main.text
    assert len(page.main.all("section", id="messages")) == 1


async def test_where_nobody_answers_we_wait_and_tell(world: World) -> None:
    world.runtime.shared["outbound_policy"] = OutboundPolicy(frozenset({NOBODY}))
    steward = await steward_of(world)
    looked = await steward.submit(f"{DESK}/look", {
        **(await steward.open(DESK)).form(f"{DESK}/look"), "address": NOBODY,
    }, status=200)  # fmt: skip
    assert looked.title == "Nobody answers there"
    led = await steward.submit(f"{DESK}/wait", looked.form(f"{DESK}/wait"))
    assert target_of(led) == DESK
    page = await steward.open(DESK)
    assert "Asked 1 time, no answer yet; next try" in page.main.text
    with clock.moved(timedelta(minutes=2)):
        await look_after_peers(world.runtime)
    assert "Asked 2 times, no answer yet" in (await steward.open(DESK)).main.text
    await steward.submit(f"{DESK}/wait", {**page.form(f"{DESK}/wait"), "stop": "yes"})
    assert "no answer yet" not in (await steward.open(DESK)).main.text


@pytest.mark.parametrize("typed", ["not a host", "ftp://north.example", "http://127.0.0.1:8080"])
async def test_an_address_that_is_none_is_said_beside_its_field(world: World, typed: str) -> None:
    steward = await steward_of(world)
    form = (await steward.open(DESK)).form(f"{DESK}/look")
    page = await steward.submit(f"{DESK}/look", {**form, "address": typed}, status=422)
    assert page.main.one("input", id="address").attributes["aria-invalid"] == "true"
    assert page.main.one("input", id="address").attributes["value"] == typed


async def test_who_did_not_answer_is_not_shown_as_read(world: World) -> None:
    world.runtime.shared["outbound_policy"] = OutboundPolicy(frozenset({NOBODY}))
    steward = await steward_of(world)
    peer = await add_peer(world, "north.example")
    await change(world, Peer, peer, origin=NOBODY)
    await describe_peers(world.runtime)
    who = (await steward.open(f"{DESK}/{peer.id}")).main.one(
        "section", **{"aria-labelledby": "who"}
    )
    assert "Not read yet" in who.text
    assert "They do not say" not in who.text


async def test_only_stewards_use_the_desk(world: World) -> None:
    person = Reader(world, await world.sign_up("ana"))
    peer = await add_peer(world, "north.example")
    here = f"{DESK}/{peer.id}"
    for path in (DESK, here, f"{here}/confirm/block", f"{here}/sync", f"{DESK}/policy"):
        await person.open(path, status=403)
    token = {"form_token": (await person.open("/me/profile")).document.all(
        "input", name="form_token")[0].attributes["value"]}  # fmt: skip
    for path in (f"{DESK}/look", f"{DESK}/connect", f"{DESK}/wait", f"{DESK}/policy",
                 f"{here}/block", f"{here}/note", f"{here}/sync", f"{here}/retry"):  # fmt: skip
        fields = {**token, "version": "1", "address": "north.example", "message": "in-1"}
        await person.submit(path, fields, status=403)
    assert (await Reader(world).http.get(here)).status_code in {303, 401}


async def test_our_policy_is_written_by_stewards_and_read_by_all(world: World) -> None:
    steward = await steward_of(world)
    before = await Reader(world).open("/policy")
    assert before.main.all("li")
    await steward.send(f"{DESK}/policy", f"{DESK}/policy", policy="We answer **within a week**.")
    page = await Reader(world).open("/policy")
    assert page.main.one("strong").text == "within a week"
    info = (await Reader(world).http.get("/nodeinfo/2.1")).json()["metadata"]
    assert info["policy"] == f"{world.runtime.origin}/policy"
    assert set(info["languages"]) == set(LANGUAGES)
    long = await steward.send(f"{DESK}/policy", f"{DESK}/policy", policy="x" * 10_001, status=422)
    assert "10000" in long.main.text or "10,000" in long.main.text


async def told(world: World) -> list[str]:
    """Return what the steward was told of, after the workers have run."""
    await run_until_idle(world.runtime)
    assert world.steward is not None
    found = await world.steward.get("/me/notifications")
    return [item["kind"] for item in found["items"]]


async def test_stewards_are_told_once_of_a_silence_and_of_what_waits(world: World) -> None:
    await world.set_up()
    peer = await add_peer(world, "north.example", failures=8, failure="unreachable",
                          heard_at=clock.now() - timedelta(days=8))  # fmt: skip
    assert await told(world) == ["peer_unreachable"]
    assert await told(world) == ["peer_unreachable"]
    other = await add_peer(world, "south.example")
    await add_incoming(world, other, IncomingState.PARKED, "failed")
    await add_delivery(world, other, DeliveryState.DEAD, "rule")
    assert sorted(await told(world)) == ["peer_message_parked", "peer_unreachable"]
    # It came back, and is silent again: that is news.
    await change(world, PeerOutbox, peer, last_success_at=clock.now() + timedelta(minutes=1))
    async with transaction(world.runtime.sessions) as session:
        row = await session.get(Peer, peer.id)
        assert row is not None
        assert row.silence_told_at is not None
    with clock.moved(timedelta(days=8)):
        await look_after_peers(world.runtime)
        async with transaction(world.runtime.sessions) as session:
            again = await session.get(Peer, peer.id)
            assert again is not None
            assert again.silence_told_at is not None
            assert again.silence_told_at > row.silence_told_at
