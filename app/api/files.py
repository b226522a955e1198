"""Files: take one in, describe it, give its bytes, remove it.

Who sends is looked at before the body is read, and no transaction is open while it comes in:
a slow sender holds a spooled file and nothing of the database.
"""

import hashlib
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status
from starlette.datastructures import UploadFile

from app.api.dependencies import (
    Caller,
    Configuration,
    Db,
    NeedsReader,
    SignedIn,
    Tools,
    find_actor,
    take_idempotency_key,
)
from app.api.routing import StrictRoute, UploadRoute
from app.api.schemas.base import Listing
from app.api.schemas.files import FileShape, FileTarget
from app.domain.access import Actor
from app.domain.claims import attachments
from app.domain.files import actions, errors
from app.domain.files.actions import Place
from app.domain.files.preparing import prepare_file
from app.domain.files.rules import Limits
from app.domain.needs.attachments import files_on_need, note_new_file, place_on_need
from app.domain.needs.queries import get_need_for
from app.errors import FieldError, InvalidError, UnsupportedError
from app.infra.database import transaction
from app.models.files import File

# Short: what is held or taken away is gone from caches between us as well, soon.
PUBLIC_SECONDS = 300
# Whatever somebody brings in: opened here it runs nothing, loads nothing, is framed nowhere.
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "alt": {"type": "string", "description": "What a picture shows."},
                    },
                }
            }
        },
    }
}

router = APIRouter(route_class=StrictRoute, tags=["files"])
upload_router = APIRouter(route_class=UploadRoute, tags=["files"])
content_router = APIRouter(route_class=StrictRoute, include_in_schema=False)

Target = Annotated[FileTarget, Query()]


class Sent(NamedTuple):
    """What came in a form."""

    name: str
    content: bytes
    alt: str


def limits_of(settings: Configuration) -> Limits:
    """Return how much room there is, as the operator set it."""
    return Limits(
        file=settings.file_max_bytes,
        account=settings.files_account_max_bytes,
        organisation=settings.files_organisation_max_bytes,
        instance=settings.files_instance_max_bytes,
    )


async def _place(db: Db, actor: Actor, target: FileTarget) -> Place:
    if target.need_id is not None and target.claim_id is None:
        return await place_on_need(db, actor, target.need_id)
    if target.claim_id is not None and target.need_id is None:
        return await attachments.place_on_claim(db, actor, target.claim_id)
    raise InvalidError("validation_failed", errors=[FieldError("?claim_id", "missing")])


async def _uploader(
    request: Request, target: Target, tools: Tools, settings: Configuration
) -> Actor:
    """Let only those send who may, and only while there is room, before anything is read."""
    async with transaction(tools.sessions) as db:
        actor = await find_actor(request, db, settings)
        actor.signed_in()
        place = await _place(db, actor, target)
        await actions.check_room(db, actor, place, 1, limits_of(settings))
    return actor


Uploader = Annotated[Actor, Depends(_uploader)]


async def _read_upload(request: Request) -> Sent:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise UnsupportedError("form_expected")
    async with request.form(max_files=1, max_fields=1, max_part_size=8192) as form:
        others = sorted(set(form) - {"file", "alt"})
        if others:
            found = [FieldError(f"/{name[:60]}", "extra_forbidden") for name in others[:10]]
            raise InvalidError("validation_failed", errors=found)
        file, alt = form.get("file"), form.get("alt", "")
        if not isinstance(file, UploadFile) or not isinstance(alt, str):
            raise errors.file_missing()
        return Sent(file.filename or "", await file.read(), alt)


@upload_router.post(
    "/files",
    status_code=status.HTTP_201_CREATED,
    operation_id="upload_file",
    openapi_extra=UPLOAD_BODY,
)
async def upload_file(
    request: Request,
    response: Response,
    target: Target,
    actor: Uploader,
    db: Db,
    tools: Tools,
    settings: Configuration,
) -> FileShape:
    """Take in a file for a need, or for a message in the thread of a claim."""
    sent = await _read_upload(request)
    prepared = await prepare_file(sent.name, sent.content, sent.alt, settings.file_max_bytes)
    if "idempotency-key" in request.headers:
        said = f"{sent.name}\n{sent.alt}\n".encode(errors="replace")
        digest = said + hashlib.sha256(sent.content).digest()
        await take_idempotency_key(request, db, actor, digest)
        request.state.db = db
    place = await _place(db, actor, target)
    limits = limits_of(settings)
    file = await actions.store_file(db, actor, tools.storage, place, prepared, limits)
    await note_new_file(db, actor, file)
    response.headers["Location"] = f"/api/v1/files/{file.id}"
    return FileShape.of(file)


@router.get("/files/{file_id}", operation_id="get_file")
async def get_file(file_id: UUID, actor: Caller, db: Db) -> FileShape:
    """Describe a file to whoever may read what it is attached to."""
    return FileShape.of(await attachments.get_file_for(db, actor, file_id))


@router.delete(
    "/files/{file_id}", status_code=status.HTTP_204_NO_CONTENT, operation_id="delete_file"
)
async def delete_file(file_id: UUID, actor: SignedIn, db: Db) -> None:
    """Remove a file: from a need its organisation, from a claim whoever uploaded it."""
    await attachments.remove_file(db, actor, file_id)


@router.get("/needs/{need_id}/files", operation_id="list_need_files")
async def list_need_files(need_id: UUID, actor: NeedsReader, db: Db) -> Listing[FileShape]:
    """List the files on a need, oldest first."""
    need = await get_need_for(db, actor, need_id)
    return Listing(items=[FileShape.of(file) for file in await files_on_need(db, need.id)])


@content_router.get("/files/{file_id}/{name}")
async def get_content(
    file_id: UUID, name: str, request: Request, actor: Caller, db: Db, tools: Tools
) -> Response:
    """Give a file's bytes, asked anew each time whether the reader may have them."""
    file = await attachments.get_file_for(db, actor, file_id)
    if name != file.name:
        raise errors.file_not_found()
    headers = _headers(file, public=await attachments.is_public(db, file))
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    content = await tools.storage.get(file.id)
    kind = file.media_type
    return Response(content, headers=headers, media_type=kind)


def _headers(file: File, *, public: bool) -> dict[str, str]:
    """Return what keeps a file from being anything but itself, in any browser and cache."""
    # Pictures were made anew here; all else is saved and opened elsewhere, never in our name.
    way = "inline" if file.media_type.startswith("image/") else "attachment"
    plain = "".join(c if (c.isascii() and c.isalnum()) or c in "._-" else "_" for c in file.name)
    lasting = f"public, max-age={PUBLIC_SECONDS}"
    return {
        "Content-Disposition": f"{way}; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name)}",
        "Content-Security-Policy": FILE_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": lasting if public else "private, no-cache",
        "ETag": f'"{file.digest.hex()[:32]}"',
        "Vary": "Cookie, Authorization",
    }
