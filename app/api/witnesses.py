"""The log for those outside: its newest state, what witnesses sign, and its public forks."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, status
from pydantic import ValidationError

from app.api.dependencies import Db, Steward, Tools, WithKey
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.witnesses import ForkInput, ForkShape, StandingShape, WatchedShape
from app.api.wire import PRIVATE, PeerRoute, received_of, signed_answer
from app.domain.witnesses import queries
from app.domain.witnesses.queries import Fork
from app.domain.witnesses.rules import Tree
from app.errors import NotFoundError
from app.federation.peers.identity import our_identity
from app.federation.verification import check_envelope, verify_reader
from app.federation.wire.checkpoints import (
    ADD_PATH,
    LOGS_PATH,
    REQUEST_BYTES_MAX,
    SIZE_MAX,
    LogIntroduction,
)
from app.federation.wire.documents import part_to_wire
from app.federation.wire.problems import CONTENT_TYPE, MALFORMED, TOO_LARGE, RefusedError
from app.federation.witnesses import forking, signing
from app.federation.witnesses.our_log import witness_keys
from app.infra.canonical import canonical_json
from app.infra.database import transaction
from app.infra.strict_json import StrictJsonError, parse_json

TEXT = "text/plain"
# Anybody may look, and sees at once what was signed a moment ago.
FRESH = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}
KEEP_LOG = "keep_log"
Host = Annotated[str, Path(max_length=255)]

router = APIRouter(prefix="/ledger", route_class=StrictRoute, tags=["ledger"])
wire_router = APIRouter(route_class=PeerRoute, include_in_schema=False)


@router.get("/standing", operation_id="get_ledger_standing")
async def get_standing(db: Db, tools: Tools) -> StandingShape:
    """Say where this instance's log stands, who witnessed it, and whether it may grow."""
    return StandingShape.of(await forking.log_standing(db, tools))


@router.get("/watched", operation_id="list_watched_logs")
async def list_watched(db: Db) -> Listing[WatchedShape]:
    """List the logs of peers that this instance witnesses, with what contradicted itself."""
    return Listing(items=[WatchedShape.of(view) for view in await queries.watched_logs(db)])


@router.post(
    "/forks",
    status_code=status.HTTP_201_CREATED,
    operation_id="declare_fork",
    dependencies=[WithKey],
)
async def declare_fork(body: ForkInput, actor: Steward, db: Db, tools: Tools) -> ForkShape:
    """Declare in public that the ledger goes on from what it is now; only while it is read-only."""
    looked_at = Tree(body.held_size, bytes.fromhex(body.held_root))
    fork = await forking.declare_fork(db, tools, actor, looked_at, body.reason)
    return ForkShape.of(Fork(fork, body.reason.strip()))


@wire_router.post(LOGS_PATH)
async def meet_log(request: Request, tools: Tools) -> Response:
    """Hear of a peer's log, its keys and its forks; tell it by which keys we sign."""
    received = received_of(request, await request.body())
    check_envelope(tools.origin, received)
    try:
        said = LogIntroduction.model_validate(parse_json(received.body))
    except (StrictJsonError, ValidationError) as error:
        raise RefusedError(MALFORMED, "no introduction of a log") from error
    async with transaction(tools.sessions) as session:
        reader = await verify_reader(session, tools, received)
        answer = await signing.meet_log(session, tools, reader, said)
        ours = await our_identity(session, tools, reader.peer.id)
    return signed_answer(tools.origin, ours, received, canonical_json(part_to_wire(answer)))


@wire_router.post(ADD_PATH)
async def add_checkpoint(request: Request, tools: Tools) -> Response:
    """Sign a peer's checkpoint if its log only grew (C2SP tlog-witness)."""
    received = received_of(request, await request.body())
    if len(received.body) > REQUEST_BYTES_MAX:
        raise RefusedError(TOO_LARGE)
    if received.header("content-type").partition(";")[0].strip().lower() != TEXT:
        raise RefusedError(CONTENT_TYPE)
    async with transaction(tools.sessions) as session:
        reader = await verify_reader(session, tools, received)
        reply = await signing.add_checkpoint(session, tools, reader, received.body)
    return Response(
        reply.text, status_code=reply.status, media_type=reply.media_type, headers=PRIVATE
    )


@wire_router.get("/witness/keys")
async def list_witness_keys(tools: Tools) -> Response:
    """List the keys by which we sign as a witness, one a line; the one in use last."""
    async with transaction(tools.sessions) as session:
        lines = [f"{key.written()}\n" for key in await witness_keys(session, tools)]
    return Response("".join(lines), headers=FRESH, media_type=TEXT)


@wire_router.get("/witness/{host}/checkpoint")
async def get_witnessed(host: Host, db: Db) -> Response:
    """Return the checkpoint of an instance that we signed last: anybody may hold it to that."""
    return Response(await signing.newest_of(db, host), headers=FRESH, media_type=TEXT)


@wire_router.get("/witness/{host}/checkpoints")
async def list_witnessed(
    host: Host, tools: Tools, up_to: Annotated[int, Query(ge=0, le=SIZE_MAX)] = SIZE_MAX
) -> Response:
    """List what we signed of an instance's log, the newest first, up to a size."""
    async with transaction(tools.sessions) as session:
        found = await signing.signed_of(session, tools, host, up_to)
    body = canonical_json(part_to_wire(found))
    return Response(body, headers=FRESH, media_type="application/json")


@wire_router.get("/ledger/checkpoint")
async def get_checkpoint(db: Db) -> Response:
    """Return the newest state of our log with every signature under it."""
    note = await forking.newest_note(db)
    if note is None:
        raise NotFoundError("checkpoint_not_found")
    return Response(note.written(), headers=FRESH, media_type=TEXT)
