"""The addresses that peers call, and what anybody may read about this instance."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response, status
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.routing import Match
from starlette.types import Scope

from app import __version__
from app.api.dependencies import Configuration, Db, Tools
from app.api.errors import PROBLEM, problem_of
from app.domain.access import ANONYMOUS
from app.domain.administration.queries import instance_name
from app.domain.needs.queries import NeedFilters, count_needs
from app.errors import AppError, NotFoundError, kind_of
from app.federation import agreements, inbox, outbox, sync
from app.federation.peers.actions import POLICY_PATH
from app.federation.peers.identity import our_identity
from app.federation.verification import Received, VerifiedReader, verify_reader
from app.federation.wire.actors import PREFERRED_NAME, actor_to_wire, key_list_to_wire
from app.federation.wire.context import ACTIVITY_JSON, ACTIVITY_MEDIA_TYPES, NATIVE_CONTEXT
from app.federation.wire.documents import part_to_wire
from app.federation.wire.log import LOG_ITEMS_MAX
from app.federation.wire.problems import (
    MALFORMED,
    OBJECT_MISSING,
    RATE_LIMIT,
    TOO_LARGE,
    RefusedError,
)
from app.infra import clock
from app.infra.canonical import canonical_json
from app.infra.database import transaction
from app.infra.i18n import LANGUAGES
from app.infra.signatures import HttpAnswer

SEQUENCE_MAX = 2**53
NODEINFO_SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/2.1"
JRD = "application/jrd+json"
PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Signature"}
PUBLIC = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
_PROBLEM_OF_STATUS = {413: TOO_LARGE, 429: RATE_LIMIT}


class PeerRoute(APIRoute):
    """A route for machines of peers: refusals are told as the profile's problem types."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()

        async def handle_refusals(request: Request) -> Response:
            try:
                return await handle(request)
            except RefusedError as refused:
                return _refusal(request, refused)
            except AppError as error:
                if error.status not in _PROBLEM_OF_STATUS:
                    raise
                return _refusal(request, RefusedError(_PROBLEM_OF_STATUS[error.status]))

        return handle_refusals


class ActivityRoute(PeerRoute):
    """A route that exists only for who asks for ActivityStreams; people get the page."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as usual, when the first wanted media type is one of ours."""
        if scope["type"] == "http" and not wants_activity(Headers(scope=scope).get("accept", "")):
            return Match.NONE, {}
        return super().matches(scope)


def wants_activity(accept: str) -> bool:
    """Whether a client asks for ActivityStreams rather than for a page."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return next((kind in ACTIVITY_MEDIA_TYPES for kind in kinds if kind), False)


wire_router = APIRouter(route_class=PeerRoute, include_in_schema=False)
activity_router = APIRouter(route_class=ActivityRoute, include_in_schema=False)


@wire_router.post("/inbox")
async def receive_message(request: Request, tools: Tools) -> Response:
    """Take a peer's message: proven and stored when this answers 202, applied afterwards."""
    received = await _received(request, await request.body())
    async with transaction(tools.sessions) as session:
        await inbox.receive(session, tools, received)
    await tools.doorbell.ring(inbox.PROCESS_JOB)
    return Response(status_code=status.HTTP_202_ACCEPTED, headers=PRIVATE)


@wire_router.get("/fed/v1/log")
async def read_log(
    request: Request,
    tools: Tools,
    after: Annotated[int, Query(ge=0, le=SEQUENCE_MAX)] = 0,
    limit: Annotated[int, Query(ge=1, le=LOG_ITEMS_MAX)] = LOG_ITEMS_MAX,
) -> Response:
    """Return what we sent the asking peer after a number, signed together with its request."""
    received = await _received(request)
    async with transaction(tools.sessions) as session:
        reader = await verify_reader(session, tools, received)
        body = await sync.log_page(session, tools, reader, after, limit)
        ours = await our_identity(session, tools, reader.peer.id)
    lines = [("Content-Type", ACTIVITY_JSON)]
    asked = received.signed_as(tools.origin)
    headers = ours.sign_answer(HttpAnswer(status.HTTP_200_OK, lines, body, asked))
    return Response(body, headers={**headers, **PRIVATE})


@wire_router.get("/actor")
async def get_actor(tools: Tools, db: Db, settings: Configuration) -> Response:
    """Say who we are; readable unsigned, or two careful instances could never meet."""
    ours = await our_identity(db, tools)
    actor = ours.actor(await instance_name(db, settings.instance_name))
    return _activity(actor_to_wire(actor), PUBLIC)


@wire_router.get("/actor/keys")
async def get_actor_keys(tools: Tools, db: Db) -> Response:
    """List all keys that ever spoke for us, with their ends: old receipts are checked by them."""
    ours = await our_identity(db, tools)
    return _activity(key_list_to_wire(ours.key_list()), PUBLIC)


