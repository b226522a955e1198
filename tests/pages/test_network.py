"""The network page: peers for everybody, handshakes under way for stewards."""

from datetime import timedelta

from app.infra import clock, ids
from app.infra.database import transaction
from app.models.federation import Peer, PeerOutbox, PeerState
from tests.factories.world import World
from tests.pages.reading import Page, Reader


async def add_peer(world: World, host: str, state: PeerState, failures: int = 0) -> None:
    origin, now = f"https://{host}", clock.now()
    peer = Peer(
        id=ids.private_id(), origin=origin, actor_url=f"{origin}/actor",
        inbox_url=f"{origin}/inbox", key_id=f"{origin}/actor#main-key", public_key=bytes(32),
        name=f"<b>{host}</b>", state=state, active_since=now - timedelta(days=2),
    )  # fmt: skip
    async with transaction(world.runtime.sessions) as session:
        session.add(peer)
        await session.flush()
        session.add(PeerOutbox(peer_id=peer.id, failures=failures, last_success_at=now))


def cards(page: Page) -> dict[str, str]:
    found = page.main.all("li", class_="card")
    return {card.one("h3").text: card.one("p").text for card in found}


async def test_a_network_without_peers_says_so(world: World) -> None:
    page = await Reader(world, None).open("/network")
    assert page.main.one("div", class_="empty").text
    assert world.runtime.origin in page.main.text
    steward = await world.set_up()
    own = await Reader(world, steward).open("/network")
    assert own.link("Connect a peer") == "/app/"


async def test_peers_are_shown_to_everybody_and_handshakes_to_stewards(world: World) -> None:
    await add_peer(world, "well.example", PeerState.ACTIVE)
    await add_peer(world, "silent.example", PeerState.ACTIVE, failures=3)
    await add_peer(world, "asking.example", PeerState.REQUESTED)
    await add_peer(world, "gone.example", PeerState.BLOCKED)
    public = await Reader(world, None).open("/network")
    assert cards(public) == {
        "<b>well.example</b>": "In step.",
        "<b>silent.example</b>": "Not reachable at the moment; we keep trying.",
    }
    person = await world.sign_up("person")
    assert cards(await Reader(world, person).open("/network")) == cards(public)
    own = cards(await Reader(world, world.steward).open("/network"))
    assert len(own) == 4
    assert own["<b>well.example</b>"] == "Everything has arrived."
    assert own["<b>silent.example</b>"].startswith("It does not answer")
    assert "compare the fingerprint" in own["<b>asking.example</b>"]
    states = [s.text for s in public.main.all("span", class_="state")]
    assert states == ["Connected", "Connected"]
