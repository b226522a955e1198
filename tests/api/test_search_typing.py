"""What people type into a search: signs, quotes, minus, too little, too much. Never an error."""

from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories.world import World
from tests.pages.reading import Reader
from tests.pages.test_needs_list import titles as cards

TITLES = {
    "en": "AI radio for the kitchen",
    "nl": "De radio van de huurders",
    "es": "Una web sin radio_libre",
    "ca": "R i C# a l'arxiu; wordpress.org",
    "el": "Και το ράδιο της γειτονιάς",
}
ALL = set(TITLES)
RADIO = {"en", "nl", "es"}
# What is typed, and the languages of the needs that it finds.
TYPED: tuple[tuple[str, set[str]], ...] = (
    # nothing to look for: the list as it is
    ("", ALL), ("   ", ALL), ("!?…", ALL), ("&", ALL), ("'", ALL), ('"', ALL), ('""', ALL),
    ("-", ALL), ("- -", ALL), ("()", ALL), (":*", ALL), ("\\", ALL), ("%", ALL), ("_", ALL),
    ("😀", ALL), ("<->", ALL), ("\t\n", ALL),
    # short words are whole words
    ("AI", {"en"}), ("ai", {"en"}), ("r", {"ca"}), ("C#", {"ca"}), ("ra", set()), ("rad", RADIO),
    # articles alone are looked for, beside other words they are left out
    ("de", {"nl"}), ("the", {"en"}), ("και", {"el"}), ("the huurders", {"nl"}),
    ("de het een", set()),
    # quotes
    ('"radio van"', {"nl"}), ('"van radio"', set()), ('"radio van', RADIO), ('radio"', RADIO),
    ('"" radio', RADIO), ("“AI radio”", {"en"}),
    ('"the"', {"en"}), ('"RÁDIO van"', {"nl"}),
    # minus
    ("radio -kitchen", {"nl", "es"}), ("-radio", {"ca", "el"}), ('radio -"for the"', {"nl", "es"}),
    ("radio -kitchen -huurder", {"es"}), ("radio-kitchen", {"en"}), ("radio - kitchen", {"en"}),
    ("--radio", RADIO), ("-nothing", ALL), ('-"', ALL), ("radio -radio", set()),
    # operators and statements are words or nothing
    ("radio & kitchen", {"en"}), ("radio|kitchen", {"en"}), ("!radio", RADIO),
    ("radio:*", RADIO), ("radio <-> van", RADIO), ("(radio", RADIO),
    ("radio:A", RADIO), ("'radio'", RADIO), ("radio'); DROP TABLE needs; --", set()),
    ("%radio%", RADIO), ("=l:en", {"ca"}), ("~en:radio", RADIO), ("radio\\", RADIO),
    # signs join and part words
    ("wordpress.org", {"ca"}), ("wordpress org", {"ca"}), ("l'arxiu", {"ca"}),
    ("radio_libre", {"es"}),
    ("libre", {"es"}), ("RADIO_LIBRE", {"es"}), ("https://wordpress.org/", set()),
)  # fmt: skip
SIGNS = st.lists(
    st.sampled_from(
        [*"\"'-−&|!()<>:*\\%_=~.,;/ \t·•", *"radioRς̈́lïñЖ中٣ﬁ½\u200d\ufeff😀", "l·l", "radio", " -"]
    ),
    max_size=40,
).map("".join)


@pytest.fixture
async def filled(world: World) -> World:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner, "Brot")
    for language, title in TITLES.items():
        said = {"title": title, "language": language, "body": "", "audience": "public"}
        await world.open_need(owner, organisation, **said, skills=[{"slug": "postgresql"}])
    return world


async def test_what_is_typed_finds_what_is_meant(filled: World) -> None:
    stranger, reader = filled.stranger(), Reader(filled, None)
    wrong = []
    for typed, expected in TYPED:
        page = await stranger.get("/needs", q=typed)
        found = {need["language"] for need in page["items"]}
        assert page["total_estimate"] == len(page["items"]), typed
        if found != expected:
            wrong.append((typed, found, expected))
        shown = await reader.open(f"/needs?{urlencode({'q': typed})}")
        assert {TITLES[language] for language in found} == set(cards(shown)), typed
        facets = await stranger.get("/needs/facets", q=typed)
        assert facets["language"] == dict.fromkeys(found, 1), typed
    assert not wrong, "\n".join(map(str, wrong))


async def test_too_much_is_cut_on_the_page_and_refused_with_a_reason_by_the_api(
    filled: World,
) -> None:
    stranger, reader = filled.stranger(), Reader(filled, None)
    for long in ("radio " * 50, "radio" * 60, "ρ" * 300, '"' * 300, "-a " * 100, "😀" * 300):
        page = await reader.open(f"/needs?{urlencode({'q': long})}")
        kept = page.form("/needs")["q"]
        assert long.startswith(kept)
        assert 150 <= len(kept) <= 200
        answer = await stranger.ask("GET", "/needs", params={"q": long})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "?q")
    assert set(cards(await reader.open(f"/needs?{urlencode({'q': 'radio ' * 50})}"))) == {
        TITLES[language] for language in ("en", "nl", "es")
    }


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=SIGNS, region=SIGNS, sort=st.sampled_from(["", "best", "newest", "soonest"]))
async def test_nothing_that_is_typed_breaks_a_list(
    filled: World, typed: str, region: str, sort: str
) -> None:
    stranger = filled.people[-1]
    asked = {"q": typed, "region": region, "sort": sort}
    page = await stranger.get("/needs", limit=2, **asked)
    seen = [need["id"] for need in page["items"]]
    while page["next_cursor"]:
        page = await stranger.get("/needs", limit=2, cursor=page["next_cursor"], **asked)
        seen += [need["id"] for need in page["items"]]
    whole = await stranger.get("/needs", limit=100, **asked)
    assert seen == [need["id"] for need in whole["items"]]
    assert len(seen) == len(set(seen)) == whole["total_estimate"]
    facets = await stranger.get("/needs/facets", **asked)
    assert sum(facets["language"].values()) == len(seen)
