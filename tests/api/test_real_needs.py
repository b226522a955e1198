"""All 968 real needs: each is found by its words, stands once in every list, and opens."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from tests.conftest import Services, empty, make_settings
from tests.factories.application import make_application
from tests.factories.real import COUNT, import_real_needs, real_needs
from tests.factories.world import Json, Person, World
from tests.pages.reading import Reader

# What the file lacks: needs in the other languages, with letters that people leave out.
ADDED: dict[str, tuple[str, str, str]] = {
    "sisyphos": ("el", "Ιστοσελίδα για τον συνεταιρισμό «Ο Σίσυφος»",
                 "Θέλουμε να μεταφέρουμε τις σελίδες μας. Το γράφουν οι εργάτριες και οι εργάτες."),
    "leaflet": ("el", "Μετάφραση φυλλαδίου για πρόσφυγες",
                "Δέκα σελίδες από τα ελληνικά, για το σχολείο της γειτονιάς."),
    "parallel": ("ca", "Pàgina web per al col·lectiu Paral·lel",
                 "Som una cooperativa d'habitatge a l'Hospitalet; cal dissenyar cançoners."),
    "network": ("ca", "Instal·lació d'una xarxa sense fils a la plaça",
                "Busquem gent que entengui d'antenes i vulgui aprendre'n amb el veïnat."),
    "tenants": ("nl", "Vertaling voor een coöperatie van huurders",
                "Geïnteresseerde vrijwilligers zijn welkom op onze reünie."),
    "foodbank": ("nl", "Website voor de voedselbank in België",
                 "Wij zoeken iemand met ideeën die onze gegevens beheert."),
    "posters": ("es", "Diseño de carteles para la asociación de vecinas",
                "Campaña en el barrio: señalización, folletos y un pingüino."),
    "server": ("es", "Migración del servidor a una máquina pequeña",
               "Con copias de seguridad y una explicación para quienes la cuidarán."),
}  # fmt: skip
# Per language: what is typed, and which of the added needs it must find, and no other of them.
TABLE: dict[str, tuple[tuple[str, set[str]], ...]] = {
    "el": (
        ("μεταφραση", {"leaflet"}), ("ΜΕΤΑΦΡΑΣΗ", {"leaflet"}), ("φυλλάδιο", {"leaflet"}),
        ("Μετάφραση φυλλαδίου", {"leaflet"}),
        ("σισυφος", {"sisyphos"}), ("σισυφοσ", {"sisyphos"}), ("ΣΊΣΥΦΟΣ", {"sisyphos"}),
        ("Σίσυφος", {"sisyphos"}), ("συνεταιρισμος", {"sisyphos"}), ("εργατες", {"sisyphos"}),
        ("εργατεσ", {"sisyphos"}), ("προσφυγες", {"leaflet"}), ("ΠΡΟΣΦΥΓΕΣ", {"leaflet"}),
        ("σελιδες", {"sisyphos", "leaflet"}), ("σελίδα", {"sisyphos", "leaflet"}),
        ("«Ο Σίσυφος»", {"sisyphos"}), ("ιστοσελιδα μεταφραση", set()),
    ),
    "ca": (
        ("col·lectiu", {"parallel"}), ("collectiu", {"parallel"}), ("col.lectiu", {"parallel"}),
        ("COL·LECTIU", {"parallel"}), ("col•lectiu", {"parallel"}), ("collectius", {"parallel"}),
        ("parallel", {"parallel"}), ("Paral·lel", {"parallel"}), ("pagina", {"parallel"}),
        ("PÀGINES", {"parallel"}), ("cancons", {"parallel"}), ("cançoner", {"parallel"}),
        ("cançoners", {"parallel"}), ("instal·lacions", {"network"}), ("INSTALLACIO", {"network"}),
        ("veinat", {"network"}), ("placa", {"network"}), ("l'hospitalet", {"parallel"}),
        ("col·lectiu -paral·lel", set()),
    ),
    "nl": (
        ("cooperatie", {"tenants"}), ("COÖPERATIES", {"tenants"}), ("coöperatie", {"tenants"}),
        ("cooperaties huurder", {"tenants"}),
        ("geinteresseerd", {"tenants"}), ("reunie", {"tenants"}), ("vertalingen", {"tenants"}),
        ("belgie", {"foodbank"}), ("BELGIË", {"foodbank"}), ("ideeen", {"foodbank"}),
        ("ideeën", {"foodbank"}), ("voedselbanken", {"foodbank"}), ("huurder", {"tenants"}),
        ("voor", {"tenants", "foodbank"}),
    ),
    "es": (
        ("diseno", {"posters"}), ("diseños", {"posters"}), ("DISEÑO", {"posters"}),
        ("asociacion", {"posters"}), ("asociaciones", {"posters"}), ("vecina", {"posters"}),
        ("campana", {"posters"}), ("senalizacion", {"posters"}), ("pinguino", {"posters"}),
        ("migracion", {"server"}), ("maquinas", {"server"}), ("MÁQUINA PEQUEÑA", {"server"}),
        ('"copias de seguridad"', {"server"}), ('"seguridad de copias"', set()),
        ("explicaciones", {"server"}),
    ),
}  # fmt: skip
# Of the file's own needs: what is typed, and some that it must find.
REAL_TABLE: tuple[tuple[str, set[str]], ...] = (
    ("wikipedia for food", {"Open Food Facts Android app"}),
    ("éxecutable documentátion", set()),
    ("Mission Pinball Framework", {"Mission Pinball Framework"}),
    ("mission pinball frameworks", {"Mission Pinball Framework"}),
    ('"pinball machines"', {"Mission Pinball Framework"}),
    ("ÓPENVINO", {"OpenVINO"}),
    ("deutschland parliaments", {"DEMOCRACY Deutschland"}),
    ("parliament -deutschland", set()),
    ("exams scanner", {"OMRChecker"}),
    ("upfor grabs opentelemetry", set()),
)

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
    added: dict[str, str]

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
    application = make_application(make_settings(services, tmp_path_factory.mktemp("real")))
    async with application.router.lifespan_context(application):
        world = World(application)
        job = await import_real_needs(world)
        assert (job["state"], job["result"]["create"]) == ("done", COUNT), job
        yield Real(world, rows, world.stranger(), await add_needs(world))
    await empty(services.owner_url)


async def add_needs(world: World) -> dict[str, str]:
    """Post the needs that the file lacks; return the key of each by its id."""
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner, "Forn Roig")
    added = {}
    for key, (language, title, body) in ADDED.items():
        said = {"title": title, "body": body, "language": language, "audience": "public"}
        need = await world.open_need(owner, organisation, **said)
        added[need["id"]] = key
    return added


def imported(found: list[Json]) -> list[Json]:
    return [need for need in found if need["external_id"] is not None]


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
        found = imported(await real.every(**query))
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
    needs = {need["external_id"]: need for need in imported(await real.every(sort="newest"))}
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


@pytest.mark.parametrize("language", TABLE)
@pytest.mark.parametrize("chosen", [True, False], ids=["in-its-language", "in-any"])
async def test_words_find_what_they_should(real: Real, language: str, chosen: bool) -> None:
    narrowed: dict[str, str | int] = {"language": language} if chosen else {}
    wrong = []
    for asked, expected in TABLE[language]:
        found = await real.every(q=asked, **narrowed)
        hit = {real.added[need["id"]] for need in found if need["id"] in real.added}
        if hit != expected:
            wrong.append((asked, hit, expected))
    assert not wrong, "\n".join(map(str, wrong))


async def test_words_of_real_needs_find_them(real: Real) -> None:
    wrong = []
    for asked, expected in REAL_TABLE:
        found = {need["title"].partition(": help")[0] for need in await real.every(q=asked)}
        if not expected <= found or (not expected and found):
            wrong.append((asked, found, expected))
    assert not wrong, "\n".join(map(str, wrong))


async def test_the_hidden_are_all_real_needs(real: Real) -> None:
    page = await real.person.get("/needs", language="el")
    assert (len(page["items"]), page["hidden_by_language"]) == (2, COUNT + 6)
    counts = (await real.person.get("/needs/facets"))["language"]
    assert counts == {"en": COUNT, "el": 2, "ca": 2, "nl": 2, "es": 2}
