"""Shapes of matches."""

from uuid import UUID

from app.api.schemas.base import Body, Shape
from app.api.schemas.needs import NeedShape


class ReasonShape(Shape):
    """One part of a score: a code with its figures, its points, and the same in words."""

    code: str
    params: dict[str, int | str]
    points: int
    text: str


class MatchShape(Shape):
    """A need that fits, its points out of 100, and the parts that add up to them."""

    need: NeedShape
    score: int
    reasons: list[ReasonShape]


class MatchList(Shape):
    """The best needs for the signed-in worker.

    Of an empty list, `lacks` says what the profile does not tell yet (`skills`, `languages`),
    and `in_other_languages` how many needs would fit but for their language (at most 100);
    `other_languages=true` lists those.
    """

    items: list[MatchShape]
    lacks: str | None
    in_other_languages: int


class FitShape(Shape):
    """How one need fits the one who asks; null and no reasons where it does not."""

    score: int | None
    reasons: list[ReasonShape]
    dismissed: bool


class DismissedList(Shape):
    """The needs that one sent off one's board."""

    items: list[NeedShape]


class FoundWorker(Shape):
    """A worker who wants to be found: a name of their choice, and nothing to reach them by."""

    account_id: UUID
    handle: str
    display_name: str


class WorkerMatchShape(Shape):
    """A worker who fits a need, and why."""

    worker: FoundWorker
    score: int
    reasons: list[ReasonShape]
    skills: list[str]
    near_skills: list[str]
    languages: list[str]
    invited: bool


class WorkerMatchList(Shape):
    """The best workers for a need, of those who want to be found."""

    items: list[WorkerMatchShape]


class InvitationInput(Body):
    """Whom to ask."""

    account_id: UUID


class InvitationShape(Shape):
    """Who was asked to what."""

    need_id: UUID
    account_id: UUID
