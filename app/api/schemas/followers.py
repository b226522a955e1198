"""Shapes of who follows: servers, never people."""

from datetime import datetime

from app.api.schemas.base import Shape


class FollowerServer(Shape):
    """A server of the fediverse with followers of ours, as stewards see it.

    `last_failure` is a word for programs: `unreachable`, or `status-` and the number answered.
    """

    origin: str
    followers: int
    waiting: int
    failing_since: datetime | None
    last_failure: str
    last_success_at: datetime | None
    next_attempt_at: datetime | None
