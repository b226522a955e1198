"""Saying "still on it" and "still needed": by one tap, also from a mailed link without signing in.

A link that is only opened changes nothing: programs that look at mail open links too.
"""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.claims import clocks
from app.domain.needs import renewing
from app.domain.needs.actions import renew_need
from app.models.needs import Need
from app.pages.dependencies import Db, PageRoute, Reader, Sent, SignedIn, Visit, go
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)


@router.post("/claims/{claim_id:uuid}/heartbeat")
async def keep_claim(claim_id: UUID, db: Db, visit: SignedIn, _: Sent) -> Response:
    """Say "I am still on it" on the page of one's claims."""
    await clocks.heartbeat(db, visit.actor, claim_id)
    return go(f"/me/claims#claim-{claim_id}", "kept")


@router.post("/needs/{need_id:uuid}/renewal")
async def keep_need(need_id: UUID, db: Db, visit: SignedIn, _: Sent) -> Response:
    """Say "still needed" on a need's page."""
    await renew_need(db, visit.actor, need_id)
    return go(f"/needs/{need_id}", "renewed")


@router.get("/still-on-it/{token}")
async def open_claim_link(token: str, db: Db, visit: Reader) -> Response:
    """Show what the link is about, and the button."""
    view = await clocks.claim_of_link(db, token)
    return await _link_page(visit, "still", view.need, f"/still-on-it/{token}")


@router.post("/still-on-it/{token}")
async def use_claim_link(token: str, db: Db, visit: Reader, _: Sent) -> Response:
    """Count the tap, once."""
    view = await clocks.heartbeat_by_link(db, token)
    return await _link_page(visit, "still", view.need)


@router.get("/renew/{token}")
async def open_need_link(token: str, db: Db, visit: Reader) -> Response:
    """Show what the link is about, and the button."""
    need = await renewing.need_of_link(db, token)
    return await _link_page(visit, "renew", need, f"/renew/{token}")


@router.post("/renew/{token}")
async def use_need_link(token: str, db: Db, visit: Reader, _: Sent) -> Response:
    """Count the tap, once."""
    need = await renewing.renew_by_link(db, token)
    return await _link_page(visit, "renew", need)


async def _link_page(visit: Visit, kind: str, need: Need, action: str = "") -> Response:
    """Answer with the question, or, without an action, with thanks."""
    response = await render(visit.page, "one_tap.html", kind=kind, need=need, action=action)
    response.headers["Cache-Control"] = "no-store"  # the address is a key until it is used
    return response
