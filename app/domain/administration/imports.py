"""Imports as jobs: asked for by API, done by a worker."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.administration import errors, queries
from app.domain.administration.actions import create_job
from app.domain.needs import errors as needs_errors
from app.domain.needs import import_undoing
from app.domain.needs.import_files import Fault
from app.domain.needs.importing import ImportOrder, ImportOutcome, check_importer, import_needs
from app.models.administration import Job, JobState

KIND = "import_needs"
KIND_UNDO = "undo_import"
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
        "columns": dict(order.columns) if order.columns else None,
        "file_name": order.file_name,
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
        columns=given.get("columns"),
        file_name=given.get("file_name", ""),
    )
    outcome = await import_needs(session, actor, order, progress)
    state = JobState.FAILED if outcome.faults else JobState.DONE
    return state, result_of(outcome, order), warnings_of(outcome)


async def order_undo(session: AsyncSession, actor: Actor, run_id: UUID) -> Job:
    """Queue the taking back of an import."""
    actor.require(Scope.NEEDS_WRITE)
    run = await import_undoing.get_run_for(session, actor, run_id)
    if import_undoing.may_be_undone_until(run) is None:
        raise needs_errors.import_too_old()
    if await queries.count_unfinished(session, actor.signed_in()) >= UNFINISHED_MAX:
        raise errors.jobs_waiting(UNFINISHED_MAX)
    return await create_job(session, actor, KIND_UNDO, {"run_id": str(run.id)})


async def run_undo(
    session: AsyncSession, actor: Actor, job: Job, progress: Progress
) -> tuple[JobState, Mapping[str, Any], list[dict[str, Any]]]:
    """Do a queued taking back."""
    run_id = UUID(job.parameters["run_id"])
    outcome = await import_undoing.undo_import(session, actor, run_id, progress)
    return JobState.DONE, asdict(outcome), []


def result_of(outcome: ImportOutcome, order: ImportOrder) -> dict[str, Any]:
    """Say in numbers what became of the rows."""
    code = {"code": "import_faulty"} if outcome.faults else {}
    run = {"import_id": str(outcome.run_id)} if outcome.run_id else {}
    return {**outcome.counts, "total": outcome.total, "dry_run": order.dry_run, **run, **code}


def warnings_of(outcome: ImportOutcome) -> list[dict[str, Any]]:
    """List what is wrong, or worth knowing, by line and column."""
    found: list[Fault] = [*outcome.faults, *outcome.warnings][:WARNINGS_KEPT_MAX]
    return [
        {"line": w.line, "column": w.column, "code": w.code, "params": dict(w.params)}
        for w in found
    ]
