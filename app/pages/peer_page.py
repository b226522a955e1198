"""One peer on the stewards' desk: its keys, what is stuck, and everything that can be decided."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Request
from starlette.responses import Response

from app.domain.administration.queries import get_job_for
from app.errors import AppError, InvalidError, NotFoundError
from app.federation import mending
from app.federation.inbox import PROCESS_JOB
from app.federation.peers import actions, introductions, queries, stewarding
from app.federation.peers.actions import Wanted
from app.federation.peers.health import said_reason
from app.federation.peers.identity import our_identity
from app.federation.peers.states import stewards_may
from app.federation.peers.stewarding import Setting
from app.infra import keys
from app.infra.i18n import exists, translate
from app.infra.runtime import Runtime
from app.models.administration import JobState
from app.models.federation import PeerState
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.peers import DELIVER_CHORE, DESK, card_of
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)
JOBS_CHORE = "run_jobs"
REASON_MAX = 500
FINGERPRINT_MAX = 60
# What can be read at a glance before it is done: where it leads, by the name in the address.
MOVES = {
    "approve": PeerState.ACTIVE,
    "resume": PeerState.ACTIVE,
    "ask": PeerState.PROPOSED,
    "pause": PeerState.SUSPENDED,
    "end": PeerState.ENDED,
    "block": PeerState.BLOCKED,
}
# What takes something away: a page of its own says what will happen, in numbers.
ASKED_FIRST = ("pause", "limit", "end", "block")


def moves_of(state: PeerState, *, limited: bool) -> list[str]:
    """Return what a steward can do with a peer, the answer that is waited for first."""
    possible = stewards_may(state)
    found = []
    for name, to in MOVES.items():
        if to in possible and name != ("resume" if state == PeerState.REQUESTED else "approve"):
            found.append(name)
    if state == PeerState.REQUESTED:
        found = ["approve" if name == "resume" else name for name in found]
    if state not in {PeerState.ENDED, PeerState.BLOCKED}:
        found.append("unlimit" if limited else "limit")
    # The mild ones first.
    return sorted(found, key=lambda name: name in {"end", "block"})


@router.get(f"{DESK}/{{peer_id:uuid}}")
async def show_peer(request: Request, peer_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show a peer with all that a steward may want to know before deciding."""
    return await _render(request.app.state.runtime, db, visit, peer_id, Form())


async def _render(runtime: Runtime, db: Db, visit: Visit, peer_id: UUID, form: Form) -> Response:
    view = await queries.get_view_for(db, visit.actor, peer_id)
    peer, language = view.peer, visit.language
    ours = await our_identity(db, runtime)
    stuck = await mending.stuck_messages(db, visit.actor, peer_id)
    return await render(
        visit.page,
        "peer.html",
        status=422 if form.problems else 200,
        form=form.with_values(note=peer.note),
        card=card_of(view, language),
        peer=peer,
        view=view,
        here=f"{DESK}/{peer.id}",
        moves=moves_of(peer.state, limited=peer.limited),
        asked_first=ASKED_FIRST,
        our_fingerprint=keys.fingerprint(ours.public_key),
        stuck=[(message, said_reason(language, message.code)) for message in stuck],
        history=[
            (step, _said(step.verb, language))
            for step in await queries.history_of(db, visit.actor, peer_id)
        ],
        job=await stewarding.last_sync(db, peer_id),
    )


def _said(verb: str, language: str) -> str:
    known = f"peer.step.{verb}"
    return translate(language, known if exists(known) else "peer.step.other")


