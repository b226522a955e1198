"""The score of a need and a worker: filters, parts that add up, nothing lost by knowing more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.matching.reasons import reason_text
from app.domain.matching.rules import (
    HALF_LIFE_DAYS,
    WHOLE,
    Moment,
    NeedFacts,
    WorkerFacts,
    aged,
    fit,
    free_minutes,
    freshness,
    need_for_worker,
    worker_for_need,
)
from app.domain.profiles.skills import SKILLS, near
from app.infra.i18n import LANGUAGES
from app.infra.week import GRID_BYTES, week_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MOMENT = Moment(NOW, week_of(NOW))
# A small part of the list, so that skills meet often, with their neighbours.
FEW = sorted({"python", "django", "fastapi", "html", "css", "frontend", "wordpress", "php"})

grids = st.binary(min_size=GRID_BYTES, max_size=GRID_BYTES)
rhythms = st.none() | st.tuples(grids, st.sampled_from(("Europe/Athens", "America/Lima")))
ages = st.integers(0, 400).map(lambda days: NOW - timedelta(days=days))
some_skills = st.frozensets(st.sampled_from(FEW), max_size=5)


@st.composite
def needs(draw: st.DrawFn) -> NeedFacts:
    skills = draw(some_skills)
    must = draw(st.frozensets(st.sampled_from(sorted(skills)))) if skills else frozenset()
    return NeedFacts(
        skills=skills,
        must=must,
        language=draw(st.sampled_from(("en", "el", "ca-valencia"))),
        estimate_minutes=draw(st.none() | st.integers(1, 60 * 24 * 366)),
        urgent=draw(st.booleans()),
        posted_at=draw(ages),
        rhythm=draw(rhythms),
    )


workers = st.builds(
    WorkerFacts,
    skills=some_skills,
    languages=st.frozensets(st.sampled_from(("en", "el-GR", "ca"))),
    free_minutes=st.integers(0, 80 * 60),
    saved_at=ages,
    rhythm=rhythms,
)


def total(need: NeedFacts, worker: WorkerFacts) -> int:
    parts = fit(need, worker, MOMENT, near)
    return sum(part.points for part in parts) if parts is not None else -1


@given(needs(), workers)
def test_the_parts_add_up_to_the_score_from_both_sides(
    need: NeedFacts, worker: WorkerFacts
) -> None:
    for score in (need_for_worker, worker_for_need):
        found = score(need, worker, MOMENT, near)
        if found is not None:
            assert sum(reason.points for reason in found.reasons) == found.points
            assert 0 <= found.points <= 100


@given(needs(), workers, st.sampled_from(FEW))
def test_one_more_skill_never_lowers_the_score(
    need: NeedFacts, worker: WorkerFacts, skill: str
) -> None:
    knows_more = replace(worker, skills=worker.skills | {skill})
    assert total(need, knows_more) >= total(need, worker)


@given(needs(), workers, st.integers(0, 4800))
def test_more_time_never_lowers_the_score(
    need: NeedFacts, worker: WorkerFacts, minutes: int
) -> None:
    freer = replace(worker, free_minutes=worker.free_minutes + minutes)
    assert total(need, freer) >= total(need, worker)


@given(needs(), workers)
def test_a_must_have_skill_and_a_language_filter(need: NeedFacts, worker: WorkerFacts) -> None:
    silent = replace(worker, languages=frozenset())
    assert need_for_worker(need, silent, MOMENT, near) is None
    assume(need.must)
    for slug in need.must:
        without = replace(worker, skills=worker.skills - {slug})
        assert need_for_worker(need, without, MOMENT, near) is None


@given(needs(), workers)
def test_nothing_in_common_is_no_match(need: NeedFacts, worker: WorkerFacts) -> None:
    reach = worker.skills | {other for slug in worker.skills for other in near(slug)}
    fits = fit(need, worker, MOMENT, near)
    if not need.skills & reach:
        assert fits is None
    if fits is not None:
        assert fits[0].points > 0


@given(st.integers(0, 100), st.integers(0, 2000), st.integers(0, 2000))
def test_age_takes_away_and_never_gives_back(points: int, days: int, more: int) -> None:
    assert aged(points, days + more) <= aged(points, days) <= points


def test_half_remains_after_a_half_life_and_a_quarter_after_two() -> None:
    assert [freshness(days) for days in (0, HALF_LIFE_DAYS, 2 * HALF_LIFE_DAYS, 5000)] == [
        WHOLE, WHOLE // 2, WHOLE // 4, WHOLE // 4,
    ]  # fmt: skip


def test_what_is_promised_is_spread_over_four_weeks_and_never_makes_less_than_nothing() -> None:
    assert free_minutes(5, 0) == 300
    assert free_minutes(5, 8 * 60) == 180
    assert free_minutes(1, 100 * 60) == 0


@given(needs(), workers)
def test_every_reason_has_words_in_five_languages(need: NeedFacts, worker: WorkerFacts) -> None:
    assume(need.skills)
    helper = replace(
        worker,
        skills=worker.skills | need.must | set(sorted(need.skills)[:1]),
        languages=worker.languages | {need.language},
    )
    found = need_for_worker(need, helper, MOMENT, near)
    assert found is not None
    for reason in found.reasons:
        for language in LANGUAGES:
            text = reason_text(language, reason)
            assert text
            assert "{" not in text
            assert not text.startswith("match.")


def test_one_and_several_are_said_as_people_say_them() -> None:
    need = NeedFacts(frozenset({"python"}), frozenset(), "el", 60, False, NOW)
    worker = WorkerFacts(frozenset({"python"}), frozenset({"el"}), 300, NOW)
    one = need_for_worker(need, worker, MOMENT, near)
    several = need_for_worker(
        replace(need, skills=frozenset({"python", "css", "php"})), worker, MOMENT, near
    )
    assert one is not None
    assert several is not None
    said = [
        (reason_text(language, one.reasons[0]), reason_text(language, several.reasons[0]))
        for language in ("en", "el", "ca", "nl", "es")
    ]
    assert said == [
        ("1 of 1 skill (weight 1 of 1)", "1 of 3 skills (weight 1 of 3)"),
        ("1 από 1 δεξιότητα (βάρος 1 από 1)", "1 από 3 δεξιότητες (βάρος 1 από 3)"),
        ("1 de 1 habilitat (pes 1 de 1)", "1 de 3 habilitats (pes 1 de 3)"),
        ("1 van 1 vaardigheid (gewicht 1 van 1)", "1 van 3 vaardigheden (gewicht 1 van 3)"),
        ("1 de 1 habilidad (peso 1 de 1)", "1 de 3 habilidades (peso 1 de 3)"),
    ]


def test_the_few_skills_of_these_tests_are_in_the_list() -> None:
    assert set(FEW) <= set(SKILLS)
