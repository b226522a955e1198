"""Tables of moderation: reports, and what was done about them. Holds stand with needs."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import BigInteger, Identity, Index, text
from sqlmodel import Field, SQLModel

from app.models.base import Fields, Text, choice, created


class ReportAbout(StrEnum):
    """What can be reported. A worker is named by a claim: nobody reports a bare account."""

    NEED = "need"
    ORGANISATION = "organisation"
    QUESTION = "question"
    MESSAGE = "message"
    WORKER = "worker"


class ReportKind(StrEnum):
    """What is the matter."""

    DANGEROUS = "dangerous"
    HATEFUL = "hateful"
    SPAM = "spam"
    PRIVATE_DATA = "private_data"
    WRONG = "wrong"
    OTHER = "other"


class ReportState(StrEnum):
    """Whether a steward has looked; the moves stand in domain/moderation/rules.py."""

    WAITING = "waiting"
    LOOKED_AT = "looked_at"


class ReportDeed(StrEnum):
    """What stewards decide on a report."""

    LET_BE = "let_be"
    HELD = "held"
    HIDDEN = "hidden"
    LIMITED = "limited"
    BLOCKED = "blocked"
    SUSPENDED = "suspended"


Said = Annotated[Text, StringConstraints(min_length=1, max_length=2000)]


class ReportFields(Fields):
    """What somebody reports, and why."""

    about: ReportAbout
    id: UUID
    kind: ReportKind
    words: Annotated[Text, StringConstraints(max_length=4000)] = ""


class Report(SQLModel, table=True):
    """A report. Who made it is shown to stewards, and to nobody else, ever.

    `account_id` and `organisation_id` after the subject are whom it is about. `said` is what was
    reported as it read then: kept while the report waits, for it may be changed meanwhile.
    """

    __tablename__ = "reports"
    __table_args__ = (
        Index("ix_reports_waiting", "created_at", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_reports_reporter", "reporter_id", "created_at"),
        Index("ix_reports_subject", "about", "subject_id"),
    )

    id: UUID = Field(primary_key=True)
    state: ReportState = choice(ReportState, name="state", default=ReportState.WAITING)
    about: ReportAbout = choice(ReportAbout, name="about")
    subject_id: UUID
    kind: ReportKind = choice(ReportKind, name="kind")
    words: str = ""
    said: str = ""
    reporter_id: UUID | None = Field(default=None, foreign_key="accounts.id", ondelete="SET NULL")
    organisation_id: UUID | None = Field(
        default=None, foreign_key="organisations.id", ondelete="SET NULL"
    )
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id", ondelete="SET NULL")
    # The need whose page shows it, or the claim whose thread it stands in.
    place_id: UUID | None = None
    created_at: datetime = created()
    version: int = 1


class ReportHistory(SQLModel, table=True):
    """What a steward did about a report, and why."""

    __tablename__ = "report_history"

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    report_id: UUID = Field(foreign_key="reports.id", ondelete="CASCADE", index=True)
    account_id: UUID | None = None
    deed: ReportDeed = choice(ReportDeed, name="deed")
    reason: str = ""
    request_id: str | None = Field(default=None, max_length=64)
    at: datetime = created()
