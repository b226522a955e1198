"""Lists of needs beside a plain reading of the same facts: any filters, any reader, any guess.

What the planner is said to know is invented anew for each list, and the limits that choose how a
list is read are small, so that every way of reading is gone: a wrong guess may cost time, never
a need.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.domain.needs import search, walking
from app.domain.needs.rules import PUBLISHED, search_text_for
from app.infra.database import transaction
from app.infra.ids import public_id
from app.models.needs import Audience, Need, NeedKind, NeedState, Stream, Urgency
from tests.factories.world import Json, Person, World

# Each word as a need says it, and as people may type it; none begins another, none is an article.
WORDS = {
    "Δίκτυο": ("δικτυο", "ΔΙΚΤΥΟ", "Δίκτυο"),
    "Σίσυφος": ("σισυφος", "ΣΙΣΥΦΟΣ", "σίσυφοσ"),
    "col·lectiu": ("collectiu", "COL·LECTIU", "col.lectiu", "col•lectiu"),
    "cançó": ("canco", "CANÇÓ", "cançó"),
    "coöperatie": ("cooperatie", "Coöperaties", "COÖPERATIE"),
    "señal": ("senal", "SEÑAL", "señal"),
    "Straße": ("strasse", "STRASSE", "straße"),
    "музыка": ("музыка", "МУЗЫКА"),
    "مدرسة": ("مدرسة",),
    "网络": ("网络",),
    "workshop": ("workshop", "Workshops", "wórkshop"),
}
LANGUAGES = ("en", "el", "ca", "nl", "es", "pt-BR")
SKILLS = ("wordpress", "postgresql", "python")
REGIONS = ("", "Girona", "Àrea de Barcelona", "Αθήνα")
INSTANCES = (None, "https://south.example")
STATES = (NeedState.OPEN,) * 9 + tuple(NeedState)
# Stand for the two organisations until there are some.
HOMES = (UUID(int=1), UUID(int=2))
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
FACETS: dict[str, Callable[[Need], list[str]]] = {
    "kind": lambda need: [need.kind],
    "stream": lambda need: [need.stream],
    "urgency": lambda need: [need.urgency],
    "language": lambda need: [need.language.lower().partition("-")[0]],
    "skill": lambda need: need.skill_slugs,
    "remote": lambda need: [str(need.remote).lower()],
    "hours": lambda need: [
        str(n) for n in (1, 2, 4, 8, 20, 40) if (need.estimate_minutes or 10**6) <= n * 60
    ],
    "organisation": lambda need: [str(need.organisation_id)] if need.organisation_id else [],
    "instance": lambda need: [need.origin_instance or "here"],
}
# Under which name a list is narrowed by what is counted.
NARROWED_BY = {"hours": "hours_max"}


@dataclass
class Readers:
    """Who reads: a stranger, somebody signed in, a member of one organisation, a steward."""

    world: World
    people: dict[str, Person]
    organisations: list[Json]

    async def sql(self, statement: str) -> None:
        async with self.world.runtime.engine.begin() as connection:
            await connection.execute(text(statement))


@pytest.fixture
async def readers(world: World, monkeypatch: pytest.MonkeyPatch) -> Readers:
    for name, small in (("BEST_AMONG", 4), ("WALK_MAX", 40), ("WALK_HEAVY_MAX", 20),
                        ("SORTED_MAX", 50), ("BEST_LOOKED_UP", 30)):  # fmt: skip
        monkeypatch.setattr(walking, name, small)
    steward = await world.set_up()
    member, other = await world.sign_up("member"), await world.sign_up("other")
    made = [await world.organisation(member, "Ours"), await world.organisation(other, "Theirs")]
    people = {"steward": steward, "member": member, "stranger": world.stranger()}
    people["signed in"] = await world.sign_up("anybody")
    return Readers(world, people, made)


@st.composite
def any_need(draw: st.DrawFn) -> Need:
    """Make any need of ours or of a peer."""
    said = st.lists(st.sampled_from(list(WORDS)), max_size=6)
    instance = draw(st.sampled_from(INSTANCES))
    places = draw(st.integers(1, 2))
    need = Need(
        id=UUID(int=0),  # given when it is put there
        organisation_id=None if instance else draw(st.sampled_from(HOMES)),
        organisation_name="x",
        origin_instance=instance,
        origin_url=instance,
        state=draw(st.sampled_from(STATES)),
        title="z " + " ".join(draw(said)),
        body=" ".join(draw(said)),
        language=draw(st.sampled_from(LANGUAGES)),
        kind=draw(st.sampled_from(list(NeedKind)[:3])),
        stream=draw(st.sampled_from(Stream)),
        urgency=draw(st.sampled_from(Urgency)),
        skill_slugs=draw(st.lists(st.sampled_from(SKILLS), unique=True)),
        estimate_minutes=draw(st.none() | st.integers(1, 900)),
        places=places,
        taken=draw(st.integers(0, places)),
        deadline=draw(st.none() | st.dates(date(2026, 4, 1), date(2026, 4, 5)) | st.just(date.max)),
        remote=draw(st.booleans()),
        region=draw(st.sampled_from(REGIONS)),
        audience=draw(st.sampled_from([Audience.PUBLIC, Audience.PUBLIC, Audience.INSTANCE])),
        published_at=BEGIN + timedelta(hours=draw(st.integers(0, 5))),
    )
    need.search_text = search_text_for(need)
    return need


@dataclass
class Asked:
    """What is asked of a list, and by whom; `words` as (what needs say, what is typed)."""

    who: str
    params: dict[str, Any] = field(default_factory=dict)
    words: list[tuple[str, str]] = field(default_factory=list)
    without: list[tuple[str, str]] = field(default_factory=list)

    @property
    def query(self) -> dict[str, Any]:
        typed = [said for _, said in self.words] + [f"-{said}" for _, said in self.without]
        return {**self.params, **({"q": " ".join(typed)} if typed else {})}


@st.composite
def questions(draw: st.DrawFn) -> Asked:
    """Ask anything that a list can be asked."""
    word = st.sampled_from([(word, said) for word, all_of in WORDS.items() for said in all_of])
    optional = {
        "language": st.lists(
            st.sampled_from(["en", "el", "ca", "pt", "pt-BR", "de"]), min_size=1, max_size=3
        ),
        "skill": st.lists(st.sampled_from(SKILLS), min_size=1, max_size=2, unique=True),
        "hours_max": st.integers(1, 15),
        "stream": st.sampled_from(Stream).map(str),
        "kind": st.sampled_from(list(NeedKind)[:3]).map(str),
        "urgency": st.sampled_from(Urgency).map(str),
        "region": st.sampled_from(["giro", "AREA", "barcelona àrea", "αθηνα", "nowhere", "de"]),
        "organisation": st.sampled_from(HOMES),
        "instance": st.sampled_from(["here", "https://south.example", "https://north.example"]),
        "remote": st.sampled_from(["true", "false"]),
        "state": st.sampled_from(["open", "any", "paused", "done"]),
        "sort": st.sampled_from(["soonest", "newest", "best"]),
    }

    names = draw(st.lists(st.sampled_from(list(optional)), unique=True, max_size=4))
    who = draw(st.sampled_from(["stranger", "stranger", "signed in", "member", "steward"]))
    said = draw(st.lists(word, max_size=2, unique_by=lambda pair: pair[0]))
    left_out = draw(st.lists(word, max_size=1)) if draw(st.integers(0, 3)) == 0 else []
    return Asked(who, {name: draw(optional[name]) for name in names}, said, left_out)


def statistics() -> st.SearchStrategy[search.Statistics]:
    """Invent what the planner knows; `at` is set when it is used."""
    terms = [f"=l:{code}" for code in LANGUAGES] + [f"=s:{slug}" for slug in SKILLS]
    terms += ["=i:here", "=w:gift", "=u:high", "=m:true", "=h:8", "workshop", "collectiu"]
    shares = st.dictionaries(st.sampled_from(terms), st.floats(0.001, 1.0))
    return st.builds(
        lambda rows, said: search.Statistics(rows, said, sorted(said), 0.001),
        st.sampled_from([0.0, 30.0, 500.0, 1e6]),
        shares,
    )


def fits(need: Need, asked: Asked, ours: str, *, but: str = "") -> bool:
    """Say whether a need is in a list, by reading it and nothing else."""
    params = {name: value for name, value in asked.params.items() if name != but}
    return (
        _is_shown(need, asked, "" if but == "organisation" else ours)
        and _has_words(need, asked)
        and all(_CHECKS[name](need, value) for name, value in params.items() if name in _CHECKS)
    )


def _is_shown(need: Need, asked: Asked, ours: str) -> bool:
    own = asked.who == "member" and asked.params.get("organisation") == ours
    everything = asked.who == "steward" or own
    if need.state not in PUBLISHED and not everything:
        return False
    if need.audience is not Audience.PUBLIC and asked.who == "stranger":
        return False
    state = asked.params.get("state", "open")
    if state == "any":
        return True
    return need.state.value == state and (state != "open" or need.taken < need.places)


def _has_words(need: Need, asked: Asked) -> bool:
    words = f"{need.title} {need.body}".split()
    return all(word in words for word, _ in asked.words) and not any(
        word in words for word, _ in asked.without
    )


def _is_in(need: Need, codes: list[str]) -> bool:
    own = need.language.lower()
    return bool({own, own.partition("-")[0]} & {code.lower() for code in codes})


def _is_near(need: Need, said: str) -> bool:
    there = {"Girona": ["girona"], "Àrea de Barcelona": ["area", "de", "barcelona"],
             "Αθήνα": ["αθηνα"], "": []}[need.region]  # fmt: skip
    wanted = said.lower().replace("à", "a").split()
    return all(any(word.startswith(start) for word in there) for start in wanted)


_CHECKS: dict[str, Callable[[Need, Any], bool]] = {
    "language": _is_in,
    "skill": lambda need, slugs: set(slugs) <= set(need.skill_slugs),
    "hours_max": lambda need, hours: (need.estimate_minutes or 10**6) <= hours * 60,
    "stream": lambda need, value: need.stream.value == value,
    "kind": lambda need, value: need.kind.value == value,
    "urgency": lambda need, value: need.urgency.value == value,
    "region": _is_near,
    "organisation": lambda need, value: str(need.organisation_id) == value,
    "instance": lambda need, value: (need.origin_instance or "here") == value,
    "remote": lambda need, value: need.remote is (value == "true"),
}


def in_order(needs: list[Need], sort: str) -> list[str]:
    """Sort as a list does; the best first has no plain reading, and is compared as a set."""
    found = sorted(needs, key=lambda need: (need.published_at, need.id), reverse=True)
    if sort != "newest":
        found.sort(key=lambda need: need.deadline or date.max)
    return [str(need.id) for need in found]


async def walk(readers: Readers, asked: Asked, limit: int, newcomer: Need | None) -> list[str]:
    """Go through a list page by page; another need comes in between the first two."""
    person = readers.people[asked.who]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await person.get("/needs", limit=limit, **asked.query, **cursor)
        seen += [need["id"] for need in page["items"]]
        if page["next_cursor"] is None:
            return seen
        cursor = {"cursor": page["next_cursor"]}
        if newcomer is not None:
            await put(readers, [newcomer])
            newcomer = None


async def put(readers: Readers, needs: list[Need]) -> None:
    async with transaction(readers.world.runtime.sessions) as session:
        for need in needs:
            need.id = public_id()
            need.origin_url = need.origin_url and f"{need.origin_instance}/needs/{need.id}"
            if need.organisation_id in HOMES:
                home = readers.organisations[HOMES.index(need.organisation_id)]
                need.organisation_id = UUID(home["id"])
            session.add(Need(**need.model_dump()))


async def compare(
    readers: Readers, needs: list[Need], asked: Asked, told: search.Statistics
) -> None:
    """Ask for the whole list, its counts and its facets, and read them off the facts."""
    ours = readers.organisations[0]["id"]
    expected = [need for need in needs if fits(need, asked, ours)]
    person = readers.people[asked.who]
    whole = await person.get("/needs", limit=100, **asked.query)
    ids, sort = [need["id"] for need in whole["items"]], asked.params.get("sort", "best")
    if asked.words and sort == "best":
        assert sorted(ids) == sorted(str(need.id) for need in expected)
    else:
        assert ids == in_order(expected, sort)
    if told.rows < walking.HIDDEN_COUNT_MAX:
        assert whole["total_estimate"] == len(expected)
    every = [need for need in needs if fits(need, asked, ours, but="language")]
    assert whole["hidden_by_language"] == len(every) - len(expected)
    facets = await person.get("/needs/facets", **asked.query)
    for name, values in FACETS.items():
        rest = [need for need in needs if fits(need, asked, ours, but=NARROWED_BY.get(name, name))]
        assert facets[name] == Counter(value for need in rest for value in values(need)), name


CASES = st.tuples(
    st.lists(any_need(), min_size=20, max_size=35),
    st.lists(
        st.tuples(questions(), statistics(), st.none() | any_need(), st.integers(1, 7)),
        min_size=4,
        max_size=4,
    ),
)


@settings(
    max_examples=15,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # a smaller case would take minutes of asking
)
@given(case=CASES)
async def test_lists_are_what_a_plain_reading_says(readers: Readers, case: Any) -> None:
    needs, asks = case
    await readers.sql("DELETE FROM need_listings")
    await put(readers, needs)
    for asked, told, newcomer, limit in asks:
        settle(readers, asked)
        told.at = monotonic()
        search._statistics[readers.world.runtime.engine.sync_engine] = told
        await compare(readers, needs, asked, told)
        whole = await readers.people[asked.who].get("/needs", limit=100, **asked.query)
        seen = await walk(readers, asked, limit, newcomer)
        assert len(seen) == len(set(seen))
        known = {str(need.id) for need in needs}
        assert [one for one in seen if one in known] == [need["id"] for need in whole["items"]]
        if newcomer is not None:
            await readers.sql(f"DELETE FROM need_listings WHERE need_id = '{newcomer.id}'")  # noqa: S608 - ours


def settle(readers: Readers, asked: Asked) -> None:
    """Name a real organisation where a question means one of the two."""
    home = asked.params.get("organisation")
    if home in HOMES:
        asked.params["organisation"] = readers.organisations[HOMES.index(home)]["id"]
