"""What a need holds beside its words, and the pages that close, translate and scope it."""

from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from babel.numbers import format_currency, get_currency_precision
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.access import Denied, enforce
from app.domain.identity.queries import accounts_by_id
from app.domain.needs import closing, contents, queries, scoping, translating
from app.domain.needs.policy import may_see_contacts, may_translate, may_write
from app.domain.needs.reviewing import stays_as_read
from app.domain.needs.rules import (
    is_built,
    is_past_words,
    open_handover,
    priority_until,
    wants_scoping,
)
from app.errors import AppError, ForbiddenError, InvalidError
from app.infra import clock
from app.infra.i18n import translate
from app.models.need_parts import ClosingFields, ProposalState, TranslationFields
from app.models.needs import Need, NeedTranslation, ScopeFields
from app.pages import text
from app.pages.catalogue import skill_groups_with, skill_views
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import invalid, refused
from app.pages.forms import Form
from app.pages.need_form import hours_as_minutes, language_label, languages_offered
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)


class Translated(NamedTuple):
    """A need's words as the reader gets them, and where they come from."""

    language: str
    title: str
    body: str
    by: str
    source: str
    human: bool
    older: bool


async def held_values(db: Db, visit: Visit, need: Need, *, runs: bool) -> dict[str, Any]:
    """Return what the page of a need shows beside its own row, as far as the reader may know."""
    works = need.id in await contents.let_in(db, visit.actor, [need.id])
    rows = (await contents.translations_of(db, [need.id])).get(need.id, [])
    seen = may_see_contacts(need, let_in=works, writes=runs)
    own = await queries.need_membership(db, visit.actor, need)
    as_read = bool(visit.actor.account_id) and await stays_as_read(db, visit.actor, need)
    until = priority_until(need)
    original = "original=1" in visit.page.query.split("&")
    return {
        "translated": None if original else await _translated(db, visit.language, need, rows),
        "translations": [
            (row.language, language_label(visit.language, row.language)) for row in rows
        ],
        "may_translate": not isinstance(may_translate(visit.actor, need, own, works=works), Denied)
        and not as_read,
        "as_read": runs and as_read,
        "amount": _money(visit.language, need),
        "contacts": [contact_line(contact) for contact in need.contacts] if seen else [],
        "contacts_hidden": bool(need.contacts) and not seen,
        "priority_until": until if until and until > clock.now() else None,
        "starts_on": need.starts_on,
        "time_zone": need.time_zone,
        "recurs_months": need.recurs_months,
        "scoping_wanted": wants_scoping(need),
        "proposes_scope": wants_scoping(need)
        and await contents.holds_scoping(db, visit.actor, need),
        "asks_closing": runs and is_built(need),
        "maintainer": need.maintainer
        if need.maintainer_id is None or need.maintainer_agreed_at
        else None,
        "maintainer_waits": runs and need.maintainer_id and not need.maintainer_agreed_at,
        "asked_to_maintain": need.maintainer_id is not None
        and need.maintainer_id == visit.actor.account_id,
        "maintains": need.maintainer_agreed_at is not None,
        "handover": need.handover if runs else [],
    }


async def _translated(
    db: Db, reader: str, need: Need, rows: list[NeedTranslation]
) -> Translated | None:
    if need.language.split("-")[0] == reader:
        return None
    row = next((row for row in rows if row.language.split("-")[0] == reader), None)
    if row is None:
        return None
    people = await accounts_by_id(db, [row.account_id] if row.account_id else [])
    return Translated(
        language=row.language,
        title=row.title,
        body=text.markdown(row.body),
        by=next((person.display_name for person in people.values()), ""),
        source=language_label(reader, need.language),
        human=row.human,
        older=is_past_words(row.source_version, need),
    )


def _money(reader: str, need: Need) -> str:
    if need.amount_minor is None or need.currency is None:
        return ""
    amount = need.amount_minor / 10 ** get_currency_precision(need.currency)
    return str(format_currency(amount, need.currency, locale=reader))


def contact_line(contact: dict[str, str]) -> tuple[str, str, str | None]:
    """Return a way to be reached: its kind, its words, and an address where that is safe."""
    kind, value = contact["kind"], contact["value"]
    address = f"mailto:{value}" if kind == "email" else value
    return kind, value, text.safe_href(address)


