"""What stewards do about peers over the API, and what nobody else may."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from app.federation.peers.states import BY_STEWARDS, BY_THEM, stewards_may, they_may
from app.federation.wire.addresses import AddressError, normal_origin, origin_of
from app.infra import clock, keys
from app.infra.database import transaction
from app.models.federation import (
    ActorFetch,
    Delivery,
    DeliveryState,
    IncomingMessage,
    InstanceKey,
    Peer,
    PeerOutbox,
    PeerState,
)
from tests.factories.instances import Instance, Pair
from tests.factories.world import Person, World


async def test_only_stewards_deal_with_peers(world: World) -> None:
    steward = await world.set_up()
    person = await world.sign_up("ana")
    some = "01a1fa19-b2ef-716f-a804-6f3ffe9b9fcc"
    asks: list[tuple[str, str, dict[str, str] | None]] = [
        ("GET", "/peers", None),
        ("POST", "/peers", {"origin": "north.example"}),
        ("GET", f"/peers/{some}", None),
        ("POST", f"/peers/{some}/transitions", {"to": "active"}),
    ]
    for method, path, body in asks:
        assert (await world.stranger().ask(method, path, json=body)).status_code == 401
        assert (await person.ask(method, path, json=body)).status_code == 403
    assert (await steward.get("/peers"))["items"] == []
    assert (await steward.ask("GET", f"/peers/{some}")).status_code == 404


@pytest.mark.parametrize(
    ("typed", "status", "code"),
    [
        ("https://north.example/path", 422, "peer_origin_invalid"),
        ("ftp://north.example", 422, "peer_origin_invalid"),
        ("https://user@north.example", 422, "peer_origin_invalid"),
        ("https://north.example?x=1", 422, "peer_origin_invalid"),
        ("not a host", 422, "peer_origin_invalid"),
        ("http://127.0.0.1:8080", 422, "peer_is_self"),
        ("http://127.0.0.1:9", 422, "peer_origin_invalid"),
        ("http://192.0.2.1", 422, "peer_origin_invalid"),
        ("https://[::1]", 422, "peer_origin_invalid"),
        ("https://203.0.113.9", 422, "peer_origin_invalid"),
        ("https://no-such-name.invalid", 502, "peer_unreachable"),
    ],
)
async def test_a_proposal_to_what_is_no_peer_is_refused(
    world: World, typed: str, status: int, code: str
) -> None:
    steward = await world.set_up()
    answer = await steward.ask("POST", "/peers", json={"origin": typed})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await steward.get("/peers"))["items"] == []


async def test_impossible_moves_say_what_is_possible(peers: Pair) -> None:
    steward, path = await at(peers.north)
    answer = await steward.ask("POST", f"{path}/transitions", json={"to": "active"})
    assert answer.status_code == 409
    assert answer.json()["possible_transitions"] == ["suspended", "ended", "blocked"]
    again = await steward.ask("POST", "/peers", json={"origin": peers.south.origin})
    assert (again.status_code, again.json()["code"]) == (409, "peer_state_conflict")


async def test_declining_ends_it_on_both_sides_and_it_can_be_proposed_again(pair: Pair) -> None:
    assert pair.north.steward is not None
    await pair.north.steward.post("/peers", {"origin": pair.south.origin})
    await pair.work()
    steward, path = await at(pair.south)
    await steward.move(path, "ended")
    await pair.work()
    assert (await pair.north.peer())["state"] == "ended"
    await pair.north.steward.post("/peers", {"origin": pair.south.origin})
    await forget_fetches(pair.south)
    await pair.work()
    assert (await pair.south.peer())["state"] == "requested"
    await steward.move(path, "active")
    await pair.work()
    assert (await pair.north.peer())["state"] == "active"


async def test_taking_back_a_proposal_ends_it_there_too(pair: Pair) -> None:
    assert pair.north.steward is not None
    await pair.north.steward.post("/peers", {"origin": pair.south.origin})
    await pair.work()
    steward, path = await at(pair.north)
    await steward.move(path, "ended")
    await pair.work()
    assert (await pair.south.peer())["state"] == "ended"


@pytest.mark.parametrize("who", ["north", "south"])
async def test_either_side_ends_it_for_both(peers: Pair, who: str) -> None:
    ending = getattr(peers, who)
    other = peers.south if who == "north" else peers.north
    owner = await ending.sign_up("owner")
    await ending.open_need(owner, await ending.organisation(owner), audience="public")
    await peers.work()
    assert len((await other.stranger().get("/needs"))["items"]) == 1
    steward, path = await at(ending)
    await steward.move(path, "ended")
    await peers.work()
    assert (await other.peer())["state"] == "ended"
    assert (await other.stranger().get("/needs"))["items"] == []


async def test_two_proposals_that_cross_are_the_approval_of_both(pair: Pair) -> None:
    assert pair.north.steward is not None
    assert pair.south.steward is not None
    await pair.north.steward.post("/peers", {"origin": pair.south.origin})
    await pair.south.steward.post("/peers", {"origin": pair.north.origin})
    await pair.work()
    assert (await pair.north.peer())["state"] == (await pair.south.peer())["state"] == "active"
    steward, path = await at(pair.south)
    await steward.move(path, "ended")
    await pair.work()
    assert (await pair.north.peer())["state"] == "ended"


async def test_a_lost_accept_is_sent_again_and_has_one_effect(pair: Pair) -> None:
    await pair.shake_hands()
    # North comes back from a backup of the time when it had just proposed.
    async with transaction(pair.north.runtime.sessions) as session:
        await session.execute(update(Peer).values(state=PeerState.PROPOSED, answer_id=None))
        await session.execute(delete(IncomingMessage))
        await session.execute(update(Delivery).values(state=DeliveryState.PENDING))
        await session.execute(update(PeerOutbox).values(next_attempt_at=clock.now()))
    since = (await pair.south.peer())["active_since"]
    await pair.work()
    assert (await pair.north.peer())["state"] == "active"
    assert (await pair.south.peer())["active_since"] == since
    assert (await pair.south.stored())["IncomingMessage"] == 1


async def test_another_key_stops_everything_until_both_sides_approve_anew(peers: Pair) -> None:
    north, south = peers.north, peers.south
    old = (await south.peer())["fingerprint"]
    await give_new_key(north)
    await forget_fetches(south)
    owner = await north.sign_up("owner")
    await north.open_need(owner, await north.organisation(owner), audience="public")
    await north.work()
    seen = await south.peer()
    assert (seen["state"], seen["fingerprint"]) == ("key_changed", old)
    shown = keys.fingerprint((await north.identity()).public_key)
    assert seen["candidate_fingerprint"] == shown
    assert await south.mirrored() == []
    assert (await north.peer())["health"]["code"] == "refused_key_changed"
    assert (await peers.tell(peers.create(1))).json()["code"] == "key-changed"

    steward, path = await at(south)
    await steward.move(path, "proposed")
    await peers.work()
    northern, there = await at(north)
    assert (await north.peer())["state"] == "requested"
    await northern.move(there, "active")
    await peers.work()
    assert (await south.peer())["fingerprint"] == shown
    assert len(await south.mirrored()) == 1


async def test_a_proposal_that_nobody_answers_goes_after_thirty_days(pair: Pair) -> None:
    assert pair.north.steward is not None
    await pair.north.steward.post("/peers", {"origin": pair.south.origin})
    await pair.work()
    with clock.moved(timedelta(days=29)):
        await pair.south.work()
    assert (await pair.south.peer())["state"] == "requested"
    with clock.moved(timedelta(days=31)):
        await pair.south.work()
    assert (await pair.south.peer())["state"] == "ended"


async def at(instance: Instance) -> tuple[Person, str]:
    """Return an instance's steward, and the path of its one peer."""
    assert instance.steward is not None
    return instance.steward, f"/peers/{(await instance.peer())['id']}"


