"""Needs for programs and for other people's sites: feeds, and what is shown elsewhere.

Every answer here is what a stranger gets, whoever asks: nothing looks at a cookie, so that anybody
may read it from anywhere, and anybody may keep it for a while.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.domain.access import ANONYMOUS
from app.domain.administration import queries as administration
from app.domain.needs.queries import NeedFilters, list_needs
from app.domain.organisations.rules import time_zone_known
from app.infra.i18n import LANGUAGES, negotiate, translate
from app.models.needs import Need
from app.pages.dependencies import Configuration, Db, PageRoute, check_address
from app.pages.feed_documents import FeedHead, atom, embedded, embedded_json, json_feed
from app.pages.filters import NeedQuery
from app.pages.rendering import environment

ENTRIES = 50
EMBED_LIMIT, EMBED_LIMIT_MAX = 6, 20
KEPT_SECONDS = 300
SCRIPT_KEPT_SECONDS = 86_400
FOR_EVER = "public, max-age=31536000, immutable"
SCRIPT = Path(__file__).resolve().parent / "templates" / "embed.js"

router = APIRouter(route_class=PageRoute)


@dataclass(frozen=True)
class Asking:
    """An address of the list, and the language that it is answered in."""

    query: NeedQuery
    language: str
    origin: str
    instance_name: str
    limit: int = EMBED_LIMIT
    time_zone: str = "UTC"
    in_language: bool = False

    @property
    def filters(self) -> NeedFilters:
        """The filters of the address; feeds are always the newest first."""
        return replace(self.query.filters, sort="newest")

    def head(self) -> FeedHead:
        """Return what a feed says of itself; the order of the list is no part of it."""
        pairs = [(n, value) for n, all_ in self.query.sent.items() for value in all_ if n != "sort"]
        # What was asked for in a language is that in it only; otherwise the reader's decides.
        pairs += [("lang", self.language)] if self.in_language else []
        title = translate(self.language, "feed.title", instance=self.instance_name)
        return FeedHead(self.origin, self.language, title, pairs, self.instance_name)


async def get_asking(request: Request, db: Db, settings: Configuration) -> Asking:
    """Read the address as the list's own page does: what means nothing is left out."""
    check_address(request)
    params = request.query_params
    return Asking(
        query=NeedQuery.of(params),
        language=chosen_language(request, settings.default_language),
        origin=settings.origin,
        instance_name=await administration.instance_name(db, settings.instance_name),
        limit=chosen_limit(params.get("limit", "")),
        time_zone=chosen_zone(params.get("tz", ""), settings.default_time_zone),
        in_language=params.get("lang") in LANGUAGES,
    )


def chosen_language(request: Request, default: str) -> str:
    """Choose by the address, else by what the asking program says; never by a cookie."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    accepted = request.headers.get("accept-language")
    return negotiate(accepted, None if accepted else default)


def chosen_limit(said: str) -> int:
    """Return how many needs another site shows."""
    plain = said.isascii() and said.isdigit() and len(said) <= 3
    return max(1, min(int(said), EMBED_LIMIT_MAX)) if plain else EMBED_LIMIT


def chosen_zone(said: str, default: str) -> str:
    """Return a zone that there is."""
    return next((zone for zone in (said, default) if time_zone_known(zone)), "UTC")


Asked = Annotated[Asking, Depends(get_asking, scope="function")]


async def needs_of(db: Db, asking: Asking, limit: int) -> Sequence[Need]:
    """Return what a stranger sees."""
    return (await list_needs(db, ANONYMOUS, asking.filters, limit, None)).page.items


def public(request: Request, body: bytes, kind: str, kept: str | None = None) -> Response:
    """Answer for everybody, or say that it is still the same."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": kept or f"public, max-age={KEPT_SECONDS}",
        "Vary": "Accept-Language",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "ETag",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Content-Type": f"{kind}; charset=utf-8",
    }
    known = {tag.strip().removeprefix("W/") for tag in _if_none_match(request).split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers)


def _if_none_match(request: Request) -> str:
    return request.headers.get("if-none-match", "")


@router.get("/needs.atom")
async def atom_feed(request: Request, db: Db, asking: Asked) -> Response:
    """Answer the list as an Atom feed, newest first."""
    found = await needs_of(db, asking, ENTRIES)
    return public(request, atom(asking.head(), found), "application/atom+xml")


@router.get("/needs.json")
async def feed_in_json(request: Request, db: Db, asking: Asked) -> Response:
    """Answer the list as a JSON Feed, newest first."""
    found = await needs_of(db, asking, ENTRIES)
    return public(request, json_feed(asking.head(), found), "application/feed+json")


@router.get("/embed/needs.json")
async def embed_json(request: Request, db: Db, asking: Asked) -> Response:
    """Answer what our element shows on another site."""
    found = await needs_of(db, asking, asking.limit)
    labels = {
        "more": translate(asking.language, "embed.more", instance=asking.instance_name),
        "empty": translate(asking.language, "embed.empty"),
    }
    document = embedded(asking.head(), found, labels, asking.time_zone)
    return public(request, embedded_json(document), "application/json")


@router.get("/embed/needs.html")
async def embed_html(request: Request, db: Db, asking: Asked) -> Response:
    """Answer a piece of a page, for a server that puts it into its own."""
    return public(request, (await fragment(db, asking)).encode(), "text/html")


async def fragment(db: Db, asking: Asking) -> str:
    """Return the piece: no script, no style, nothing that loads."""
    found = await needs_of(db, asking, asking.limit)
    document = embedded(asking.head(), found, {}, asking.time_zone)
    template = environment(asking.language).get_template("embed_needs.html")
    return await template.render_async(shown=document, instance_name=asking.instance_name)


@cache
def script() -> bytes:
    """Return the element, with the one sentence that it must know without us."""
    failed = {language: translate(language, "embed.failed") for language in LANGUAGES}
    said = json.dumps(failed, ensure_ascii=False, separators=(",", ":"))
    return SCRIPT.read_text(encoding="utf-8").replace("__FAILED__", said).encode()


@cache
def script_version() -> str:
    """Return what is part of the script's address, so that it can be kept for ever."""
    return hashlib.sha256(script()).hexdigest()[:12]


@cache
def script_integrity() -> str:
    """Return the script's hash as browsers compare it (SRI)."""
    return f"sha384-{base64.b64encode(hashlib.sha384(script()).digest()).decode()}"


@router.get("/embed/needs.js")
async def embed_script(request: Request) -> Response:
    """Answer the element that shows needs on another site."""
    named = request.query_params.get("v") == script_version()
    kept = FOR_EVER if named else f"public, max-age={SCRIPT_KEPT_SECONDS}"
    return public(request, script(), "text/javascript", kept)
