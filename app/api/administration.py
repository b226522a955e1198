"""The instance itself, imports, and the progress of long work."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, File, Query, Request, Response, UploadFile, status

from app import __version__
from app.api.dependencies import Configuration, Db, NeedsWriter, SignedIn, Tools, WithKey
from app.api.errors import language_of
from app.api.routing import StrictRoute
from app.api.schemas.administration import InstanceCounts, InstanceShape, JobShape
from app.domain.administration import errors, imports, queries
from app.domain.identity import queries as identity
from app.domain.needs.importing import ImportOrder
from app.errors import FieldError, InvalidError
from app.infra.i18n import LANGUAGES
from app.models.base import LANGUAGE_PATTERN

JOBS_CHORE = "run_jobs"

router = APIRouter(route_class=StrictRoute, tags=["administration"])

LanguageDefault = Annotated[
    str,
    Query(pattern=LANGUAGE_PATTERN, max_length=35, description="Of rows that do not say theirs."),
]


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


@router.post(
    "/imports",
    status_code=status.HTTP_202_ACCEPTED,
    operation_id="import_needs",
    dependencies=[WithKey],
)
async def import_needs(
    *,
    request: Request,
    response: Response,
    background: BackgroundTasks,
    actor: NeedsWriter,
    db: Db,
    tools: Tools,
    file: Annotated[UploadFile, File(description="CSV or JSON Lines, in UTF-8.")],
    dry_run: bool = False,
    organisation_id: UUID | None = None,
    language: LanguageDefault = "en",
) -> JobShape:
    """Take in a file of needs; without an organisation (stewards) each row names its own."""
    await _refuse_other_parts(request)
    raw = await file.read()
    if not raw:
        raise errors.import_file_missing()
    order = ImportOrder(raw, organisation_id, dry_run, language)
    job = await imports.order_import(db, actor, order)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    # Runs after the answer, so after the commit: a worker that is rung finds the row.
    background.add_task(tools.doorbell.ring, JOBS_CHORE)
    return JobShape.of(job, language_of(request))


async def _refuse_other_parts(request: Request) -> None:
    form = await request.form()  # read by FastAPI already: kept, not parsed twice
    others = sorted(set(form) - {"file"})
    if others or len(form.getlist("file")) > 1:
        found = [FieldError(f"/{name[:60]}", "extra_forbidden") for name in others or ["file"]]
        raise InvalidError("validation_failed", errors=found[:10])


@router.get("/jobs/{job_id}", operation_id="get_job")
async def get_job(job_id: UUID, request: Request, actor: SignedIn, db: Db) -> JobShape:
    """Say how far a job is."""
    return JobShape.of(await queries.get_job_for(db, actor, job_id), language_of(request))
