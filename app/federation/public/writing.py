"""A public need in words, as software shows it that knows nothing of needs."""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from html import escape
from uuid import UUID

import nh3
from markdown_it import MarkdownIt

from app.domain.needs.mirroring import SHOWN
from app.federation.wire.notes import GoneNote, Note, ProposalLink
from app.infra.i18n import format_date, format_minutes, translate
from app.models.needs import Audience, Need, NeedState

BODY_CHARACTERS_MAX = 2_000
LINK_REL = "noopener noreferrer nofollow ugc"
# What Mastodon and its kin keep; they take headings, tables and pictures away.
TAGS = {"a", "b", "blockquote", "br", "code", "del", "em", "li", "ol", "p", "pre", "strong", "ul"}
SCHEMES = {"http", "https", "mailto"}
# Mastodon shows line breaks of the source.
_BETWEEN = re.compile(r">\n+<")


def is_public(need: Need) -> bool:
    """Whether anybody may hear of a need: ours, published, for all, and not taken back.

    A need that keeps running what another built is looked after by those who know it: it is on
    the pages, and nobody is written to about it.
    """
    return (
        need.origin_url is None
        and need.published_at is not None
        and need.audience == Audience.PUBLIC
        and need.state in SHOWN
        and need.care_of is None
    )


def note_address(origin: str, need_id: UUID) -> str:
    """Return the address of a need's Note."""
    return f"{origin}/needs/{need_id}/note"


def followers_address(origin: str) -> str:
    """Return whom a Note is addressed to beside everybody."""
    return f"{origin}/followers"


def note_of(origin: str, need: Need) -> Note:
    """Describe a public need in words."""
    address = f"{origin}/needs/{need.id}"
    content = _content(address, need)
    published = need.published_at or need.created_at
    return Note(
        id=note_address(origin, need.id),
        attributedTo=f"{origin}/actor",
        content=content,
        contentMap={need.language: content},
        url=address,
        published=published,
        updated=need.updated_at if need.updated_at > published else None,
        tag=(ProposalLink(href=address),),
        cc=(followers_address(origin),),
    )


def tombstone_of(origin: str, need_id: UUID, gone_at: datetime) -> GoneNote:
    """Say that a need is no longer public."""
    return GoneNote(id=note_address(origin, need_id), deleted=gone_at)


def _content(address: str, need: Need) -> str:
    """Write everything into one text: the title too, which others do not show apart."""
    language = need.language
    done = need.state == NeedState.DONE
    title = translate(language, "note.done" if done else "note.needed", title=need.title)
    invitation = translate(language, "note.read" if done else "note.offer_help")
    head = f"<p><b>{escape(title)}</b><br>{escape(' · '.join(_facts(need)))}</p>"
    foot = f'<p><a href="{escape(address)}">{escape(invitation)}</a></p>'
    return _clean(head + _body(need.body) + foot)


def _facts(need: Need) -> Sequence[str]:
    language = need.language
    facts = [need.organisation_name]
    if need.estimate_minutes:
        facts.append(format_minutes(language, need.estimate_minutes))
    if need.remote:
        facts.append(translate(language, "note.remote"))
    elif need.region:
        facts.append(need.region)
    if need.deadline:
        day = format_date(language, need.deadline)
        facts.append(translate(language, "note.until", day=day))
    return facts


def _body(source: str) -> str:
    text = source.strip()
    if len(text) > BODY_CHARACTERS_MAX:
        text = f"{text[:BODY_CHARACTERS_MAX].rsplit(None, 1)[0]} …"
    return str(_parser().render(text)) if text else ""


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    # An image would be fetched from elsewhere by everybody who reads along.
    return MarkdownIt("commonmark", {"html": False}).disable("image")


def _clean(markup: str) -> str:
    clean = nh3.clean(
        markup,
        tags=TAGS,
        attributes={"a": {"href"}},
        url_schemes=SCHEMES,
        url_relative="deny",
        link_rel=LINK_REL,
    )
    return _BETWEEN.sub("><", clean)
