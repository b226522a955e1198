"""The rules of a book as pages: what holds, drafts of others, and what those would make."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.governance import queries as governance
from app.domain.periods import queries as periods
from app.domain.policies import actions, previewing, queries
from app.domain.policies.actions import DraftFields
from app.domain.policies.document import Policy
from app.domain.policies.previewing import Preview, Question
from app.domain.policies.queries import Draft
from app.errors import AppError, InvalidError
from app.infra import clock
from app.infra.i18n import format_date, translate
from app.infra.typed import read_money, write_money
from app.models.governance import DecisionSubject
from app.models.ledger import Book, WorkStream
from app.models.policies import DraftState
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, answered_before, go
from app.pages.dependencies import keep_answer as keep
from app.pages.failures import invalid, sentence
from app.pages.figures import amount_words
from app.pages.forms import Form, Problem
from app.pages.governance import voting_days
from app.pages.policy_form import (
    SUBJECTS,
    WHO,
    form_of,
    read_form,
    rule_rows,
)
from app.pages.rendering import render

SHOWN_MAX = 50
RULES = "/books/{book_id:uuid}/rules"
DRAFT = "/policy-drafts/{policy_draft_id:uuid}"

router = APIRouter(route_class=PageRoute)


@router.get(RULES)
async def show_rules(book_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show the rules that hold, those that come, and drafts."""
    book = await queries.get_cooperative_for(db, visit.actor, book_id)
    adopted = (await queries.policies_of(db, visit.actor, book_id, SHOWN_MAX)).items
    drafts = (await queries.drafts_of(db, visit.actor, book_id, SHOWN_MAX)).items
    holds = await queries.policy_on(db, book_id, clock.today())
    policy = queries.read_policy(holds) if holds else None
    return await render(
        visit.page,
        "rules.html",
        book=book,
        holds=holds,
        rows=rule_rows(visit.language, policy) if policy else [],
        others=[row for row in adopted if holds is None or row.id != holds.id],
        drafts=[draft for draft in drafts if draft.state != DraftState.ADOPTED],
        today=clock.today(),
    )


