"""What a list of needs is narrowed by, and the cursor of its pages."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.errors import InvalidError
from app.infra.pagination import decode_cursor, encode_cursor
from app.models.needs import NeedKind, Stream, Urgency

HERE = "here"
SORTS = ("soonest", "newest", "best")
INTEGER_MAX = 2**31


@dataclass(frozen=True)
class NeedFilters:
    """What a list of needs is narrowed by; nothing set means what can be taken now.

    Without a sort a search answers the best first, and any other list what is due soonest.
    """

    q: str = ""
    skill: Sequence[str] = ()
    language: Sequence[str] = ()
    hours_max: int | None = None
    stream: Stream | None = None
    kind: NeedKind | None = None
    region: str = ""
    organisation: UUID | None = None
    instance: str = ""
    urgency: Urgency | None = None
    state: str = "open"
    sort: str = ""
    remote: bool | None = None

    @property
    def order(self) -> str:
        """The order that is meant; there is no best without words to be best for."""
        wanted = self.sort or ("best" if self.q.strip() else "soonest")
        return "soonest" if wanted == "best" and not self.q.strip() else wanted


# A need's place in the order of newness, as a bound: published, id. None where there is no bound.
Bound = tuple[datetime, UUID] | None


@dataclass(frozen=True)
class Window:
    """A part of a list by newness that is ranked as one: older than `above`, down to `floor`."""

    above: Bound = None
    floor: Bound = None


@dataclass(frozen=True)
class BestPlace:
    """Where a page of the best ended: within a window, after this score and id."""

    score: float
    need_id: UUID
    window: Window


def cursor_after(order: str, row: Any, window: Window | None = None) -> str:
    """Pack where a page ended."""
    published = row["published"].isoformat()
    if order == "newest":
        return encode_cursor("n", published, row["need_id"])
    if order == "soonest":
        return encode_cursor("s", row["soon"], published, row["need_id"])
    bounds = (window.above, window.floor) if window else (None, None)
    said = [part for at, last in (b or (None, None) for b in bounds) for part in (_said(at), last)]
    return encode_cursor("b", repr(row["score"]), row["need_id"], *said)


def _said(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def cursor_values(order: str, cursor: str) -> list[Any]:
    """Unpack a cursor of a list's own order, or say that it is none."""
    values = _unpacked(order, cursor, 3 if order == "newest" else 4)
    try:
        if order == "newest":
            return [_moment(values[0]), UUID(values[1])]
        return [_integer(values[0]), _moment(values[1]), UUID(values[2])]
    except (ValueError, OverflowError):
        raise InvalidError("cursor_invalid") from None


def best_place(cursor: str) -> BestPlace:
    """Unpack a cursor of the best, or say that it is none."""
    score, last, *bounds = _unpacked("best", cursor, 7)
    try:
        window = Window(_bound(*bounds[:2]), _bound(*bounds[2:]))
        return BestPlace(_score(score), UUID(last), window)
    except (ValueError, OverflowError):
        raise InvalidError("cursor_invalid") from None


def _unpacked(order: str, cursor: str, size: int) -> list[str]:
    letter, *said = decode_cursor(cursor, size)
    if letter != order[0]:
        raise InvalidError("cursor_invalid")
    return [value or "" for value in said]


def _bound(published: str, last: str) -> Bound:
    return (_moment(published), UUID(last)) if published or last else None


def _moment(said: str) -> datetime:
    found = datetime.fromisoformat(said)
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found.astimezone(UTC)


def _integer(said: str) -> int:
    found = int(said)
    if abs(found) >= INTEGER_MAX:
        raise ValueError
    return found


def _score(said: str) -> float:
    found = float(said)
    if not math.isfinite(found):
        raise ValueError
    return found
