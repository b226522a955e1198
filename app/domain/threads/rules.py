"""How threads behave, whatever they are about. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.models.threads import Message, ThreadSide

EDIT_TIME = timedelta(minutes=10)
EDIT_MINUTES = EDIT_TIME // timedelta(minutes=1)
OPEN_AFTER_END = timedelta(days=30)
QUESTIONS_A_DAY = 10
QUESTIONS_WAITING = 3


@dataclass(frozen=True)
class Seen:
    """How far a side has read, and when."""

    through: datetime
    at: datetime


def is_author(message: Message, account_id: UUID | None) -> bool:
    """Say whether somebody wrote this; what an erased account wrote is nobody's."""
    return account_id is not None and message.account_id == account_id


def may_correct(message: Message, account_id: UUID | None, now: datetime) -> bool:
    """Say whether somebody may still change the words of a message."""
    fresh = now < message.created_at + EDIT_TIME
    return is_author(message, account_id) and message.deleted_at is None and fresh


def may_read_words(message: Message, account_id: UUID | None) -> bool:
    """Say whether a party of a claim's thread reads a message: hidden, only its author does."""
    return message.hidden_at is None or is_author(message, account_id)


def was_there(message: Message, moment: datetime) -> bool:
    """Say whether a message stood at a moment in the words that it has now."""
    return max(message.created_at, message.edited_at or message.created_at) <= moment


def read_by_other(
    message: Message, marks: Mapping[ThreadSide, Seen], own: ThreadSide
) -> datetime | None:
    """Return when the other side had read a message, None while it has not."""
    other = ThreadSide.WORKER if own is ThreadSide.ORGANISATION else ThreadSide.ORGANISATION
    seen = marks.get(other)
    return seen.at if seen is not None and seen.through >= message.created_at else None
