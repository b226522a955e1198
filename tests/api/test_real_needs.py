"""All 968 real needs: each is found by its words, stands once in every list, and opens."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from app.main import create_app
from tests.conftest import Services, empty, make_settings
from tests.factories.real import COUNT, import_real_needs, real_needs
from tests.factories.world import Json, Person, World
from tests.pages.reading import Reader

SLICES = 4
LANGUAGES = ("en", "el", "ca", "nl", "es")
WORD = re.compile(r"[^\W_]{3,}")
ACCENTED = str.maketrans("aeiouncAEIOUNC", "áèîöúñçÁÈÎÖÚÑÇ")
# How people type what they look for; each need's words are asked for in two of these.
FORMS: tuple[Callable[[str], str], ...] = (
    str.lower,
    str.upper,
    lambda said: said.translate(ACCENTED),
    lambda said: re.sub("ll", "l·l", said.lower()),
    lambda said: re.sub("LL", "L.L", said.upper()),
    lambda said: " ".join(reversed(said.split())),
)


@dataclass
class Real:
    """An instance that holds the real needs, the rows they came from, and a reader."""

    world: World
    rows: list[Json]
    person: Person

    async def every(self, **query: str | int) -> list[Json]:
        """Walk a list by its cursors to the end."""
        found: list[Json] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.person.get("/needs", limit=100, **query, **cursor)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}


@pytest.fixture(scope="module")
async def real(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Real]:
    """The file is imported once for all tests of this module, which only read."""
    rows = real_needs()
    application = create_app(make_settings(services, tmp_path_factory.mktemp("real")))
    async with application.router.lifespan_context(application):
        world = World(application)
        job = await import_real_needs(world)
        assert (job["state"], job["result"]["create"]) == ("done", COUNT), job
        yield Real(world, rows, world.stranger())
    await empty(services.owner_url)


def slices(rows: list[Json], number: int) -> list[Json]:
    return rows[number::SLICES]


def rare_words(rows: list[Json]) -> dict[str, list[str]]:
    """Return of each row the three words that the fewest others have, as it writes them."""
    said = {row["external_id"]: WORD.findall(f"{row['title']} {row['body']}") for row in rows}
    common = Counter(word for words in said.values() for word in {w.lower() for w in words})
    return {
        key: sorted(dict.fromkeys(words), key=lambda w: (common[w.lower()], -len(w), w))[:3]
        for key, words in said.items()
    }


async def test_every_need_stands_once_in_each_list(real: Real) -> None:
    expected = sorted(row["external_id"] for row in real.rows)
    lists: tuple[dict[str, str | int], ...] = (
        {}, {"sort": "newest"}, {"sort": "soonest", "language": "en"}, {"q": "help"},
        {"q": "helping", "sort": "newest"},
    )  # fmt: skip
    for query in lists:
        found = await real.every(**query)
        assert sorted(need["external_id"] for need in found) == expected, query
        titles = {need["external_id"]: need["title"] for need in found}
        assert titles == {row["external_id"]: row["title"] for row in real.rows}, query


@pytest.mark.parametrize("number", range(SLICES))
async def test_every_need_is_found_by_its_words(real: Real, number: int) -> None:
    words = rare_words(real.rows)
    asked = [
        (row, said)
        for position, row in enumerate(slices(real.rows, number))
        for said in (
            FORMS[position % len(FORMS)](" ".join(words[row["external_id"]])),
            row["title"],
        )
    ]
    missed = [(row["external_id"], q) for row, q in asked if not await is_found(real, row, q)]
    assert not missed, "\n".join(map(str, missed))


async def is_found(real: Real, row: Json, asked: str) -> bool:
    """Say whether a search finds a need; nearly all do on their first lines."""
    first = await real.person.get("/needs", q=asked, limit=5)
    if row["external_id"] in {need["external_id"] for need in first["items"]}:
        return True
    found = await real.every(q=asked) if first["next_cursor"] else []
    return row["external_id"] in {need["external_id"] for need in found}


@pytest.mark.parametrize("number", range(SLICES))
async def test_every_need_opens_as_a_page_and_for_programs(real: Real, number: int) -> None:
    needs = {need["external_id"]: need for need in await real.every(sort="newest")}
    language = LANGUAGES[number % len(LANGUAGES)]
    reader = Reader(real.world, None, language=language)
    for row in slices(real.rows, number):
        need_id = needs[row["external_id"]]["id"]
        need = await real.person.get(f"/needs/{need_id}")
        assert (need["title"], need["language"]) == (row["title"], row["language"])
        assert need["body"].split() == row["body"].split()
        page = await reader.open(f"/needs/{need_id}")
        assert page.title == " ".join(row["title"].split())
        assert page.document.one("html").attributes["lang"] == language


async def test_every_need_is_on_one_page_of_the_list(real: Real) -> None:
    reader = Reader(real.world, None)
    address, seen = "/needs", []
    while address:
        page = await reader.open(address)
        for card in page.main.all("li", class_="card"):
            link = card.one("h3").one("a")
            seen.append((link.attributes["href"].rpartition("/")[2], link.text))
        following = page.main.all("a", rel="next")
        address = following[0].attributes["href"] if following else ""
    expected = [(need["id"], " ".join(need["title"].split())) for need in await real.every()]
    assert seen == expected
