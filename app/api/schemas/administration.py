"""Shapes of the instance and of long work."""

from typing import Any, Self
from uuid import UUID

from app.api.schemas.base import Shape
from app.infra import clock
from app.infra.i18n import exists, translate
from app.models.administration import Job, JobState


class InstanceCounts(Shape):
    """How much there is."""

    needs_open: int
    organisations: int
    peers: int


class InstanceShape(Shape):
    """This instance, for whoever meets it."""

    name: str
    origin: str
    languages: list[str]
    version: str
    needs_setup: bool
    counts: InstanceCounts


class WaitingShape(Shape):
    """How much waits for the stewards, of each kind."""

    asks: int
    needs: int
    organisations: int
    peers: int
    reports: int


class JobWarning(Shape):
    """Something wrong or worth knowing at one place of a file."""

    line: int
    column: str
    code: str
    message: str


class JobShape(Shape):
    """Long work: how far it is, and what came of it."""

    id: UUID
    kind: str
    state: JobState
    done: int
    total: int
    warnings: list[JobWarning]
    result: dict[str, Any] | None
    eta_seconds: int | None
    stopping: bool

    @classmethod
    def of(cls, job: Job, language: str) -> Self:
        """Put a job into a person's language."""
        return cls(
            id=job.id,
            kind=job.kind,
            state=job.state,
            done=job.done,
            total=job.total,
            warnings=[_warning(warning, language) for warning in job.warnings],
            result=job.result,
            eta_seconds=_eta_of(job),
            stopping=job.state is JobState.RUNNING and job.stop_asked_at is not None,
        )


def _eta_of(job: Job) -> int | None:
    """Guess how long it still takes, at the pace so far; nothing where there is no pace yet."""
    if job.state is not JobState.RUNNING or job.started_at is None or not 0 < job.done < job.total:
        return None
    spent = max((clock.now() - job.started_at).total_seconds(), 0.0)
    return round(spent * (job.total - job.done) / job.done)


def _warning(warning: dict[str, Any], language: str) -> JobWarning:
    message_id = f"error.field.{warning['code']}"
    known = message_id if exists(message_id) else "error.field.invalid"
    return JobWarning(
        line=warning["line"],
        column=warning["column"],
        code=warning["code"],
        message=translate(language, known, **warning["params"]),
    )
