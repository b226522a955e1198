"""Hours of a week: symmetric, unmoved by moving, right in the weeks when clocks change."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.infra.week import DAYS, GRID_BITS, HOURS, overlap_minutes, pack, unpack, week_of

ZONES = ("UTC", "Europe/Athens", "Europe/Madrid", "Europe/Amsterdam", "America/New_York",
         "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca")  # fmt: skip
MONDAYS = [datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=n) for n in range(104)]
ALWAYS = [list(range(HOURS))] * DAYS

weeks = st.lists(
    st.lists(st.integers(0, 23), max_size=12, unique=True).map(sorted), min_size=7, max_size=7
)
zones = st.sampled_from(ZONES)
mondays = st.sampled_from(MONDAYS)


def grid(week: list[list[int]]) -> bytes:
    packed = pack(week)
    return packed if packed is not None else bytes(GRID_BITS // 8)


@given(weeks)
def test_a_week_survives_being_packed(week: list[list[int]]) -> None:
    assert unpack(grid(week)) == week
    assert (pack(week) is None) == (not any(week))


@given(weeks, zones, weeks, zones, mondays)
def test_overlap_is_the_same_from_both_sides(
    one: list[list[int]], here: str, other: list[list[int]], there: str, monday: datetime
) -> None:
    a, b = (grid(one), here), (grid(other), there)
    shared = overlap_minutes(a, b, monday)
    assert shared == overlap_minutes(b, a, monday)
    assert 0 <= shared <= min(overlap_minutes(a, a, monday), overlap_minutes(b, b, monday))


@given(weeks, weeks, st.integers(-11, 12), mondays)
def test_whoever_moves_and_moves_their_hours_along_shares_as_much(
    one: list[list[int]], other: list[list[int]], east: int, monday: datetime
) -> None:
    # "Etc/GMT-3" is three hours east.
    moved_zone = f"Etc/GMT{-east:+d}" if east else "UTC"
    bits = int.from_bytes(grid(one), "little")
    moved = sum(1 << (place + east) % GRID_BITS for place in range(GRID_BITS) if bits >> place & 1)
    there = (moved.to_bytes(GRID_BITS // 8, "little"), moved_zone)
    assert overlap_minutes(there, (grid(other), "UTC"), monday) == overlap_minutes(
        (grid(one), "UTC"), (grid(other), "UTC"), monday
    )


@given(weeks, zones, mondays)
def test_one_more_hour_never_shares_less(
    week: list[list[int]], zone: str, monday: datetime
) -> None:
    more = [sorted({*hours, 9}) for hours in week]
    everybody = (grid(ALWAYS), "UTC")
    assert overlap_minutes((grid(more), zone), everybody, monday) >= overlap_minutes(
        (grid(week), zone), everybody, monday
    )


def test_an_office_in_athens_and_one_in_amsterdam_share_eight_hours_a_day() -> None:
    office = grid([list(range(9, 18))] * 5 + [[], []])
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    assert overlap_minutes((office, "Europe/Athens"), (office, "Europe/Amsterdam"), monday) == (
        5 * 8 * 60
    )


def test_the_weeks_in_which_clocks_change_are_counted_as_they_are() -> None:
    nights = grid([[]] * 6 + [[1, 2, 3]])  # Sunday, 1 to 4
    always = (grid(ALWAYS), "UTC")
    shares = {
        day: overlap_minutes((nights, "Europe/Amsterdam"), always, week_of(day))
        for day in (
            datetime(2026, 3, 22, tzinfo=UTC),
            datetime(2026, 3, 29, tzinfo=UTC),  # 02:00 is 03:00: the hour from 2 is not there
            datetime(2026, 10, 25, tzinfo=UTC),  # 03:00 is 02:00 again: it is there twice
        )
    }
    assert list(shares.values()) == [180, 120, 240]


def test_between_two_changes_of_clocks_the_ocean_is_an_hour_narrower() -> None:
    evening = (grid([[20]] * 7), "Europe/Madrid")
    afternoon = (grid([[14]] * 7), "America/New_York")
    usual, narrow = datetime(2026, 2, 16, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC)
    assert overlap_minutes(evening, afternoon, usual) == 7 * 60
    assert overlap_minutes(evening, afternoon, narrow) == 0


def test_quarters_of_an_hour_count() -> None:
    noon = grid([[12]] * 7)
    monday = datetime(2026, 3, 2, tzinfo=UTC)  # Kathmandu is 5:45 east
    assert overlap_minutes((noon, "Asia/Kathmandu"), (grid([[6]] * 7), "UTC"), monday) == 7 * 45
