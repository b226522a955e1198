"""Points and reasons go together: what has no points has nothing to say for itself."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.matching.rules import NeedFacts, WorkerFacts, score

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@given(st.integers(0, 4000), st.sampled_from([frozenset(), frozenset({"en"})]))
def test_a_need_that_nothing_speaks_for_gives_no_reasons(
    days: int, languages: frozenset[str]
) -> None:
    need = NeedFacts(
        skills=frozenset({"python"}),
        must=frozenset(),
        language="en",
        estimate_minutes=None,
        urgent=False,
        published_at=NOW - timedelta(days=days),
    )
    points, reasons = score(need, WorkerFacts(frozenset(), languages, 0), NOW, lambda _: ())
    assert points >= 0
    assert points > 0 or reasons == []