@router.get(f"{DESK}/{{peer_id:uuid}}/sync")
async def show_sync(peer_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show how far the last sync is; the page looks again by itself until it is done."""
    view = await queries.get_view_for(db, visit.actor, peer_id)
    job = await stewarding.last_sync(db, peer_id)
    if job is None:
        raise NotFoundError("page_not_found")
    job = await get_job_for(db, visit.actor, job.id)
    return await render(
        visit.page,
        "peer_sync.html",
        card=card_of(view, visit.language),
        job=job,
        running=job.state in {JobState.QUEUED, JobState.RUNNING},
        here=f"{DESK}/{peer_id}",
    )


@router.get(f"{DESK}/{{peer_id:uuid}}/confirm/{{deed}}")
async def ask_first(peer_id: UUID, deed: str, db: Db, visit: SignedIn) -> Response:
    """Say in numbers what will happen, before anything does."""
    view = await queries.get_view_for(db, visit.actor, peer_id)
    possible = moves_of(view.peer.state, limited=view.peer.limited)
    if deed not in ASKED_FIRST or deed not in possible:
        raise NotFoundError("page_not_found")
    return await render(
        visit.page,
        "peer_confirm.html",
        card=card_of(view, visit.language),
        counts=view.counts,
        claims=await queries.count_open_claims(db, peer_id),
        deed=deed,
        here=f"{DESK}/{peer_id}",
        version=view.peer.version,
    )


class Sitting(NamedTuple):
    """A steward's form about one peer."""

    runtime: Runtime
    db: Db
    visit: Visit
    peer_id: UUID
    form: Form

    @property
    def reason(self) -> str:
        """Why, in the steward's words."""
        return self.form.value("reason").strip()[:REASON_MAX]


async def _move(s: Sitting, deed: str) -> None:
    looked_at = s.form.value("fingerprint")[:FINGERPRINT_MAX]
    if deed in {"approve", "ask"} and not s.form.value("compared"):
        raise InvalidError("peer_not_compared")
    wanted = Wanted(MOVES[deed], s.reason, looked_at)
    await actions.move_peer(s.db, s.runtime, s.visit.actor, s.peer_id, wanted)


async def _set(s: Sitting, deed: str) -> None:
    limited = None if deed == "note" else deed == "limit"
    note = s.form.value("note") if deed == "note" else None
    wanted = Setting(limited, note, s.reason)
    await stewarding.set_peer(s.db, s.visit.actor, s.peer_id, wanted, s.form.number("version"))


async def _sync(s: Sitting, _: str) -> None:
    await stewarding.order_sync(s.db, s.visit.actor, s.peer_id)


async def _describe(s: Sitting, _: str) -> None:
    view = await queries.get_view_for(s.db, s.visit.actor, s.peer_id)
    said = await introductions.look_at(s.runtime, s.visit.actor, view.peer.origin)
    introductions.take(await queries.lock_peer(s.db, s.peer_id), said)


async def _mend(s: Sitting, deed: str) -> None:
    ref = mending.Ref.of(s.form.value("message"))
    if deed == "retry":
        await mending.try_again(s.db, s.runtime, s.visit.actor, s.peer_id, ref)
    else:
        await mending.drop(s.db, s.visit.actor, s.peer_id, ref)


DEEDS: dict[str, Callable[[Sitting, str], Awaitable[None]]] = {
    **dict.fromkeys(MOVES, _move),
    **dict.fromkeys(("limit", "unlimit", "note"), _set),
    "sync": _sync,
    "describe": _describe,
    "retry": _mend,
    "drop": _mend,
}
RUNG = {"sync": (JOBS_CHORE,), "retry": (PROCESS_JOB, DELIVER_CHORE)}


@router.post(f"{DESK}/{{peer_id:uuid}}/{{deed}}")
async def do(
    *,
    request: Request,
    peer_id: UUID,
    deed: str,
    db: Db,
    visit: SignedIn,
    form: Sent,
    background: BackgroundTasks,
) -> Response:
    """Do one of the things that stewards do with a peer."""
    act, runtime = DEEDS.get(deed), request.app.state.runtime
    if act is None:
        raise NotFoundError("page_not_found")
    try:
        async with db.begin_nested():
            await act(Sitting(runtime, db, visit, peer_id, form), deed)
    except AppError as error:
        if error.status in {401, 403, 404}:
            raise
        found = refused(form, visit.language, error)
        return await _render(runtime, db, visit, peer_id, Form(form.sent, found.problems))
    for chore in RUNG.get(deed, (DELIVER_CHORE,) if deed in MOVES else ()):
        background.add_task(runtime.doorbell.ring, chore)
    here = f"{DESK}/{peer_id}"
    return go(f"{here}/sync") if deed == "sync" else go(here, "changed")
