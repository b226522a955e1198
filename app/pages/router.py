"""All pages in one place, and how they join the application."""

from pathlib import Path

from fastapi import APIRouter, FastAPI

from app.pages import (
    about,
    administration,
    ask_holder,
    ask_threads,
    asking,
    asks,
    blocks,
    books,
    claim_page,
    claims,
    clocks,
    conversations,
    disputes,
    editing,
    embed,
    feeds,
    gifts,
    governance,
    home,
    identity,
    keys,
    leaving,
    ledger,
    matching,
    moderation,
    need_contents,
    needs,
    network,
    notifications,
    opening,
    organisations,
    panels,
    peer_page,
    peers,
    periods,
    policies,
    profiles,
    receipts,
    reviews,
    searches,
    slips,
    standing,
    statements,
    stewardship,
    witnesses,
    workspace,
)
from app.pages.assets import Assets
from app.pages.problems import render_problem
from app.pages.rendering import STATIC

router = APIRouter()
PARTS = (
    home, feeds, embed, searches, notifications, administration, asks, ask_holder, ask_threads,
    stewardship, reviews, moderation, blocks, asking, editing, need_contents, needs, claims,
    claim_page, panels, conversations, clocks, organisations, network, peers, peer_page, keys,
    about, identity, matching, profiles, receipts, periods, books, policies, disputes, ledger,
    slips, opening, statements, governance, standing, gifts, leaving,
    witnesses,
)  # fmt: skip
for part in PARTS:
    router.include_router(part.router)


def install_pages(app: FastAPI, frontend: Path) -> None:
    """Add the pages, their files and the page of every problem.

    `frontend` is the workspace's build: its fonts serve the pages too, and while it is absent
    a page says so at /app.
    """
    app.state.render_problem = render_problem
    if (frontend / "fonts").is_dir():
        app.mount("/static/fonts", Assets(directory=frontend / "fonts"), name="fonts")
    app.mount("/static", Assets(directory=STATIC), name="static")
    app.include_router(router)
    built = (frontend / "index.html").is_file()
    app.include_router(workspace.entrance if built else workspace.router)
