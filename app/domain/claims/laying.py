"""How work lies on days of 24 hours. Pure; integers only.

Some work has its days; other work may have been done on any of several (fewer minutes count than
were logged, a receipt names its last day alone). All of it fits where there is a way to lay it so
that no day has more than 24 hours: a flow from works to days (Ford and Fulkerson 1956).
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from app.domain.claims.rules import MINUTES_A_DAY

Step = tuple[int, date]


@dataclass(frozen=True)
class Work:
    """So many minutes, and how many of them may have been done on which days."""

    days: Mapping[date, int]
    minutes: int

    @property
    def is_movable(self) -> bool:
        """Say whether it may have been done in more ways than one."""
        return len(self.days) > 1 and self.minutes < sum(self.days.values())


@dataclass
class Days:
    """Somebody's days with the work on them: what is certain, and what may move."""

    certain: Counter[date] = field(default_factory=Counter)
    movable: list[Work] = field(default_factory=list)

    @classmethod
    def of(cls, works: Iterable[Work]) -> "Days":
        """Lay several works."""
        days = cls()
        for work in works:
            days.add(work)
        return days

    def add(self, work: Work) -> None:
        """Lay one more work; more minutes than its days say were done on the last of them."""
        if work.is_movable:
            self.movable.append(work)
            return
        whole = dict(work.days) if len(work.days) > 1 else {}
        self.certain.update(whole)
        self.certain[max(work.days)] += work.minutes - sum(whole.values())

    def on(self, day: date) -> int:
        """Return how many minutes certainly lie on a day."""
        return self.certain[day]

    def room(self, work: Work) -> int:
        """Return how many of a work's minutes fit in; an overfull day lends nothing to another."""
        if len(work.days) == 1 and not self.movable:
            (day,) = work.days
            return max(0, min(work.minutes, MINUTES_A_DAY - self.certain[day]))
        beside = Days(self.certain.copy(), list(self.movable))
        beside.add(work)
        return work.minutes - (beside.surplus() - self.surplus())

    def surplus(self) -> int:
        """Return how many minutes find no place on days of 24 hours."""
        over = sum(max(0, minutes - MINUTES_A_DAY) for minutes in self.certain.values())
        return over + _unplaced(self.movable, self.certain)


def _unplaced(works: Sequence[Work], certain: Mapping[date, int]) -> int:
    """Lay the movable works as well as can be, and return what is left over."""
    room = {day: max(0, MINUTES_A_DAY - certain.get(day, 0)) for work in works for day in work.days}
    placed: list[Counter[date]] = [Counter() for _ in works]
    over = 0
    for number, work in enumerate(works):
        left = work.minutes
        while left and (path := _way(works, placed, room, number)):
            left -= _move(works, placed, room, path, left)
        over += left
    return over


def _way(
    works: Sequence[Work], placed: Sequence[Counter[date]], room: Mapping[date, int], number: int
) -> list[Step]:
    """Find a day with room for a work, others making way for it one after the other."""
    came: dict[int, Step | None] = {number: None}
    seen: set[date] = set()
    waiting = deque([number])
    while waiting:
        work = waiting.popleft()
        for day, most in works[work].days.items():
            if day in seen or placed[work][day] >= most:
                continue
            seen.add(day)
            if room[day]:
                return _steps(came, (work, day))
            for other, lies in enumerate(placed):
                if lies[day] and other not in came:
                    came[other] = (work, day)
                    waiting.append(other)
    return []


def _steps(came: Mapping[int, Step | None], last: Step) -> list[Step]:
    steps: list[Step] = [last]
    while (before := came[steps[-1][0]]) is not None:
        steps.append(before)
    return steps[::-1]


def _move(
    works: Sequence[Work],
    placed: Sequence[Counter[date]],
    room: dict[date, int],
    path: Sequence[Step],
    left: int,
) -> int:
    """Move what a way allows: each work comes to a day, and the next one leaves it."""
    leaving = [(after, day) for (_, day), (after, _) in pairwise(path)]
    amount = min(
        left,
        room[path[-1][1]],
        *(works[work].days[day] - placed[work][day] for work, day in path),
        *(placed[work][day] for work, day in leaving),
    )
    for work, day in path:
        placed[work][day] += amount
    for work, day in leaving:
        placed[work][day] -= amount
    room[path[-1][1]] -= amount
    return amount
