"""The network page: connected peers for everybody, as a map and as a table that says the same."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.i18n import LANGUAGES
from app.models.federation import PeerState
from app.pages.network_map import SHOWN_MAX, WIDTH, Dot, draw
from tests.factories.peers import add_peer
from tests.factories.world import World
from tests.pages.reading import Page, Reader


def rows(page: Page) -> dict[str, list[str]]:
    """Return the cells of the table by the peer's name."""
    table = page.main.one("tbody")
    return {row.one("a", rel="noopener noreferrer").text: [cell.text for cell in row.all("td")]
            for row in table.all("tr")}  # fmt: skip


async def test_a_network_without_peers_says_how_to_connect(world: World) -> None:
    steward = await world.set_up()
    page = await Reader(world, None).open("/network")
    assert page.main.one("div", class_="empty").text
    assert world.runtime.origin in page.main.text
    assert page.main.all("svg") == []
    own = await Reader(world, steward).open("/network")
    assert own.link("Connect a peer") == "/stewardship/peers#connect"
    (fingerprint,) = page.main.all("p", class_="fingerprint")
    assert len(fingerprint.text.split()) == 10


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_map_and_the_table_say_the_same(world: World, language: str) -> None:
    await world.set_up()
    await add_peer(world, "well.example", languages=["el", "ca"])
    await add_peer(world, "silent.example", failures=3)
    await add_peer(world, "asking.example", PeerState.REQUESTED)
    await add_peer(world, "gone.example", PeerState.BLOCKED)
    page = await Reader(world, None, language).open("/network")
    found = rows(page)
    assert set(found) == {"<b>well.example</b>", "<b>silent.example</b>"}
    assert found["<b>well.example</b>"][0] == "EL CA"
    picture = page.main.one("svg")
    labels = {text.text for text in picture.all("text")}
    assert labels == {"<b>well.example</b>"[:15] + "…", "<b>silent.example"[:15] + "…",
                      "Test instance"}  # fmt: skip
    assert len(picture.all("circle", class_="node")) == 2  # this instance, and the one in step
    assert len(picture.all("rect", class_="behind")) == 1
    assert picture.attributes["role"] == "img"
    assert "2" in picture.attributes["aria-label"]


async def test_what_is_under_way_is_for_stewards(world: World) -> None:
    steward = await world.set_up()
    await add_peer(world, "asking.example", PeerState.REQUESTED)
    assert "asking" not in (await Reader(world, None).open("/network")).document.text
    assert "asking" not in (await Reader(world, steward).open("/network")).document.text
    assert "asking" in (await Reader(world, steward).open("/stewardship/peers")).document.text


async def test_a_limited_peer_says_how_its_needs_are_found(world: World) -> None:
    await world.set_up()
    await add_peer(world, "quiet.example", limited=True)
    page = await Reader(world, None).open("/network")
    assert "Shown only when you look for it" in rows(page)["<b>quiet.example</b>"][1]
    assert page.link("0") == "/needs?instance=quiet.example"


dots = st.builds(Dot, name=st.text(max_size=60), needs=st.integers(0, 10**6), in_step=st.booleans())


@given(st.text(max_size=60), st.lists(dots, max_size=60))
def test_every_peer_has_a_place_of_its_own_on_the_map(name: str, given_dots: list[Dot]) -> None:
    drawn = draw(name, given_dots)
    assert len(drawn.nodes) + drawn.more == len(given_dots)
    assert len(drawn.nodes) <= SHOWN_MAX
    places = [(drawn.x, drawn.y), *((node.x, node.y) for node in drawn.nodes)]
    for number, one in enumerate(places):
        assert 20 <= one[0] <= WIDTH - 20
        assert drawn.top + 20 <= one[1] <= drawn.top + drawn.height - 40
        for other in places[number + 1 :]:
            assert math.dist(one, other) > 24
    shared = [dot.needs for dot in sorted(given_dots, key=lambda dot: -dot.needs)]
    widths = [node.width for node in drawn.nodes]
    assert widths == sorted(widths, reverse=True) or max(shared) == 0
