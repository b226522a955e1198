"""The network: this instance and its peers, each with a sentence on how it goes."""

from fastapi import APIRouter
from starlette.responses import Response

from app import __version__
from app.domain.access import SYSTEM
from app.federation.peers import queries as peers
from app.infra import i18n
from app.models.federation import PeerState
from app.pages import text
from app.pages.counts import instance_counts
from app.pages.dependencies import Db, PageRoute, Reader
from app.pages.rendering import render
from app.pages.views import PeerView

IN_STEP = frozenset({"well", "delivering"})
STOPPED = frozenset(
    {PeerState.SUSPENDED, PeerState.ENDED, PeerState.BLOCKED, PeerState.KEY_CHANGED}
)

router = APIRouter(route_class=PageRoute)


@router.get("/network")
async def show_network(db: Db, visit: Reader) -> Response:
    """Show the peers; handshakes under way are for the stewards."""
    found = await peers.list_views_for(db, SYSTEM)
    shown = [
        _shown(view, visit.language)
        for view in found
        if visit.actor.steward or view.peer.state is PeerState.ACTIVE
    ]
    return await render(
        visit.page,
        "network.html",
        peers=shown,
        counts=await instance_counts(db, visit),
        version=__version__,
    )


def _shown(view: peers.PeerView, language: str) -> PeerView:
    peer = view.peer
    return PeerView(
        name=peer.name,
        host=text.host_of(peer.origin) or peer.origin,
        origin=peer.origin,
        state=peer.state.value,
        health=i18n.translate(language, f"page.network.health.{_health(view)}"),
        seen_at=peer.state_at,
    )


def _health(view: peers.PeerView) -> str:
    if view.peer.state is PeerState.REQUESTED:
        return "asked"
    if view.peer.state is PeerState.PROPOSED:
        return "waiting"
    if view.peer.state in STOPPED:
        return "stopped"
    return "in_step" if view.health.code in IN_STEP else "behind"