async def _need_to_run(db: Db, visit: Visit, need_id: UUID) -> Need:
    need = await queries.get_need_for(db, visit.actor, need_id)
    enforce(may_write(visit.actor, need, await queries.need_membership(db, visit.actor, need)))
    return need


@router.get("/needs/{need_id:uuid}/closing")
async def begin_closing(need_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Ask what closing a need asks."""
    need = await _need_to_run(db, visit, need_id)
    return await _show_closing(db, visit, need, Form())


async def _show_closing(
    db: Db, visit: Visit, need: Need, form: Form, status: int = 200
) -> Response:
    workers = await contents.confirmed_workers(db, need)
    people = await accounts_by_id(db, [claim.account_id for claim in workers])
    return await render(
        visit.page,
        "need_closing.html",
        status=status,
        form=_named(form, visit.language),
        need=need,
        built=is_built(need),
        left=open_handover(need),
        said={item["kind"]: item["text"] for item in need.handover},
        workers=[(str(claim.id), people[claim.account_id].display_name) for claim in workers],
    )


@router.post("/needs/{need_id:uuid}/closing")
async def close_need(need_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Close a need, or say later who keeps running what was built."""
    need = await _need_to_run(db, visit, need_id)
    who, _, claim_id = form.value("maintainer").partition(":")
    try:
        fields = ClosingFields.model_validate(
            {
                "maintainer": who or None,
                "claim_id": claim_id or None,
                "handed_over": list(form.values("handed_over")),
                "handover_note": form.value("handover_note"),
                "recurs_months": form.value("recurs_months") or None,
                "closed_without_work": "yes" in form.values("closed_without_work"),
                "reason": form.value("reason"),
            }
        )
        async with db.begin_nested():
            await closing.close_need(db, visit.actor, need_id, fields)
    except ValidationError as error:
        return await _show_closing(db, visit, need, invalid(form, visit.language, error), 422)
    except AppError as error:
        need = await _need_to_run(db, visit, need_id)
        shown = refused(form, visit.language, error)
        return await _show_closing(db, visit, need, shown, error.status)
    return go(f"/needs/{need_id}", "moved")


def _named(form: Form, language: str) -> Form:
    """Say in the list of faults what is missing: "this" is no field there."""
    asked = f"{translate(language, 'page.closing.who')} "
    problems = [
        each._replace(listed=asked + each.text) if each.field == "maintainer" else each
        for each in form.problems
    ]
    return replace(form, problems=problems)


@router.post("/needs/{need_id:uuid}/maintenance")
async def answer_maintenance(need_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Say yes or no to keeping running what one built."""
    agrees = form.value("agrees") == "yes"
    await closing.answer_maintenance(db, visit.actor, need_id, agrees=agrees)
    return go(f"/needs/{need_id}", "changed")


async def _need_to_translate(db: Db, visit: Visit, need_id: UUID) -> Need:
    need = await queries.get_need_for(db, visit.actor, need_id)
    own = await queries.need_membership(db, visit.actor, need)
    works = need.id in await contents.let_in(db, visit.actor, [need.id])
    enforce(may_translate(visit.actor, need, own, works=works))
    return need


@router.get("/needs/{need_id:uuid}/translate")
async def begin_translation(need_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show the need's words beside a form for those in another language."""
    need = await _need_to_translate(db, visit, need_id)
    asked = visit.page.query.removeprefix("to=").partition("&")[0]
    rows = (await contents.translations_of(db, [need.id])).get(need.id, [])
    offered = [code for code, _ in languages_offered(visit.language, "") if code != need.language]
    known = {row.language: row for row in rows}
    to = asked if asked in offered or asked in known else visit.language
    if to == need.language:
        to = offered[0]
    row = known.get(to)
    values = {"language": to, "version": str(need.version)}
    if row is not None:
        values |= {"title": row.title, "body": row.body}
    return await _show_translation(visit, need, Form().with_values(**values))


async def _show_translation(visit: Visit, need: Need, form: Form, status: int = 200) -> Response:
    offered = languages_offered(visit.language, form.value("language"))
    return await render(
        visit.page,
        "need_translate.html",
        status=status,
        form=form,
        need=need,
        body=text.markdown(need.body),
        languages=[(code, name) for code, name in offered if code != need.language],
    )


@router.post("/needs/{need_id:uuid}/translate")
async def save_translation(need_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Save a translation, or take it away."""
    need = await _need_to_translate(db, visit, need_id)
    language, said = form.value("language"), form.value("version")
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise InvalidError("form_unreadable")
    if language not in {code for code, _ in languages_offered(visit.language, "")}:
        raise InvalidError("form_unreadable")
    try:
        async with db.begin_nested():
            if form.value("act") == "remove":
                await translating.remove_translation(db, visit.actor, need_id, language, int(said))
            else:
                words = {"title": form.value("title"), "body": form.value("body")}
                fields = TranslationFields.model_validate(words)
                await translating.put_translation(
                    db, visit.actor, need_id, language, (fields, int(said))
                )
    except ValidationError as error:
        return await _show_translation(visit, need, invalid(form, visit.language, error), 422)
    except AppError as error:
        need = await _need_to_translate(db, visit, need_id)
        newer = Form({**form.sent, "version": [str(need.version)]})
        shown = refused(newer, visit.language, error)
        return await _show_translation(visit, need, shown, error.status)
    return go(f"/needs/{need_id}", "changed")


async def _need_to_scope(db: Db, visit: Visit, need_id: UUID) -> tuple[Need, bool, bool]:
    """Return the need, whether the reader answers for it, and whether they propose its scope."""
    need = await queries.get_need_for(db, visit.actor, need_id)
    own = await queries.need_membership(db, visit.actor, need)
    runs = not isinstance(may_write(visit.actor, need, own), Denied)
    proposes = await contents.holds_scoping(db, visit.actor, need) or visit.actor.acts_as_steward
    if not (runs or proposes):
        raise ForbiddenError("scoping_worker_only")
    return need, runs, proposes and need.skills_unknown


@router.get("/needs/{need_id:uuid}/scope")
async def show_scope(need_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show the proposed scopes to who answers them, and the form to who proposes one."""
    return await _show_scope(db, visit, need_id, Form())


async def _show_scope(
    db: Db, visit: Visit, need_id: UUID, form: Form, status: int = 200
) -> Response:
    need, runs, proposes = await _need_to_scope(db, visit, need_id)
    rows = await contents.proposals_of(db, need.id)
    mine = [row for row in rows if runs or row.account_id == visit.actor.account_id]
    people = await accounts_by_id(db, [row.account_id for row in mine])
    slugs = [[skill["slug"] for skill in row.skills] for row in mine]
    must = [[s["slug"] for s in row.skills if s["weight"] == "must"] for row in mine]
    return await render(
        visit.page,
        "need_scope.html",
        status=status,
        form=form,
        need=need,
        runs=runs,
        proposes=proposes,
        skill_groups=skill_groups_with(visit.language, form.values("skills")),
        proposals=[
            (row, people[row.account_id].display_name, skill_views(visit.language, own, needed))
            for row, own, needed in zip(mine, slugs, must, strict=True)
        ],
    )


@router.post("/needs/{need_id:uuid}/scope")
async def propose_scope(need_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Propose what a need is."""
    try:
        fields = ScopeFields.model_validate(
            {
                "skills": [{"slug": slug} for slug in form.values("skills")],
                "estimate_minutes": hours_as_minutes(form.value("hours")),
                "body": form.value("body"),
                "note": form.value("note"),
            }
        )
        async with db.begin_nested():
            await scoping.propose_scope(db, visit.actor, need_id, fields)
    except ValidationError as error:
        return await _show_scope(db, visit, need_id, invalid(form, visit.language, error), 422)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _show_scope(db, visit, need_id, shown, error.status)
    return go(f"/needs/{need_id}/scope", "changed")


@router.post("/needs/{need_id:uuid}/scope/{proposal_id:uuid}")
async def decide_scope(
    need_id: UUID, proposal_id: UUID, db: Db, visit: SignedIn, form: Sent
) -> Response:
    """Take a proposed scope over, or decline it with a reason."""
    to = ProposalState.ACCEPTED if form.value("to") == "accepted" else ProposalState.DECLINED
    ids = (need_id, proposal_id)
    try:
        async with db.begin_nested():
            await scoping.decide_scope(db, visit.actor, ids, to, form.value("reason"))
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _show_scope(db, visit, need_id, shown, error.status)
    return go(f"/needs/{need_id}", "changed")
