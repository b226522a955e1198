"""The rules of what a need holds, by properties."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.access import Denied
from app.domain.needs.policy import may_apply_now, may_see_contacts
from app.domain.needs.rules import (
    HANDOVER,
    PUBLISHED,
    TRANSITIONS,
    looks_like_address,
    months_later,
    open_handover,
)
from app.infra.ids import public_id
from app.models.need_parts import HandoverKind, looks_like_phone
from app.models.needs import Need, NeedState

OPENED = datetime(2026, 3, 1, tzinfo=UTC)
KINDS = st.sampled_from(HandoverKind)
DIGITS = st.text("0123456789", min_size=8, max_size=15)


@given(st.dates(date(2020, 1, 1), date(2090, 12, 31)), st.integers(1, 24))
def test_some_months_later_is_the_same_day_or_the_last_of_its_month(day: date, months: int) -> None:
    later = months_later(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == min(day.day, monthrange(later.year, later.month)[1])


@given(st.dictionaries(KINDS, st.booleans()), st.sets(KINDS))
def test_what_is_not_ticked_stays_on_the_checklist(
    lines: dict[HandoverKind, bool], ticked: set[HandoverKind]
) -> None:
    handover = [{"kind": kind.value, "text": "", "done": done} for kind, done in lines.items()]
    need = Need(id=public_id(), organisation_name="x", title="x", language="en", handover=handover)
    left = set(open_handover(need, ticked))
    done = {kind for kind, is_done in lines.items() if is_done} | ticked
    assert left == {kind.value for kind in {*HANDOVER, *lines} - done}


@given(DIGITS, st.sampled_from(["", "+", "00", "tel:"]), st.sampled_from(["", " ", "-", "."]))
def test_a_phone_number_is_one_however_it_is_written(digits: str, before: str, gap: str) -> None:
    assert looks_like_phone(before + gap.join([digits[:3], digits[3:6], digits[6:]]))


@given(st.emails(), st.integers(1, 300))
def test_an_address_of_another_kind_is_no_phone_number(email: str, number: int) -> None:
    assert not looks_like_phone(email)
    assert looks_like_address(f"Carrer de Sants {number}")
    assert not looks_like_address(f"District {number}, Athens")


@given(st.integers(1, 30), st.floats(-5, 40), st.booleans())
def test_the_window_lets_in_who_says_so_and_everybody_afterwards(
    days: int, passed: float, for_me: bool
) -> None:
    need = Need(id=public_id(), organisation_name="x", title="x", language="en", priority_days=days)
    need.published_at = OPENED
    now = OPENED + timedelta(days=passed)
    denied = isinstance(may_apply_now(need, now, for_me=for_me), Denied)
    assert denied == (not for_me and now < OPENED + timedelta(days=days))


@given(st.booleans(), st.booleans(), st.booleans())
def test_contacts_are_for_who_was_let_in(public: bool, let_in: bool, writes: bool) -> None:
    need = Need(
        id=public_id(), organisation_name="x", title="x", language="en", contact_public=public
    )
    assert may_see_contacts(need, let_in=let_in, writes=writes) == (public or let_in or writes)


@given(st.lists(st.sampled_from(NeedState), max_size=12))
def test_no_path_leads_from_the_end_back_or_around_the_review(path: list[NeedState]) -> None:
    state, seen = NeedState.DRAFT, [NeedState.DRAFT]
    for wish in path:
        if wish in TRANSITIONS[state]:
            state = wish
            seen.append(state)
    if state in PUBLISHED:
        assert NeedState.REVIEW in seen
    if NeedState.DONE in seen:
        after = set(seen[seen.index(NeedState.DONE) :])
        # What is held goes back to where it was by the stewards alone, or is taken down.
        over = {NeedState.DONE, NeedState.ARCHIVED, NeedState.HELD, NeedState.WITHDRAWN}
        assert after <= over
