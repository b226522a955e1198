"""From the domain's objects to what templates show."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from markupsafe import Markup

from app.domain.needs.contents import translations_of
from app.domain.organisations.queries import OrganisationView
from app.models.needs import Audience, Need, NeedState, NeedTranslation
from app.pages import text
from app.pages.catalogue import skill_views
from app.pages.dependencies import Db
from app.pages.views import NeedCard, NeedView, OrganisationCard

EMPLOYMENT = {"gift": "VOLUNTEER", "stipend": "VOLUNTEER", "paid": "CONTRACTOR"}


def card_of(need: Need, language: str, told: NeedTranslation | None = None) -> NeedCard:
    """Show a need in a list, in the words of a translation where there is one."""
    return NeedCard(**_card_values(need, language, told))


async def cards_of(db: Db, needs: Sequence[Need], language: str) -> list[NeedCard]:
    """Show needs in a list, each in the reader's language if somebody translated it."""
    translated = await translations_of(db, [n.id for n in needs if n.language != language])
    told = {
        need_id: row for need_id, rows in translated.items() for row in rows
        if row.language == language
    }  # fmt: skip
    return [card_of(need, language, told.get(need.id)) for need in needs]


def _card_values(need: Need, language: str, told: NeedTranslation | None = None) -> dict[str, Any]:
    found = skill_views(language, need.skill_slugs, need.must_slugs)
    words = told or need
    return {
        "id": need.id,
        "title": words.title,
        "excerpt": text.excerpt(words.body),
        "told_in": words.language,
        "language": need.language,
        "state": need.state.value,
        "urgency": need.urgency.value,
        "skill_labels": [skill.label for skill in found],
        "organisation_id": need.organisation_id,
        "organisation_name": need.organisation_name,
        "estimate_minutes": need.estimate_minutes,
        "deadline": need.deadline,
        "origin_host": text.host_of(need.origin_instance) or need.origin_instance,
    }


def view_of(need: Need, language: str, *, for_its_members: bool) -> NeedView:
    """Show a need on its own page; who could misuse its data is not for everybody to read."""
    return NeedView(
        **_card_values(need, language),
        kind=need.kind.value,
        stream=need.stream.value,
        skills=skill_views(language, need.skill_slugs, need.must_slugs),
        tags=need.tags,
        places=need.places,
        taken=need.taken,
        remote=need.remote,
        region=need.region,
        audience=None if need.origin_url else need.audience.value,
        instant=need.instant,
        harm_check=need.harm_check if for_its_members else None,
        link=need.link,
        link_href=text.safe_href(need.link),
        beneficiary=need.beneficiary,
        origin_url=text.safe_href(need.origin_url),
        origin_open=need.audience is Audience.PUBLIC,
        updated_at=need.updated_at,
    )


def organisation_card(found: OrganisationView) -> OrganisationCard:
    """Show an organisation."""
    shown = found.organisation
    return OrganisationCard(
        id=shown.id,
        name=shown.name,
        excerpt=text.excerpt(shown.summary),
        languages=list(dict.fromkeys(shown.languages)),
        state=shown.state.value,
        open_needs=found.open_needs,
        site=text.safe_href(shown.site),
        site_host=text.host_of(shown.site) or "",
        time_zone=shown.time_zone,
        created_at=shown.created_at,
    )


def json_ld(document: dict[str, Any]) -> Markup:
    """Write a data block for search engines; it cannot end its element or begin another."""
    raw = json.dumps({"@context": "https://schema.org", **document}, ensure_ascii=False)
    for sign in "<>&\u2028\u2029":
        raw = raw.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(raw)  # noqa: S704 - every sign that HTML could read is written as an escape


def need_document(need: Need, origin: str, keep: Collection[str] = ("public",)) -> Markup | None:
    """Describe an open public need of ours as a JobPosting; nothing else is for search engines."""
    if need.origin_url or need.audience.value not in keep or need.state is not NeedState.OPEN:
        return None
    document: dict[str, Any] = {
        "@type": "JobPosting",
        "url": f"{origin}/needs/{need.id}",
        "identifier": str(need.id),
        "title": need.title,
        "description": str(text.markdown(need.body)) or need.title,
        "inLanguage": need.language,
        "employmentType": EMPLOYMENT[need.stream.value],
        "hiringOrganization": {"@type": "Organization", "name": need.organisation_name},
        "totalJobOpenings": need.places - need.taken,
        "datePosted": (need.published_at or need.created_at).date().isoformat(),
    }
    if need.deadline:
        document["validThrough"] = need.deadline.isoformat()
    if need.remote:
        document["jobLocationType"] = "TELECOMMUTE"
    if need.region:
        document["jobLocation"] = {"@type": "Place", "name": need.region}
    return json_ld(document)


def organisation_document(shown: OrganisationCard, origin: str) -> Markup:
    """Describe an organisation for search engines."""
    document: dict[str, Any] = {
        "@type": "Organization",
        "name": shown.name,
        "url": f"{origin}/organisations/{shown.id}",
        "knowsLanguage": list(shown.languages),
    }
    if shown.excerpt:
        document["description"] = shown.excerpt
    if shown.site:
        document["sameAs"] = [shown.site]
    return json_ld(document)