async def give_new_key(instance: Instance) -> None:
    async with transaction(instance.runtime.sessions) as session:
        await session.execute(delete(InstanceKey))
    instance.runtime.shared.pop("federation.identity")


async def forget_fetches(instance: Instance) -> None:
    async with transaction(instance.runtime.sessions) as session:
        await session.execute(delete(ActorFetch))


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("north.example", "https://north.example"),
        (" North.Example. ", "https://north.example"),
        ("https://north.example:443/", "https://north.example"),
        ("HTTPS://north.example:8443", "https://north.example:8443"),
        ("http://127.0.0.1:22001", "http://127.0.0.1:22001"),
        ("bücher.example", "https://xn--bcher-kva.example"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
    ],
)
def test_what_people_type_becomes_one_spelling(typed: str, origin: str) -> None:
    assert normal_origin(typed) == origin
    assert origin_of(f"{origin}/actor") == origin


@pytest.mark.parametrize(
    "address",
    [
        "https://North.example/a", "https://north.example./a", "https://north.example:443/a",
        "http://north.example:80/a", "https://u@north.example/a", "https://bücher.example/a",
        "https://north.example:0/a", "https://north.example:08/a", "https:north.example", "/a",
        "https://north.example\\@x/a", "javascript:alert(1)", "https://" + "a" * 600, "https://",
        "https://north example/a", "HTTPS://north.example/a", "https://north..example/a", "",
    ],
)  # fmt: skip
def test_any_other_spelling_in_a_message_is_refused(address: str) -> None:
    with pytest.raises(AddressError):
        origin_of(address)


def test_only_a_steward_makes_a_peer_active_unless_we_asked() -> None:
    by_message = {state for state in PeerState if they_may(state, PeerState.ACTIVE)}
    assert by_message == {PeerState.PROPOSED}
    assert PeerState.ACTIVE in stewards_may(PeerState.REQUESTED)
    assert BY_THEM[PeerState.BLOCKED] == frozenset()
    assert PeerState.BLOCKED not in BY_STEWARDS[PeerState.BLOCKED]
