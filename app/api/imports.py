"""Taking in files of needs: looking at their columns, importing, and taking an import back."""

import asyncio
import json
from typing import Annotated
from uuid import UUID

from fastapi import (
    APIRouter,
    BackgroundTasks,
    File,
    Form,
    Query,
    Request,
    Response,
    UploadFile,
    status,
)

from app.api.dependencies import (
    DEFAULT_LIMIT,
    Db,
    Limit,
    NeedsWriter,
    Tools,
    WithKey,
    find_actor,
    get_runtime,
    get_settings,
)
from app.api.errors import language_of
from app.api.routing import StrictRoute
from app.api.schemas.administration import JobShape
from app.api.schemas.base import Listing
from app.api.schemas.imports import ColumnsShape, ImportShape
from app.domain.access import Scope
from app.domain.administration import errors, imports
from app.domain.needs import import_undoing
from app.domain.needs.import_columns import IGNORED, TABLE_COLUMNS, describe_columns
from app.domain.needs.import_files import UnreadableRowError
from app.domain.needs.importing import ImportOrder
from app.errors import FieldError, InvalidError
from app.infra.database import transaction
from app.models.base import LANGUAGE_PATTERN

JOBS_CHORE = "run_jobs"
COLUMNS_LENGTH_MAX = 20_000


class ImportRoute(StrictRoute):
    """Looks who is asking before it takes a large body in; a transaction of its own ends by then.

    Strangers could otherwise keep as much memory as they open connections, without an account.
    """

    async def admit(self, request: Request) -> None:
        """Let only those send who may write needs."""
        runtime = get_runtime(request)
        async with transaction(runtime.sessions) as db:
            actor = await find_actor(request, db, get_settings(request))
            actor.require(Scope.NEEDS_WRITE)


router = APIRouter(prefix="/imports", route_class=ImportRoute, tags=["imports"])

LanguageDefault = Annotated[
    str,
    Query(pattern=LANGUAGE_PATTERN, max_length=35, description="Of rows that do not say theirs."),
]
Table = Annotated[UploadFile, File(description="CSV or JSON Lines, in UTF-8.")]
Naming = Annotated[
    str,
    Form(
        max_length=COLUMNS_LENGTH_MAX,
        description='JSON: which column of the file is which of ours, "-" for none.',
    ),
]


@router.post(
    "", status_code=status.HTTP_202_ACCEPTED, operation_id="import_needs", dependencies=[WithKey]
)
async def import_needs(
    *,
    request: Request,
    response: Response,
    background: BackgroundTasks,
    actor: NeedsWriter,
    db: Db,
    tools: Tools,
    file: Table,
    columns: Naming = "",
    dry_run: bool = False,
    organisation_id: UUID | None = None,
    language: LanguageDefault = "en",
) -> JobShape:
    """Take in a file of needs; without an organisation (stewards) each row names its own."""
    await _refuse_other_parts(request, {"file", "columns"})
    naming = _naming_of(columns)
    name = file.filename or ""
    order = ImportOrder(await _bytes_of(file), organisation_id, dry_run, language, naming, name)
    job = await imports.order_import(db, actor, order)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    # Runs after the answer, so after the commit: a worker that is rung finds the row.
    background.add_task(tools.doorbell.ring, JOBS_CHORE)
    return JobShape.of(job, language_of(request))


@router.post("/columns", operation_id="look_at_import_columns")
async def look_at_columns(request: Request, actor: NeedsWriter, file: Table) -> ColumnsShape:
    """Say what a file's columns are, how full, and which of ours they seem to be."""
    actor.signed_in()
    await _refuse_other_parts(request, {"file"})
    raw = await _bytes_of(file)
    try:
        found = await asyncio.to_thread(describe_columns, raw)
    except UnreadableRowError as error:
        fault = error.fault
        raise InvalidError(
            "import_unreadable",
            errors=[FieldError("/file", fault.code, dict(fault.params))],
            line=fault.line,
        ) from None
    return ColumnsShape.of(found, TABLE_COLUMNS)


@router.get("", operation_id="list_imports")
async def list_imports(
    actor: NeedsWriter, db: Db, organisation_id: UUID | None = None, limit: Limit = DEFAULT_LIMIT
) -> Listing[ImportShape]:
    """List the newest imports into an organisation; without one (stewards) those of all."""
    runs = await import_undoing.list_runs(db, actor, organisation_id, limit)
    return Listing(items=[ImportShape.of(run) for run in runs])


@router.post("/{import_id}/undo", status_code=status.HTTP_202_ACCEPTED, operation_id="undo_import")
async def undo_import(
    *,
    import_id: UUID,
    request: Request,
    response: Response,
    background: BackgroundTasks,
    actor: NeedsWriter,
    db: Db,
    tools: Tools,
) -> JobShape:
    """Take an import back, for seven days: what people touched since stays."""
    job = await imports.order_undo(db, actor, import_id)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    background.add_task(tools.doorbell.ring, JOBS_CHORE)
    return JobShape.of(job, language_of(request))


async def _bytes_of(file: UploadFile) -> bytes:
    raw = await file.read()
    if not raw:
        raise errors.import_file_missing()
    return raw


def _naming_of(text: str) -> dict[str, str] | None:
    if not text:
        return None
    fault = InvalidError("validation_failed", errors=[FieldError("/columns", "invalid")])
    try:
        naming = json.loads(text)
    except (ValueError, RecursionError):
        raise fault from None
    if not isinstance(naming, dict):
        raise fault
    allowed = {*TABLE_COLUMNS, IGNORED}
    used = [ours for ours in naming.values() if ours != IGNORED]
    if not all(isinstance(ours, str) and ours in allowed for ours in naming.values()):
        raise fault
    if len(set(used)) != len(used):
        raise fault
    return naming


async def _refuse_other_parts(request: Request, known: set[str]) -> None:
    form = await request.form()  # read by FastAPI already: kept, not parsed twice
    others = sorted(set(form) - known)
    if others or len(form.getlist("file")) > 1:
        found = [FieldError(f"/{name[:60]}", "extra_forbidden") for name in others or ["file"]]
        raise InvalidError("validation_failed", errors=found[:10])
