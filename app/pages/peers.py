"""The stewards' desk of peers: how it goes with each, who asks, and connecting with another."""

from collections.abc import Sequence
from typing import NamedTuple

from fastapi import APIRouter, BackgroundTasks, Request
from starlette.responses import Response

from app.domain.administration import actions as administration
from app.domain.administration.queries import peer_policy
from app.errors import AppError, UpstreamError
from app.federation.peers import introductions, queries, stewarding, wishes
from app.federation.peers.health import said_time, sentence
from app.federation.peers.introductions import Introduction
from app.federation.peers.queries import PeerView
from app.infra.runtime import Runtime
from app.models.federation import PeerState
from app.models.peers import PeerWish
from app.pages import text
from app.pages.dependencies import Db, PageRoute, Reader, Sent, SignedIn, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)
DESK = "/stewardship/peers"
DELIVER_CHORE = "deliver_messages"
# What waits for a decision stands first.
DECIDING = (PeerState.REQUESTED, PeerState.KEY_CHANGED)
OVER = (PeerState.ENDED, PeerState.BLOCKED)


class PeerCard(NamedTuple):
    """A peer in the stewards' list."""

    view: PeerView
    name: str
    host: str
    health: str
    last: str
    next: str


class WishCard(NamedTuple):
    """An address that is yet to answer."""

    wish: PeerWish
    host: str
    next: str


def card_of(view: PeerView, language: str) -> PeerCard:
    """Say of a peer what a steward must know of it, in their language."""
    host = text.host_of(view.peer.origin) or view.peer.origin
    health = view.health
    return PeerCard(
        view=view,
        name=view.peer.name or host,
        host=host,
        health=sentence(language, health),
        last=said_time(language, health.last_try_at, past=True) if health.last_try_at else "",
        next=said_time(language, health.next_try_at) if health.next_try_at else "",
    )


@router.get(DESK)
async def list_peers(db: Db, visit: SignedIn) -> Response:
    """Show every peer with its sentence, what waits for a decision first."""
    return await _render(db, visit, Form())


async def _render(db: Db, visit: Visit, form: Form, status: int = 200) -> Response:
    visit.actor.require_steward()
    language = visit.language
    views = await queries.list_views_for(db, visit.actor)
    cards = [card_of(view, language) for view in views]
    return await render(
        visit.page,
        "peers.html",
        status=status,
        form=form,
        groups=_groups(cards),
        wishes=[_wish(wish, language) for wish in await wishes.list_wishes(db, visit.actor)],
    )


def _groups(cards: Sequence[PeerCard]) -> list[tuple[str, list[PeerCard]]]:
    """Put the cards under headings; a heading without any is left out."""

    def place(card: PeerCard) -> str:
        state = card.view.peer.state
        return "deciding" if state in DECIDING else "over" if state in OVER else "peers"

    named = [(name, [card for card in cards if place(card) == name])
             for name in ("deciding", "peers", "over")]  # fmt: skip
    return [(name, found) for name, found in named if found]


def _wish(wish: PeerWish, language: str) -> WishCard:
    host = text.host_of(wish.origin) or wish.origin
    return WishCard(wish, host, said_time(language, wish.next_try_at))


@router.post(f"{DESK}/look")
async def look(request: Request, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Show who answers at an address; where nobody does, offer to wait for them."""
    visit.actor.require_steward()
    runtime: Runtime = request.app.state.runtime
    try:
        said = await introductions.look_at(runtime, visit.actor, form.value("address"))
    except UpstreamError:
        return await _render_look(visit, form, None, 200)
    except AppError as error:
        return await _render(db, visit, _at_address(form, visit, error), error.status)
    return await _render_look(visit, form, said, 200)


async def _render_look(
    visit: Visit, form: Form, said: Introduction | None, status: int
) -> Response:
    return await render(
        visit.page,
        "peer_look.html",
        status=status,
        form=form,
        said=said,
        address=form.value("address").strip(),
        host=text.host_of(said.found.origin) if said else form.value("address").strip(),
    )


def _at_address(form: Form, visit: Visit, error: AppError) -> Form:
    found = refused(form, visit.language, error)
    problems = [problem._replace(field="address") for problem in found.problems]
    return Form(form.sent, problems)


@router.post(f"{DESK}/connect")
async def connect(
    request: Request, db: Db, visit: SignedIn, form: Sent, background: BackgroundTasks
) -> Response:
    """Ask to connect with the instance that was looked at; the same key must still answer."""
    runtime: Runtime = request.app.state.runtime
    address, fingerprint = form.value("address"), form.value("fingerprint")[:60]
    try:
        async with db.begin_nested():
            peer = await stewarding.connect(db, runtime, visit.actor, address, fingerprint)
    except AppError as error:
        if error.status in {401, 403}:
            raise
        return await _render(db, visit, _at_address(form, visit, error), error.status)
    background.add_task(runtime.doorbell.ring, DELIVER_CHORE)
    return go(f"{DESK}/{peer.id}", "peer_asked")


@router.post(f"{DESK}/wait")
async def wait(request: Request, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Keep asking an address that does not answer, or stop doing so."""
    visit.actor.require_steward()
    if form.value("stop"):
        await wishes.forget_wish(db, visit.actor, form.value("address")[:300])
        return go(DESK, "changed")
    try:
        async with db.begin_nested():
            await wishes.wish_for(db, request.app.state.runtime, visit.actor, form.value("address"))
    except AppError as error:
        return await _render(db, visit, _at_address(form, visit, error), error.status)
    return go(DESK, "peer_waits")


@router.get(f"{DESK}/policy")
async def edit_policy(db: Db, visit: SignedIn) -> Response:
    """Show the form for what this instance asks of its peers."""
    visit.actor.require_steward()
    form = Form().with_values(policy=await peer_policy(db))
    return await render(visit.page, "peer_policy_form.html", form=form)


@router.post(f"{DESK}/policy")
async def set_policy(db: Db, visit: SignedIn, form: Sent) -> Response:
    """Write down what this instance asks of its peers."""
    try:
        await administration.set_peer_policy(db, visit.actor, form.value("policy"))
    except AppError as error:
        if error.status in {401, 403}:
            raise
        found = refused(form, visit.language, error)
        return await render(visit.page, "peer_policy_form.html", status=error.status, form=found)
    return go("/policy", "changed")


@router.get("/policy")
async def show_policy(db: Db, visit: Reader) -> Response:
    """Say to everybody what this instance does with what its peers send, and asks of them."""
    own = await peer_policy(db)
    return await render(visit.page, "peer_policy.html", own=text.markdown(own) if own else "")
