"""The list of needs: what it shows, how it is narrowed, what it says when it is empty."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.factories.world import Json, Person, World
from tests.pages.reading import Page, Reader


def titles(page: Page) -> list[str]:
    return [h.text for card in page.main.all("li", class_="card") for h in card.all("h3")]


class Board:
    """A handful of different needs."""

    def __init__(self, world: World, owner: Person, organisation: Json) -> None:
        self.world, self.owner, self.organisation = world, owner, organisation

    async def open(self, title: str, **changes: Any) -> Json:
        changes = {"audience": "public", "title": title, **changes}
        return await self.world.open_need(self.owner, self.organisation, **changes)


@pytest.fixture
async def board(world: World) -> Board:
    owner = await world.sign_up("owner")
    return Board(world, owner, await world.organisation(owner, "Στέκι"))


@pytest.fixture
async def reader(world: World) -> Reader:
    return Reader(world, None)


async def test_a_card_says_what_people_look_for(board: Board, reader: Reader) -> None:
    need = await board.open(
        "Ο διακομιστής έπεσε", language="el", urgency="high", deadline="2030-03-29",
        estimate_minutes=150, body="# Τίτλος\n\nΈχουμε **αντίγραφα**. <!-- σχόλιο --> https://x.example/y",
    )  # fmt: skip
    card = (await reader.open("/needs")).main.one("li", class_="card")
    assert card.one("h3").attributes["lang"] == "el"
    assert card.one("h3").one("a").attributes["href"] == f"/needs/{need['id']}"
    assert card.one("span", class_="urgent").text == "Urgent"
    assert card.one("span", class_="state open").text == "Open"
    assert card.one("abbr", class_="lang").text == "EL"
    assert card.one("p").text == "Έχουμε αντίγραφα."
    assert [dd.text for dd in card.all("dd")] == ["Στέκι", "2 h 30 min", "29 Mar 2030"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Poster", "Server", "Vertaling"]),
        ("q=server", ["Server"]),
        ("q=SÉRVER", ["Server"]),
        ("skill=wordpress", ["Poster", "Vertaling"]),
        ("hours=2", ["Poster"]),
        ("stream=paid", ["Server"]),
        ("urgency=high", ["Vertaling"]),
        ("language=nl", ["Vertaling"]),
        ("language=nl&language=en", ["Poster", "Server", "Vertaling"]),
        ("skill=wordpress&hours=2&language=en", ["Poster"]),
        # What means nothing narrows nothing: addresses are shared, typed and cut off.
        ("skill=nonsense&hours=ten&stream=x&urgency=&organisation=1&language=", None),
        ("kind=nonsense&unknown=1&utm_source=x", None),
    ],
)
async def test_filters_narrow_the_list(
    board: Board, reader: Reader, query: str, found: list[str] | None
) -> None:
    await board.open("Poster", estimate_minutes=60)
    amount = {"minor": 9_000, "currency": "EUR"}
    await board.open("Server", stream="paid", amount=amount, skills=[{"slug": "postgresql"}])
    await board.open("Vertaling", language="nl", urgency="high")
    page = await reader.open(f"/needs?{query}")
    assert sorted(titles(page)) == (found or ["Poster", "Server", "Vertaling"])


async def test_the_list_is_narrowed_to_one_organisation(board: Board, reader: Reader) -> None:
    await board.open("Ours")
    other = await board.world.organisation(board.owner, "Forn Roig")
    await board.world.open_need(board.owner, other, title="Theirs", audience="public")
    page = await reader.open(f"/needs?organisation={other['id']}")
    assert titles(page) == ["Theirs"]
    assert page.form("/needs")["organisation"] == other["id"]


async def test_the_form_keeps_what_was_asked_for(board: Board, reader: Reader) -> None:
    await board.open("Poster")
    query = "q=post&skill=wordpress&hours=8&urgency=normal&language=en"
    page = await reader.open(f"/needs?{query}")
    form = page.form("/needs")
    assert (form["q"], form["skill"], form["hours"]) == ("post", "wordpress", "8")
    assert (form["urgency"], form["language"]) == ("normal", "en")
    assert page.main.one("summary").text == "5 filters on"
    assert not page.main.one("details", class_="filters").all("input", id="q"), "never folded away"
    assert page.main.one("p", role="status").text == "1 need found"
    assert not (await reader.open("/needs")).main.all("p", role="status")
    assert page.link("Clear all filters") == "/needs"


async def test_each_choice_says_how_many_needs_it_leaves(board: Board, reader: Reader) -> None:
    await board.open("Poster", estimate_minutes=60)
    need = await board.open("Server", estimate_minutes=600, urgency="high")
    async with board.world.runtime.engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE needs SET origin_instance = 'south.example',"
                " organisation_id = NULL, origin_url = 'https://south.example/1' WHERE id = :id"
            ),
            {"id": need["id"]},
        )
    page = await reader.open("/needs")
    shown = {
        field: [option.text for option in page.main.one("select", id=field).all("option")]
        for field in ("hours", "organisation", "instance", "urgency")
    }
    assert shown["hours"][1:3] == ["Up to 1 h (1)", "Up to 2 h (1)"]
    assert shown["organisation"] == ["All", "Στέκι (1)"]
    assert shown["instance"] == ["All instances", "This instance (1)", "south.example (1)"]
    assert shown["urgency"][1:3] == ["Urgent (1)", "Normal (1)"]
    assert titles(await reader.open("/needs?instance=https%3A%2F%2Fsouth.example")) == ["Server"]
    assert titles(await reader.open("/needs?instance=here")) == ["Poster"]
    assert len(titles(await reader.open("/needs?instance=nonsense"))) == 2


async def test_typed_words_are_answered_by_the_best_first(board: Board, reader: Reader) -> None:
    await board.open("Something", body="with a radio", deadline="2030-01-01")
    await board.open("Radio")
    form = (await reader.open("/needs")).form("/needs")
    assert form["sort"] == ""
    page = await reader.open("/needs?q=radio&sort=")
    assert titles(page) == ["Radio", "Something"]
    assert titles(await reader.open("/needs?q=radio&sort=soonest")) == ["Something", "Radio"]


async def test_what_the_language_filter_hides_is_counted_and_one_click_away(
    board: Board, reader: Reader
) -> None:
    await board.open("Poster")
    await board.open("Vertaling", language="nl")
    await board.open("Server", language="nl")
    page = await reader.open("/needs?q=&language=en&urgency=normal")
    assert titles(page) == ["Poster"]
    more = page.link("2 more in other languages")
    assert more == "/needs?urgency=normal"
    assert len(titles(await reader.open(more))) == 3


async def test_pages_follow_each_other_without_gap_or_repetition(
    board: Board, reader: Reader
) -> None:
    for number in range(30):
        await board.open(f"Need {number}", deadline="2030-01-01" if number % 2 else None)
    first = await reader.open("/needs?language=en")
    await board.open("Newcomer")
    second = await reader.open(first.link("Next page"))
    seen = titles(first) + titles(second)
    assert len(titles(first)) == 20
    assert sorted(set(seen) - {"Newcomer"}) == sorted(f"Need {n}" for n in range(30))
    assert len(seen) == len(set(seen))
    assert second.link("Back to the start") == "/needs?language=en"
    assert second.main.all("a", rel="next") == []


async def test_a_cursor_that_is_none_is_refused_as_a_page(reader: Reader) -> None:
    page = await reader.open("/needs?cursor=nonsense", status=422)
    assert page.main.text


async def test_an_empty_list_says_why_and_offers_an_act(board: Board, reader: Reader) -> None:
    nothing = await reader.open("/needs")
    assert nothing.main.one("div", class_="empty").one("a").attributes["href"] == "/ask"
    await board.open("Poster")
    filtered = await reader.open("/needs?q=zebra")
    assert filtered.main.one("div", class_="empty").one("a").attributes["href"] == "/needs"


async def test_needs_for_members_and_peers_are_not_for_strangers(
    board: Board, reader: Reader
) -> None:
    await board.open("Public")
    await board.open("Inside", audience="instance")
    await board.world.draft(board.owner, board.organisation, title="Draft", audience="public")
    assert titles(await reader.open("/needs")) == ["Public"]
    inside = Reader(board.world, board.owner)
    assert sorted(titles(await inside.open("/needs"))) == ["Inside", "Public"]


async def test_the_front_page_shows_the_newest_needs_and_the_skills_asked_for(
    board: Board, reader: Reader
) -> None:
    for number in range(8):
        await board.open(f"Need {number}", skills=[{"slug": "postgresql"}])
    page = await reader.open("/")
    assert titles(page) == [f"Need {number}" for number in range(7, 1, -1)]
    counts = {dt.text: dd.text for dt, dd in zip(
        page.main.one("dl", class_="counts").all("dt"),
        page.main.one("dl", class_="counts").all("dd"), strict=True,
    )}  # fmt: skip
    assert counts == {"open needs": "8", "organisation": "1", "peer instances": "0"}
    pill = page.main.one("a", class_="pill")
    assert (pill.attributes["href"], pill.text) == ("/needs?skill=postgresql", "PostgreSQL 8")


async def test_an_organisation_is_found_and_shows_its_needs(board: Board, reader: Reader) -> None:
    await board.open("Poster")
    await board.world.draft(board.owner, board.organisation, title="Draft")
    found = await reader.open("/organisations?q=στεκι")
    address = found.link("Στέκι")
    page = await reader.open(address)
    assert page.title == "Στέκι"
    assert titles(page) == ["Poster"]
    own = await Reader(board.world, board.owner).open(address)
    assert sorted(titles(own)) == ["Draft", "Poster"]
    nobody = await reader.open("/organisations?q=zebra")
    assert nobody.main.one("div", class_="empty").one("a").attributes["href"] == "/organisations"
