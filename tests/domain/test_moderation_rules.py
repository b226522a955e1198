"""Time that does not count, and what can be decided of what."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.domain.moderation.rules import ABOUT_ACCOUNTS, DEEDS, possible_deeds
from app.domain.needs.clocks import past_pauses
from app.domain.needs.rules import deadline_after_hold
from app.models.moderation import Report, ReportAbout, ReportDeed, ReportKind

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
SOMEBODY = UUID(int=7)
hours = st.integers(min_value=0, max_value=2000)
spans = st.lists(st.tuples(hours, st.integers(min_value=0, max_value=300)), max_size=5)


def apart(given_spans: list[tuple[int, int]]) -> list[tuple[datetime, datetime]]:
    """Make holds of gaps and lengths: one need is never held twice at once."""
    found, at = [], BEGIN
    for gap, length in given_spans:
        begin = at + timedelta(hours=gap)
        at = begin + timedelta(hours=length)
        found.append((begin, at))
    return found


@given(spans, hours, hours)
def test_exactly_so_much_time_runs_outside_the_holds(
    given_spans: list[tuple[int, int]], start: int, wanted: int
) -> None:
    """Counted hour by hour by hand."""
    pauses = apart(given_spans)
    since = BEGIN + timedelta(hours=start)
    at = past_pauses(since, since + timedelta(hours=wanted), pauses)
    ran, moment = 0, since
    while ran < wanted:
        if not any(begin <= moment < end for begin, end in pauses):
            ran += 1
        moment += timedelta(hours=1)
    assert at == moment
    assert past_pauses(since, since + timedelta(hours=wanted), pauses[::-1]) == at


days = st.dates(min_value=date(2026, 1, 1), max_value=date(2030, 1, 1))


@given(days, days, st.integers(min_value=0, max_value=900))
def test_a_deadline_that_passed_in_a_hold_has_the_days_that_were_left(
    deadline: date, held_on: date, length: int
) -> None:
    released_on = held_on + timedelta(days=length)
    found = deadline_after_hold(deadline, held_on, released_on)
    assert found is not None
    if held_on <= deadline < released_on:
        assert found - released_on == deadline - held_on
    else:
        assert found == deadline
    assert deadline_after_hold(None, held_on, released_on) is None


@given(st.sampled_from(ReportAbout), st.booleans(), st.booleans())
def test_nothing_is_offered_that_concerns_nobody(
    about: ReportAbout, account: bool, organisation: bool
) -> None:
    report = Report(
        id=SOMEBODY, about=about, subject_id=SOMEBODY, kind=ReportKind.OTHER,
        account_id=SOMEBODY if account else None,
        organisation_id=SOMEBODY if organisation else None,
    )  # fmt: skip
    deeds = possible_deeds(report)
    assert deeds[0] is ReportDeed.LET_BE
    assert set(deeds) <= set(DEEDS[about])
    assert account or not set(deeds) & ABOUT_ACCOUNTS
    assert organisation or ReportDeed.SUSPENDED not in deeds
