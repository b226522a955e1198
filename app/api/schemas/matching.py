"""Shapes of matches."""

from app.api.schemas.base import Shape
from app.api.schemas.needs import NeedShape


class ReasonShape(Shape):
    """Why a need fits, as a code and in words."""

    code: str
    text: str


class MatchShape(Shape):
    """A need that fits, its points out of 100, and why."""

    need: NeedShape
    score: int
    reasons: list[ReasonShape]


class MatchList(Shape):
    """The best needs for the signed-in worker."""

    items: list[MatchShape]
