"""Needs as feeds that programs read: Atom (RFC 4287) and JSON Feed 1.1. Pure.

The writer escapes; what no XML may hold is left out first. Nothing stands here that a stranger
does not read on the need's page, and never a way to reach somebody.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from app.infra.i18n import format_date, format_minutes, translate
from app.models.needs import Need
from app.pages import text
from app.pages.catalogue import skill_views

ATOM = "http://www.w3.org/2005/Atom"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
JSON_FEED = "https://jsonfeed.org/version/1.1"
# The year in which the addresses of needs were given their form: part of their ids for ever.
TAG_YEAR = "2026"
# A feed without entries was never updated; RFC 4287 wants a moment all the same.
NEVER = datetime(2026, 1, 1, tzinfo=UTC)
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class FeedHead:
    """What a feed says of itself."""

    origin: str
    language: str
    title: str
    pairs: Sequence[tuple[str, str]]
    author: str

    def address(self, path: str) -> str:
        """Return an address with these filters."""
        query = urlencode(self.pairs)
        return f"{self.origin}{path}?{query}" if query else f"{self.origin}{path}"


def tag_of(origin: str, what: str) -> str:
    """Return an id that stays when the address does not (RFC 4151)."""
    return f"tag:{urlsplit(origin).hostname},{TAG_YEAR}:{what}"


def facts_of(need: Need, language: str) -> list[str]:
    """Return what one wants to know at a glance, in the reader's words."""
    facts = []
    if need.estimate_minutes:
        facts.append(format_minutes(language, need.estimate_minutes))
    if need.deadline:
        facts.append(translate(language, "feed.until", day=format_date(language, need.deadline)))
    facts.append(translate(language, "page.needs.remote.yes") if need.remote else need.region)
    return [fact for fact in facts if fact]


def written(moment: datetime) -> str:
    """Write a moment by RFC 3339, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _since(need: Need) -> datetime:
    return need.published_at or need.created_at


def atom(head: FeedHead, needs: Sequence[Need]) -> bytes:
    """Write an Atom feed."""
    ET.register_namespace("", ATOM)
    feed = ET.Element(f"{{{ATOM}}}feed", {XML_LANG: head.language})
    _add(feed, "id", tag_of(head.origin, f"needs?{urlencode(head.pairs)}"))
    _add(feed, "title", head.title)
    _add(feed, "updated", written(max((need.updated_at for need in needs), default=NEVER)))
    _add(ET.SubElement(feed, f"{{{ATOM}}}author"), "name", head.author)
    _link(feed, "self", head.address("/needs.atom"), "application/atom+xml")
    _link(feed, "alternate", head.address("/needs"), "text/html")
    for need in needs:
        _entry(feed, head, need)
    document: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _entry(feed: ET.Element, head: FeedHead, need: Need) -> None:
    entry = ET.SubElement(feed, f"{{{ATOM}}}entry", {XML_LANG: need.language})
    _add(entry, "id", tag_of(head.origin, f"needs/{need.id}"))
    _add(entry, "title", need.title)
    _add(entry, "published", written(_since(need)))
    _add(entry, "updated", written(need.updated_at))
    author = ET.SubElement(entry, f"{{{ATOM}}}author")
    _add(author, "name", need.organisation_name)
    _link(entry, "alternate", f"{head.origin}/needs/{need.id}", "text/html")
    if source := text.safe_href(need.origin_url):
        _link(entry, "via", source, "text/html")
    for skill in skill_views(head.language, need.skill_slugs, need.must_slugs):
        named = {"term": skill.slug, "label": _clean(skill.label)}
        ET.SubElement(entry, f"{{{ATOM}}}category", named)
    facts = ET.SubElement(entry, f"{{{ATOM}}}summary", {XML_LANG: head.language})
    facts.text = _clean(" · ".join(facts_of(need, head.language)))
    content = ET.SubElement(entry, f"{{{ATOM}}}content", {"type": "html"})
    content.text = _clean(str(text.markdown(need.body)))


def _add(parent: ET.Element, name: str, words: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}{name}").text = _clean(words)


def _link(parent: ET.Element, rel: str, href: str, kind: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}link", {"rel": rel, "href": _clean(href), "type": kind})


def _clean(words: str) -> str:
    return _NOT_XML.sub("", words)


def json_feed(head: FeedHead, needs: Sequence[Need]) -> bytes:
    """Write a JSON Feed."""
    return _json(
        {
            "version": JSON_FEED,
            "title": head.title,
            "home_page_url": head.address("/needs"),
            "feed_url": head.address("/needs.json"),
            "language": head.language,
            "items": [_item(head, need) for need in needs],
        }
    )


def _item(head: FeedHead, need: Need) -> dict[str, Any]:
    address = f"{head.origin}/needs/{need.id}"
    found: dict[str, Any] = {
        "id": tag_of(head.origin, f"needs/{need.id}"),
        "url": address,
        "title": need.title,
        "content_html": str(text.markdown(need.body)),
        "summary": " · ".join(facts_of(need, head.language)),
        "date_published": written(_since(need)),
        "date_modified": written(need.updated_at),
        "authors": [{"name": need.organisation_name}],
        "tags": [
            skill.label for skill in skill_views(head.language, need.skill_slugs, need.must_slugs)
        ],
        "language": need.language,
    }
    if source := text.safe_href(need.origin_url):
        found["external_url"] = source
    return found


def embedded(
    head: FeedHead, needs: Sequence[Need], labels: dict[str, str], time_zone: str
) -> dict[str, Any]:
    """Return what a foreign site shows: words ready to be shown, in one language."""
    return {
        "title": head.title,
        "language": head.language,
        "labels": labels,
        "url": head.address("/needs"),
        "items": [
            {
                "title": need.title,
                "language": need.language,
                "url": f"{head.origin}/needs/{need.id}",
                "organisation": need.organisation_name,
                "excerpt": text.excerpt(need.body),
                "facts": facts_of(need, head.language),
                "published": written(_since(need)),
                "since": translate(
                    head.language, "feed.since", day=_day(head.language, _since(need), time_zone)
                ),
            }
            for need in needs
        ],
    }


def _day(language: str, moment: datetime, time_zone: str) -> str:
    return format_date(language, moment.astimezone(ZoneInfo(time_zone)).date())


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def embedded_json(document: dict[str, Any]) -> bytes:
    """Write what a foreign site shows."""
    return _json(document)
