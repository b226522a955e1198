"""The instance itself, and the progress of long work."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from app import __version__
from app.api.dependencies import Configuration, Db, OrganisationsWriter, SignedIn, Steward, Tools
from app.api.errors import language_of
from app.api.routing import StrictRoute
from app.api.schemas.administration import InstanceCounts, InstanceShape, JobShape, WaitingShape
from app.domain.administration import actions, exports, queries
from app.domain.identity import queries as identity
from app.infra import clock
from app.infra.i18n import LANGUAGES
from app.infra.tables import table_of

EXPORT_IN_MEMORY_BYTES = 4 * 1024 * 1024
EXPORT_CHUNK_BYTES = 65_536

router = APIRouter(route_class=StrictRoute, tags=["administration"])


@router.get("/instance", operation_id="get_instance")
async def get_instance(settings: Configuration, db: Db) -> InstanceShape:
    """Say what this instance is and how much is in it."""
    return InstanceShape(
        name=await queries.instance_name(db, settings.instance_name),
        origin=settings.origin,
        languages=list(LANGUAGES),
        version=__version__,
        needs_setup=await identity.needs_setup(db),
        counts=InstanceCounts.model_validate(await queries.counts(db)),
    )


@router.get("/instance/waiting", operation_id="get_waiting")
async def get_waiting(actor: Steward, db: Db) -> WaitingShape:
    """Count for the stewards what others cannot go on without until one of them looked at it."""
    return WaitingShape.model_validate(await queries.count_waiting(db, actor))


@router.get("/jobs/{job_id}", operation_id="get_job")
async def get_job(job_id: UUID, request: Request, actor: SignedIn, db: Db) -> JobShape:
    """Say how far a job is."""
    return JobShape.of(await queries.get_job_for(db, actor, job_id), language_of(request))


@router.post("/jobs/{job_id}/cancel", operation_id="cancel_job")
async def cancel_job(job_id: UUID, request: Request, actor: SignedIn, db: Db) -> JobShape:
    """Stop a job; what it had done so far is taken back."""
    return JobShape.of(await actions.cancel_job(db, actor, job_id), language_of(request))


@router.get("/jobs/{job_id}/warnings.csv", operation_id="get_job_warnings")
async def get_job_warnings(job_id: UUID, request: Request, actor: SignedIn, db: Db) -> Response:
    """Return what is wrong with the lines of a file, as a table to work through."""
    job = await queries.get_job_for(db, actor, job_id)
    shown = JobShape.of(job, language_of(request)).warnings
    rows = [(w.line, w.column, w.message) for w in shown]
    text = table_of(("line", "column", "fault"), rows)
    headers = {"Content-Disposition": f'attachment; filename="lines-{job.id}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/organisations/{organisation_id}/export", operation_id="export_organisation")
async def export_organisation(
    organisation_id: UUID, actor: OrganisationsWriter, db: Db, tools: Tools
) -> StreamingResponse:
    """Return everything that an organisation has, as an archive (ZIP); for its owners."""
    # On disk beyond a few megabytes; nothing is sent before it is whole, so it is never half.
    spool = SpooledTemporaryFile(max_size=EXPORT_IN_MEMORY_BYTES)  # noqa: SIM115 - closed when sent
    try:
        await exports.export_organisation(
            db, actor, organisation_id, tools.storage, spool, tools.origin
        )
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    name = f"export-{clock.today().isoformat()}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_sent(spool), media_type="application/zip", headers=headers)


def _sent(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        while chunk := spool.read(EXPORT_CHUNK_BYTES):
            yield chunk
