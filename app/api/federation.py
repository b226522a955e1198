"""The addresses that peers call, and what anybody may read about this instance."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response, status
from starlette.responses import JSONResponse

from app.api.dependencies import Configuration, Db, Tools
from app.api.wire import (
    PRIVATE,
    PUBLIC,
    ActivityRoute,
    PeerRoute,
    activity_answer,
    received_of,
    signed_answer,
)
from app.domain.administration.queries import instance_name
from app.errors import NotFoundError
from app.federation import agreements, inbox, outbox, sync
from app.federation.peers.identity import our_identity
from app.federation.public import receiving, sending
from app.federation.public.receiving import is_for_peers
from app.federation.receipts.issuing import receipt_for_peer
from app.federation.verification import Received, VerifiedReader, verify_reader
from app.federation.wire.actors import actor_to_wire, key_list_to_wire
from app.federation.wire.context import ACTIVITY_JSON, NATIVE_CONTEXT
from app.federation.wire.documents import part_to_wire
from app.federation.wire.log import LOG_ITEMS_MAX
from app.federation.wire.manifest import MANIFEST_ITEMS_MAX
from app.federation.wire.peering import EPOCH_PATTERN
from app.federation.wire.problems import (
    OBJECT_MISSING,
    RefusedError,
)
from app.federation.wire.schemas import NOUNS, VERSION, schema_of
from app.infra.database import transaction
from app.infra.public_signatures import is_tagged_for_peers

SEQUENCE_MAX = 2**53
ADDRESS_CHARACTERS_MAX = 500


wire_router = APIRouter(route_class=PeerRoute, include_in_schema=False)
activity_router = APIRouter(route_class=ActivityRoute, include_in_schema=False)


@wire_router.post("/inbox")
async def receive_message(request: Request, tools: Tools) -> Response:
    """Take a message: proven and stored when this answers 202, applied afterwards.

    The one inbox of the instance: what is not of the peers' profile goes the public road.
    """
    received = received_of(request, await request.body())
    if is_for_peers(received):
        async with transaction(tools.sessions) as session:
            await inbox.receive(session, tools, received)
        await tools.doorbell.ring(inbox.PROCESS_JOB)
    elif await receiving.receive(tools, received):
        await tools.doorbell.ring(sending.SEND_JOB)
    return Response(status_code=status.HTTP_202_ACCEPTED, headers=PRIVATE)


@wire_router.get("/fed/v1/log")
async def read_log(
    request: Request,
    tools: Tools,
    after: Annotated[int, Query(ge=0, le=SEQUENCE_MAX)] = 0,
    limit: Annotated[int, Query(ge=1, le=LOG_ITEMS_MAX)] = LOG_ITEMS_MAX,
    epoch: Annotated[str, Query(pattern=EPOCH_PATTERN)] = "",
) -> Response:
    """Return what we sent the asking peer after a number, signed together with its request."""
    received = received_of(request)
    async with transaction(tools.sessions) as session:
        reader = await verify_reader(session, tools, received)
        asked = sync.Asked(after, limit, epoch)
        body = await sync.log_page(session, tools, reader, asked)
        ours = await our_identity(session, tools, reader.peer.id)
    await tools.doorbell.ring(inbox.PROCESS_JOB)
    return signed_answer(tools.origin, ours, received, body)


@wire_router.get("/fed/v1/manifest")
async def read_manifest(
    request: Request,
    tools: Tools,
    after: Annotated[str, Query(max_length=ADDRESS_CHARACTERS_MAX)] = "",
    limit: Annotated[int, Query(ge=1, le=MANIFEST_ITEMS_MAX)] = MANIFEST_ITEMS_MAX,
) -> Response:
    """Return what the asking peer should hold of us, signed together with its request."""
    received = received_of(request)
    async with transaction(tools.sessions) as session:
        reader = await verify_reader(session, tools, received)
        body = await sync.manifest_page(session, tools, reader, after, limit)
        ours = await our_identity(session, tools, reader.peer.id)
    return signed_answer(tools.origin, ours, received, body)


@wire_router.get("/actor")
async def get_actor(tools: Tools, db: Db, settings: Configuration) -> Response:
    """Say who we are; readable unsigned, or two careful instances could never meet."""
    ours = await our_identity(db, tools)
    actor = ours.actor(await instance_name(db, settings.instance_name))
    return activity_answer(actor_to_wire(actor), PUBLIC)


@wire_router.get("/actor/keys")
async def get_actor_keys(tools: Tools, db: Db) -> Response:
    """List all keys that ever spoke for us, with their ends: old receipts are checked by them."""
    ours = await our_identity(db, tools)
    return activity_answer(key_list_to_wire(ours.key_list()), PUBLIC)


@activity_router.get("/needs/{need_id}")
async def get_need_document(
    request: Request, tools: Tools, need_id: Annotated[UUID, Path()]
) -> Response:
    """Return a need as a Proposal: public ones to all, others to the peers that may see them."""
    received = received_of(request)
    async with transaction(tools.sessions) as session:
        reader: VerifiedReader | None = None
        if is_tagged_for_peers(received.header_lines):
            reader = await verify_reader(session, tools, received)
        proposal = await outbox.need_document(session, tools, need_id, reader)
    document = {"@context": NATIVE_CONTEXT, **part_to_wire(proposal)}
    return activity_answer(document, PRIVATE | {"Vary": "Accept, Signature"})


@activity_router.get("/agreements/{key}")
async def get_agreement_document(
    request: Request, tools: Tools, key: Annotated[UUID, Path()]
) -> Response:
    """Return an agreement to the instance with whose member it is; for others there is none."""
    received = received_of(request)
    async with transaction(tools.sessions) as session:
        reader = await _party(session, tools, received)
        found = await agreements.agreement_document(session, tools, key, reader)
    document = {"@context": NATIVE_CONTEXT, **part_to_wire(found)}
    return activity_answer(document, PRIVATE | {"Vary": "Accept, Signature"})


@activity_router.get("/receipts/{receipt_id}")
async def get_receipt_document(
    request: Request, tools: Tools, receipt_id: Annotated[UUID, Path()]
) -> Response:
    """Return a receipt to the peer that is party to it; for all others there is none."""
    received = received_of(request)
    async with transaction(tools.sessions) as session:
        reader = await _party(session, tools, received)
        body = await receipt_for_peer(session, tools, receipt_id, reader.peer.id)
    return Response(body, headers=PRIVATE, media_type=ACTIVITY_JSON)


async def _party(session: Db, tools: Tools, received: Received) -> VerifiedReader:
    """Prove a reader of what only the other party may know to be there."""
    try:
        return await verify_reader(session, tools, received)
    except RefusedError as refused:
        raise RefusedError(OBJECT_MISSING, refused.detail) from refused


@wire_router.get("/fed/v1/schemas")
async def list_schemas(tools: Tools) -> Response:
    """Name the JSON schemas of everything that travels, for whoever builds a peer."""
    here = f"{tools.origin}/fed/v1/schemas"
    found = {noun: f"{here}/{noun}.schema.json" for noun in sorted(NOUNS)}
    return JSONResponse({"version": VERSION, "schemas": found}, headers=PUBLIC)


@wire_router.get("/fed/v1/schemas/{noun}.schema.json")
async def get_schema(noun: str) -> Response:
    """Return one JSON schema, as the classes say that read what peers send."""
    if noun not in NOUNS:
        raise NotFoundError("not_found")
    return JSONResponse(schema_of(noun), headers=PUBLIC, media_type="application/schema+json")


wire_router.include_router(activity_router)