@router.get("/policies/{policy_id:uuid}")
async def show_version(policy_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show rules that were adopted."""
    row = await queries.get_policy_for(db, visit.actor, policy_id)
    rows = rule_rows(visit.language, queries.read_policy(row))
    return await render(visit.page, "rules_version.html", adopted=row, rows=rows)


@router.get(f"{RULES}/new")
async def new_draft(book_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show the form for other rules, filled in with those that hold."""
    book = await queries.get_cooperative_for(db, visit.actor, book_id)
    holds = await queries.policy_on(db, book_id, clock.today())
    form = form_of(queries.read_policy(holds) if holds else Policy())
    return await _render_form(db, visit, book, form)


@router.post(f"{RULES}/new")
async def write_draft(book_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Keep a draft for others to look at."""
    book = await queries.get_cooperative_for(db, visit.actor, book_id)
    fields, read = _fields(form, visit)
    if fields is None:
        return await _render_form(db, visit, book, read, status=422)
    try:
        async with db.begin_nested():
            before = await answered_before(db, visit, form)
            if before is not None:
                return go(before)
            row = await actions.write_draft(db, visit.actor, book_id, fields)
            target = f"/policy-drafts/{row.id}"
            await keep(db, visit, form, target)
    except InvalidError as error:
        return await _render_form(db, visit, book, _day(form, visit, error), status=422)
    return go(target, "changed")


@router.get(f"{DRAFT}/change")
async def edit_draft(policy_draft_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show the form for a draft of one's own."""
    draft = await queries.get_own_draft_for(db, visit.actor, policy_draft_id)
    book = await queries.get_cooperative_for(db, visit.actor, draft.row.book_id)
    row = draft.row
    form = form_of(
        queries.read_policy(row),
        title=row.title,
        reason=row.reason,
        valid_from=row.valid_from.isoformat(),
        version=str(row.version),
    )
    return await _render_form(db, visit, book, form, draft=draft)


@router.post(f"{DRAFT}/change")
async def change_draft(policy_draft_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Write a draft of one's own anew."""
    draft = await queries.get_draft_for(db, visit.actor, policy_draft_id)
    book = await queries.get_cooperative_for(db, visit.actor, draft.row.book_id)
    fields, read = _fields(form, visit)
    if fields is None:
        return await _render_form(db, visit, book, read, draft=draft, status=422)
    version = form.number("version")
    try:
        async with db.begin_nested():
            await actions.change_draft(db, visit.actor, policy_draft_id, fields, version)
    except InvalidError as error:
        found = _day(form, visit, error)
        return await _render_form(db, visit, book, found, draft=draft, status=422)
    return go(f"/policy-drafts/{policy_draft_id}", "changed")


@router.post(f"{DRAFT}/withdraw")
async def withdraw_draft(policy_draft_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Take a draft of one's own back."""
    version = form.number("version")
    row = await actions.withdraw_draft(db, visit.actor, policy_draft_id, version)
    return go(f"/books/{row.book_id}/rules", "changed")


@router.get(DRAFT)
async def show_draft(policy_draft_id: UUID, request: Request, db: Db, visit: SignedIn) -> Response:
    """Show a draft beside the rules that hold, and what it would have made of some days."""
    draft = await queries.get_draft_for(db, visit.actor, policy_draft_id)
    book = await queries.get_cooperative_for(db, visit.actor, draft.row.book_id)
    policy = queries.read_policy(draft.row)
    asked = Form({name: [value] for name, value in request.query_params.items()})
    question, asked = _question(asked, policy, book, visit)
    try:
        seen = await previewing.preview(db, visit.actor, book.id, question)
    except AppError as error:
        if error.code not in {"preview_days", "period_not_found"}:
            raise
        asked = replace(asked, problems=[Problem("last_day", sentence(visit.language, error))])
        seen = await previewing.preview(db, visit.actor, book.id, Question(policy))
    now = queries.read_policy(seen.policy) if seen.policy else None
    place = await governance.get_place(db, visit.actor, book.id)
    about = DecisionSubject.POLICY, draft.row.id
    return await render(
        visit.page,
        "rules_draft.html",
        pending=await governance.undecided_about(db, *about),
        may_propose=place.worker_owner and draft.state == DraftState.OPEN,
        days=voting_days(),
        status=422 if asked.problems else 200,
        book=book,
        draft=draft,
        own=draft.row.created_by == visit.actor.account_id and draft.state == DraftState.OPEN,
        rows=rule_rows(visit.language, policy, now),
        seen=seen,
        form=_filled(asked, seen, visit.language),
        amount_words=amount_words(visit.language, book.currency),
        periods=await previewing.periods_to_look_at(db, book.id),
    )


def _fields(form: Form, visit: Visit) -> tuple[DraftFields | None, Form]:
    policy, read = read_form(form, visit.language)
    said = {name: form.value(name) for name in ("title", "reason", "valid_from")}
    try:
        fields = DraftFields.model_validate({**said, "document": policy or Policy()})
    except ValidationError as error:
        found = invalid(form, visit.language, error)
        return None, replace(found, problems=[*found.problems, *read.problems])
    return (fields, read) if policy else (None, read)


def _day(form: Form, visit: Visit, error: AppError) -> Form:
    return replace(form, problems=[Problem("valid_from", sentence(visit.language, error))])


async def _render_form(
    db: Db, visit: Visit, book: Book, form: Form, *, draft: Draft | None = None, status: int = 200
) -> Response:
    choices: dict[str, Any] = {
        "streams": list(WorkStream),
        "who": WHO,
        "subjects": SUBJECTS,
        "day_hint": await _day_hint(db, visit, book),
    }
    return await render(
        visit.page, "rules_form.html", status=status, book=book, form=form, draft=draft, **choices
    )


async def _day_hint(db: Db, visit: Visit, book: Book) -> str:
    """Say from which day rules may hold: where none hold yet, from one that is past, too."""
    waiting = await periods.unruled_day(db, book.id)
    if waiting is not None:
        day = format_date(visit.language, waiting)
        return translate(visit.language, "rules.form.waiting_hint", date=day)
    any_hold = await queries.first_ruled_day(db, book.id) is not None
    name = "rules.form.valid_from_hint" if any_hold else "rules.form.first_hint"
    return translate(visit.language, name)


def _question(asked: Form, policy: Policy, book: Book, visit: Visit) -> tuple[Question, Form]:
    """Read which days and which result somebody asks about; what cannot be read is said."""
    faults = []
    surplus = None
    if asked.value("surplus").strip():
        surplus = read_money(visit.language, asked.value("surplus"), book.currency)
        if surplus is None:
            words = amount_words(visit.language, book.currency)
            told = translate(visit.language, "error.field.amount_unreadable", **words)
            faults.append(Problem("surplus", told))
    question = Question(policy, surplus=surplus)
    if asked.value("period") not in {"", "days"}:
        try:
            question = replace(question, period_id=UUID(asked.value("period")))
        except ValueError:
            faults.append(Problem("period", translate(visit.language, "error.period_not_found")))
    elif asked.value("period") == "days":
        try:
            days = [date.fromisoformat(asked.value(name)) for name in ("first_day", "last_day")]
            question = replace(question, first_day=days[0], last_day=days[1])
        except ValueError:
            faults.append(Problem("last_day", translate(visit.language, "error.preview_days")))
    return question, replace(asked, problems=faults)


def _filled(asked: Form, seen: Preview, language: str) -> Form:
    """Show which days were looked at, where nobody chose any."""
    stretch = seen.stretch
    return asked.with_values(
        period=str(stretch.period.id) if stretch.period else "days",
        first_day=stretch.first.isoformat(),
        last_day=stretch.last.isoformat(),
        surplus=write_money(language, stretch.surplus, seen.book.currency),
    )