@wire_router.get("/.well-known/webfinger")
async def find_actor(
    tools: Tools, resource: Annotated[str, Query(min_length=1, max_length=500)]
) -> Response:
    """RFC 7033: our handle, our origin and our actor all lead to the actor (FEP-d556)."""
    handle = f"acct:{PREFERRED_NAME}@{urlsplit(tools.origin).netloc}"
    actor_url = f"{tools.origin}/actor"
    if resource not in {handle, tools.origin, f"{tools.origin}/", actor_url}:
        raise NotFoundError("not_found")
    link = {"rel": "self", "type": ACTIVITY_JSON, "href": actor_url}
    document = {"subject": handle, "aliases": [actor_url], "links": [link]}
    return JSONResponse(document, headers=PUBLIC, media_type=JRD)


@wire_router.get("/.well-known/nodeinfo")
async def find_nodeinfo(tools: Tools) -> Response:
    """Lead to our NodeInfo document, and to the actor (FEP-2677)."""
    links = [
        {"rel": NODEINFO_SCHEMA, "href": f"{tools.origin}/nodeinfo/2.1"},
        {
            "rel": "https://www.w3.org/ns/activitystreams#Application",
            "href": f"{tools.origin}/actor",
        },
    ]
    return JSONResponse({"links": links}, headers=PUBLIC)


@wire_router.get("/nodeinfo/2.1")
async def get_nodeinfo(db: Db, settings: Configuration) -> Response:
    """Describe the software and how much there is; nothing about people.

    The answer is kept by caches, so it is the same whoever asks.
    """
    open_needs = await count_needs(db, ANONYMOUS, NeedFilters(instance="here"))
    document = {
        "version": "2.1",
        "software": {"name": "tornallom", "version": __version__},
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": settings.registration_open,
        "usage": {"users": {}, "localPosts": open_needs},
        "metadata": {
            "nodeName": await instance_name(db, settings.instance_name),
            "languages": list(LANGUAGES),
            "policy": f"{settings.origin}{POLICY_PATH}",
        },
    }
    kind = f'application/json; profile="{NODEINFO_SCHEMA}#"'
    return JSONResponse(document, headers=PUBLIC, media_type=kind)


@activity_router.get("/needs/{need_id}")
async def get_need_document(
    request: Request, tools: Tools, need_id: Annotated[UUID, Path()]
) -> Response:
    """Return a need as a Proposal: public ones to all, others to the peers that may see them."""
    received = await _received(request)
    async with transaction(tools.sessions) as session:
        reader: VerifiedReader | None = None
        if received.header("signature-input"):
            reader = await verify_reader(session, tools, received)
        proposal = await outbox.need_document(session, tools, need_id, reader)
    document = {"@context": NATIVE_CONTEXT, **part_to_wire(proposal)}
    return _activity(document, PRIVATE | {"Vary": "Accept, Signature"})


@activity_router.get("/agreements/{key}")
async def get_agreement_document(
    request: Request, tools: Tools, key: Annotated[UUID, Path()]
) -> Response:
    """Return an agreement to the instance with whose member it is; for others there is none."""
    received = await _received(request)
    async with transaction(tools.sessions) as session:
        try:
            reader = await verify_reader(session, tools, received)
        except RefusedError as refused:
            raise RefusedError(OBJECT_MISSING, refused.detail) from refused
        found = await agreements.agreement_document(session, tools, key, reader)
    document = {"@context": NATIVE_CONTEXT, **part_to_wire(found)}
    return _activity(document, PRIVATE | {"Vary": "Accept, Signature"})


async def _received(request: Request, body: bytes = b"") -> Received:
    """Take a request as it came over the wire, before anything was decoded."""
    raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
    try:
        lines = [
            (name.decode("ascii"), value.decode("ascii")) for name, value in request.headers.raw
        ]
        path = raw_path.partition(b"?")[0].decode("ascii")
        query = request.scope["query_string"].decode("ascii")
    except UnicodeDecodeError as error:
        raise RefusedError(MALFORMED, "not ASCII") from error
    return Received(request.method, path, query, lines, body)


def _refusal(request: Request, refused: RefusedError) -> Response:
    """Tell a peer why; the type is what its software acts by."""
    error = AppError(f"federation_{refused.problem.code.replace('-', '_')}")
    error.status = refused.problem.status  # type: ignore[misc]
    error.kind = kind_of(error.status)  # type: ignore[misc]
    document = {**problem_of(request, error), "type": refused.problem.type}
    document["code"] = refused.problem.code
    headers = {**refused.headers, "Date": clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")}
    return JSONResponse(document, refused.problem.status, headers=headers, media_type=PROBLEM)


def _activity(document: dict[str, Any], headers: dict[str, str]) -> Response:
    return Response(canonical_json(document), media_type=ACTIVITY_JSON, headers=headers)


wire_router.include_router(activity_router)
