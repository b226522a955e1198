"""Imports as jobs: asked for by API, done by a worker."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.administration import errors, queries
from app.domain.administration.actions import create_job
from app.domain.needs.import_files import Fault
from app.domain.needs.importing import ImportOrder, ImportOutcome, check_importer, import_needs
from app.models.administration import Job, JobState

KIND = "import_needs"
WARNINGS_KEPT_MAX = 200
# Each holds its whole file until it is done: a queue without an end would fill the disk.
UNFINISHED_MAX = 5

Progress = Callable[[int, int], Awaitable[None]]


async def order_import(session: AsyncSession, actor: Actor, order: ImportOrder) -> Job:
    """Queue an import for someone who may import."""
    await check_importer(session, actor, order.organisation_id)
    if await queries.count_unfinished(session, actor.signed_in()) >= UNFINISHED_MAX:
        raise errors.jobs_waiting(UNFINISHED_MAX)
    parameters = {
        "organisation_id": str(order.organisation_id) if order.organisation_id else None,
        "dry_run": order.dry_run,
        "language": order.language,
    }
    return await create_job(session, actor, KIND, parameters, order.raw)


async def run_import(
    session: AsyncSession, actor: Actor, job: Job, progress: Progress
) -> tuple[JobState, Mapping[str, Any], list[dict[str, Any]]]:
    """Do a queued import; faults in the file fail the job and leave nothing behind."""
    given = job.parameters
    order = ImportOrder(
        raw=job.payload or b"",
        organisation_id=UUID(given["organisation_id"]) if given["organisation_id"] else None,
        dry_run=given["dry_run"],
        language=given["language"],
    )
    outcome = await import_needs(session, actor, order, progress)
    state = JobState.FAILED if outcome.faults else JobState.DONE
    return state, result_of(outcome, order), warnings_of(outcome)


def result_of(outcome: ImportOutcome, order: ImportOrder) -> dict[str, Any]:
    """Say in numbers what became of the rows."""
    code = {"code": "import_faulty"} if outcome.faults else {}
    return {**outcome.counts, "total": outcome.total, "dry_run": order.dry_run, **code}


def warnings_of(outcome: ImportOutcome) -> list[dict[str, Any]]:
    """List what is wrong, or worth knowing, by line and column."""
    found: list[Fault] = [*outcome.faults, *outcome.warnings][:WARNINGS_KEPT_MAX]
    return [
        {"line": w.line, "column": w.column, "code": w.code, "params": dict(w.params)}
        for w in found
    ]
