"""The public surface: how the fediverse finds this instance, reads it and sees how many follow."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response, status
from starlette.responses import JSONResponse, RedirectResponse

from app import __version__
from app.api.dependencies import (
    DEFAULT_LIMIT,
    Configuration,
    Cursor,
    Db,
    Limit,
    Steward,
    Tools,
    set_next_link,
)
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.followers import FollowerServer
from app.api.wire import PUBLIC, PeerRoute, activity_answer, wants_activity
from app.domain.access import ANONYMOUS
from app.domain.administration.queries import instance_name
from app.domain.needs.queries import NeedFilters, count_needs
from app.errors import InvalidError, NotFoundError
from app.federation.peers.actions import POLICY_PATH
from app.federation.public import followers, notes
from app.federation.public.notes import Place
from app.federation.wire.actors import PREFERRED_NAME
from app.federation.wire.context import ACTIVITY_JSON, PROFILE
from app.federation.wire.documents import part_to_wire
from app.federation.wire.notes import GoneNote, public_to_wire
from app.federation.wire.problems import MALFORMED, RefusedError
from app.infra.i18n import LANGUAGES
from app.infra.pagination import decode_cursor, encode_cursor

NODEINFO_SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/2.1"
JRD = "application/jrd+json"
PROFILE_PAGE = "http://webfinger.net/rel/profile-page"
RESOURCE_CHARACTERS_MAX = 500
# Short: what is taken back should be gone for readers soon.
BRIEFLY = {**PUBLIC, "Cache-Control": "public, max-age=60"}

router = APIRouter(prefix="/followers", route_class=StrictRoute, tags=["followers"])
public_router = APIRouter(route_class=PeerRoute, include_in_schema=False)


@router.get("", operation_id="list_follower_servers")
async def list_follower_servers(
    actor: Steward,
    db: Db,
    request: Request,
    response: Response,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[FollowerServer]:
    """List the servers of the fediverse with followers of ours: how many, and how it goes."""
    page = await followers.list_servers_for(db, actor, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    items = [
        FollowerServer(
            origin=each.server.origin,
            followers=each.followers,
            waiting=each.waiting,
            failing_since=each.server.failing_since,
            last_failure=each.server.last_failure,
            last_success_at=each.server.last_success_at,
            next_attempt_at=each.server.next_attempt_at if each.waiting else None,
        )
        for each in page.items
    ]
    return Listing(items=items, next_cursor=page.next_cursor)


@public_router.get("/.well-known/webfinger")
async def find_actor(
    tools: Tools,
    resource: str = "",
    rel: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """RFC 7033: our handle, our origin and our actor all lead to the actor (FEP-d556)."""
    if ":" not in resource or len(resource) > RESOURCE_CHARACTERS_MAX:
        raise RefusedError(MALFORMED, "a resource is an address")
    origin = tools.origin
    handle = f"acct:{PREFERRED_NAME}@{urlsplit(origin).netloc}"
    actor_url = f"{origin}/actor"
    # Handles are written as people write them; addresses have one spelling.
    asked = resource.lower() if resource[:5].lower() == "acct:" else resource
    if asked not in {handle, origin, f"{origin}/", actor_url}:
        raise NotFoundError("not_found")
    links = [
        {"rel": "self", "type": ACTIVITY_JSON, "href": actor_url},
        {"rel": PROFILE_PAGE, "type": "text/html", "href": f"{origin}/"},
    ]
    wanted = [link for link in links if not rel or link["rel"] in rel]
    document = {"subject": handle, "aliases": [actor_url, f"{origin}/"], "links": wanted}
    return JSONResponse(document, headers=PUBLIC, media_type=JRD)


@public_router.get("/.well-known/nodeinfo")
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


@public_router.get("/nodeinfo/2.1")
async def get_nodeinfo(tools: Tools, db: Db, settings: Configuration) -> Response:
    """Describe the software and how much there is; nothing about people.

    The answer is kept by caches, so it is the same whoever asks.
    """
    open_needs = await count_needs(db, ANONYMOUS, NeedFilters(instance="here"))
    document = {
        "version": "2.1",
        "software": {"name": "tornallom", "version": __version__},
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": ["atom1.0"]},
        "openRegistrations": settings.registration_open,
        "usage": {"users": {}, "localPosts": open_needs, "localComments": 0},
        "metadata": {
            "nodeName": await instance_name(db, settings.instance_name),
            "languages": list(LANGUAGES),
            "policy": f"{settings.origin}{POLICY_PATH}",
            "federation": {
                "profile": PROFILE,
                "publicFollow": await followers.are_welcome(db, tools),
            },
        },
    }
    kind = f'application/json; profile="{NODEINFO_SCHEMA}#"'
    return JSONResponse(document, headers=PUBLIC, media_type=kind)


@public_router.get("/outbox")
async def read_outbox(
    tools: Tools,
    db: Db,
    page: Annotated[bool, Query()] = False,
    after: Annotated[str, Query(max_length=512)] = "",
) -> Response:
    """List our public needs as the activities that made them public, newest first."""
    address = f"{tools.origin}/outbox"
    if not page:
        total = await notes.count_notes(db)
        return _collection(address, total, first=f"{address}?page=true")
    items, following = await notes.outbox_page(db, tools, _cursor_of(after))
    document: dict[str, Any] = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{address}?page=true" + (f"&after={after}" if after else ""),
        "type": "OrderedCollectionPage",
        "partOf": address,
        "orderedItems": [part_to_wire(item) for item in items],
    }
    if following is not None:
        cursor = encode_cursor(following.published_at.isoformat(), following.need_id)
        document["next"] = f"{address}?page=true&after={cursor}"
    return activity_answer(document, BRIEFLY)


@public_router.get("/followers")
async def count_followers(tools: Tools, db: Db) -> Response:
    """Say how many follow, and never who."""
    return _collection(f"{tools.origin}/followers", await followers.count(db))


@public_router.get("/needs/{need_id}/note")
async def get_note(
    request: Request, tools: Tools, db: Db, need_id: Annotated[UUID, Path()]
) -> Response:
    """Return a public need in words; people are led to its page."""
    note = await notes.find_note(db, tools, need_id)
    accept = request.headers.get("accept", "")
    headers = {**BRIEFLY, "Vary": "Accept"}
    if isinstance(note, GoneNote):
        return activity_answer(public_to_wire(note), headers, status.HTTP_410_GONE)
    if "text/html" in accept and not wants_activity(accept):
        return RedirectResponse(f"/needs/{need_id}", status.HTTP_303_SEE_OTHER, headers)
    return activity_answer(public_to_wire(note), headers)


def _collection(address: str, total: int, **more: str) -> Response:
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": address,
        "type": "OrderedCollection",
        "totalItems": total,
        **more,
    }
    return activity_answer(document, BRIEFLY)


def _cursor_of(after: str) -> Place | None:
    if not after:
        return None
    published_at, need_id = decode_cursor(after, 2)
    try:
        moment = datetime.fromisoformat(published_at or "")
        found = Place(moment, UUID(need_id))
    except ValueError:
        raise InvalidError("cursor_invalid") from None
    if moment.tzinfo is None:
        raise InvalidError("cursor_invalid")
    return found
