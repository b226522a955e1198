"""The network: this instance and its peers, as a map and as a table; for everybody."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app import __version__
from app.domain.access import SYSTEM
from app.federation.peers import queries as peers
from app.federation.peers.identity import our_identity
from app.infra import i18n, keys
from app.infra.runtime import Runtime
from app.models.federation import PeerState
from app.pages import text
from app.pages.counts import instance_counts
from app.pages.dependencies import Db, PageRoute, Reader
from app.pages.network_map import Dot, draw
from app.pages.rendering import render
from app.pages.views import PeerView

router = APIRouter(route_class=PageRoute)


@router.get("/network")
async def show_network(request: Request, db: Db, visit: Reader) -> Response:
    """Show the peers that are connected; what is under way stands on the stewards' desk."""
    runtime: Runtime = request.app.state.runtime
    views = await peers.list_views_for(db, SYSTEM)
    found = [_shown(view, visit.language) for view in views if view.peer.state is PeerState.ACTIVE]
    ours = await our_identity(db, runtime)
    name = visit.page.instance_name
    dots = [Dot(peer.name or peer.host, peer.needs, peer.in_step) for peer in found]
    return await render(
        visit.page,
        "network.html",
        peers=found,
        drawn=draw(name, dots),
        all_in_step=all(peer.in_step for peer in found),
        counts=await instance_counts(db, visit),
        fingerprint=keys.fingerprint(ours.public_key),
        version=__version__,
    )


def _shown(view: peers.PeerView, language: str) -> PeerView:
    peer = view.peer
    return PeerView(
        name=peer.name,
        host=text.host_of(peer.origin) or peer.origin,
        origin=peer.origin,
        health=_plain(view, language),
        since=peer.active_since,
        languages=peer.languages,
        needs=view.counts.theirs_here,
        limited=peer.limited,
        in_step=view.health.in_step,
    )


def _plain(view: peers.PeerView, language: str) -> str:
    """How it goes, without the figures that are for stewards."""
    step = "in_step" if view.health.in_step else "behind"
    return i18n.translate(language, f"page.network.health.{step}")
