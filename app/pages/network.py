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

router = APIRouter(route_class=PageRoute)


@router.get("/network")
async def show_network(db: Db, visit: Reader) -> Response:
    """Show the peers; handshakes under way are for the stewards."""
    found = await peers.list_views_for(db, SYSTEM)
    shown = [
        _shown(view, visit.language, for_stewards=visit.actor.steward)
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


def _shown(view: peers.PeerView, language: str, *, for_stewards: bool) -> PeerView:
    peer = view.peer
    return PeerView(
        name=peer.name,
        host=text.host_of(peer.origin) or peer.origin,
        origin=peer.origin,
        state=peer.state.value,
        health=_detailed(view.health, language) if for_stewards else _plain(view.health, language),
        since=peer.active_since,
    )


def _plain(health: peers.Health, language: str) -> str:
    """How it goes, without the figures that are for stewards."""
    step = "in_step" if health.code in IN_STEP else "behind"
    return i18n.translate(language, f"page.network.health.{step}")


def _detailed(health: peers.Health, language: str) -> str:
    params = dict(health.params)
    if "since" in params:
        params["since"] = i18n.format_date(language, params["since"].date())
    message_id = f"peer.health.{health.code}"
    if "n" in params:
        return i18n.translate_plural(language, message_id, params.pop("n"), **params)
    return i18n.translate(language, message_id, **params)
