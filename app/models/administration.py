"""Tables of running the instance: what its stewards set, and long work in progress."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from app.models.base import choice, created, data, moment


class InstanceSetting(SQLModel, table=True):
    """Something the stewards chose, as opposed to what the operator configured."""

    __tablename__ = "instance_settings"

    name: str = Field(primary_key=True, max_length=60)
    value: Any = data()


class JobState(StrEnum):
    """The life of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(SQLModel, table=True):
    """Long work, with its progress and result, for the one who started it."""

    __tablename__ = "jobs"

    id: UUID = Field(primary_key=True)
    kind: str = Field(max_length=40)
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    state: JobState = choice(JobState, name="state", default=JobState.QUEUED)
    done: int = 0
    total: int = 0
    parameters: dict[str, Any] = data(default_factory=dict)
    payload: bytes | None = Field(default=None, sa_type=LargeBinary)
    warnings: list[dict[str, Any]] = data(default_factory=list)
    result: dict[str, Any] | None = data(default=None, nullable=True)
    created_at: datetime = created()
    started_at: datetime | None = moment(default=None, nullable=True)
    stop_asked_at: datetime | None = moment(default=None, nullable=True)
    heartbeat_at: datetime | None = moment(default=None, nullable=True)
    finished_at: datetime | None = moment(default=None, nullable=True)
