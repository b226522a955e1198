"""Decisions of a book as pages: what waits for one's vote, one vote, and its counting in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.governance import actions, admission, conversions, queries
from app.domain.governance.actions import VOTING_DAYS_MAX, Motion
from app.domain.governance.proposals import Proposal
from app.domain.governance.queries import DecisionView, rule_of
from app.domain.governance.rules import VOTING_DAYS, base_size, has_quorum, least_cast, least_yes
from app.errors import AppError, InvalidError
from app.infra.i18n import exists, format_date, format_minutes, format_number, translate
from app.models.governance import DecisionSubject, VoteChoice
from app.pages.claim_cards import minutes_of
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, answered_before, go
from app.pages.dependencies import keep_answer as keep
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.policy_form import vote_text
from app.pages.rendering import render
from app.pages.views import Paging

PER_PAGE = 20
DECISIONS = "/books/{book_id:uuid}/decisions"
DECISION = "/decisions/{decision_id:uuid}"
# Where one reads what a decision is about.
READ: Mapping[DecisionSubject, str] = {
    DecisionSubject.POLICY: "/policy-drafts/{subject}",
    DecisionSubject.ADMISSION: "/books/{book}/standing/{person}",
    DecisionSubject.CONVERSION: "/conversions/{subject}",
    DecisionSubject.APPEAL: "/disputes/{subject}",
}

router = APIRouter(route_class=PageRoute)


@dataclass(frozen=True)
class ShownDecision:
    """A decision with its subject in a sentence, and how it stands."""

    view: DecisionView
    about: str
    state: str
    read: str = ""


def show(language: str, view: DecisionView) -> ShownDecision:
    """Say in words what a decision is about and how it stands."""
    row, terms = view.decision, view.decision.terms
    about = translate(
        language,
        f"vote.about.{row.subject}",
        name=view.about or translate(language, "vote.somebody"),
        day=format_date(language, date.fromisoformat(terms["valid_from"]))
        if "valid_from" in terms
        else "",
        time=format_minutes(language, terms.get("minutes", 0)),
    )
    person = terms.get("account_id", "")
    read = READ[row.subject].format(subject=row.subject_id, book=row.book_id, person=person)
    shown = view.place.lead and (row.subject != DecisionSubject.ADMISSION or person)
    return ShownDecision(view, about, _state(view), read if shown else "")


def _state(view: DecisionView) -> str:
    if view.outcome is None:
        return "open" if view.open else "counting"
    return actions.ending(view.outcome)


@router.get(DECISIONS)
async def show_decisions(
    book_id: UUID, db: Db, visit: SignedIn, cursor: str | None = None
) -> Response:
    """Show what waits for a vote, what may be put to one, and what was decided."""
    return await _render_list(db, visit, book_id, Form(), cursor=cursor)


@router.post(DECISIONS)
async def open_decision(book_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Put something to the vote."""
    try:
        async with db.begin_nested():
            before = await answered_before(db, visit, form)
            if before is not None:
                return go(before)
            row = await actions.open_decision(db, visit.actor, book_id, _motion(form))
            target = f"/decisions/{row.id}"
            await keep(db, visit, form, target)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render_list(db, visit, book_id, shown, status=error.status)
    return go(target, "moved")


def _motion(form: Form) -> Motion:
    try:
        subject = DecisionSubject(form.value("subject"))
        subject_id = UUID(form.value("subject_id"))
    except ValueError:
        raise InvalidError("form_unreadable") from None
    minutes: int | str | None = None
    if subject == DecisionSubject.APPEAL:
        minutes = minutes_of(form)
    if isinstance(minutes, str):
        raise InvalidError("form_unreadable")
    words = form.value("words")[:4000]
    return Motion(Proposal(subject, subject_id, minutes), form.number("days"), words)


@router.get(DECISION)
async def show_decision(decision_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show one decision: its subject, its rule, the roll, and its outcome."""
    return await _render(db, visit, decision_id, Form())


@router.post(f"{DECISION}/vote")
async def cast_vote(decision_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Vote, once and by name."""
    try:
        async with db.begin_nested():
            await actions.cast_vote(db, visit.actor, decision_id, _choice(form))
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render(db, visit, decision_id, shown, error.status)
    return go(f"/decisions/{decision_id}", "moved")


def _choice(form: Form) -> VoteChoice:
    try:
        return VoteChoice(form.value("choice"))
    except ValueError:
        raise InvalidError("form_unreadable") from None


async def _render(
    db: Db, visit: Visit, decision_id: UUID, form: Form, status: int = 200
) -> Response:
    view = await queries.get_decision_for(db, visit.actor, decision_id)
    return await render(
        visit.page,
        "decision.html",
        status=status,
        form=form,
        shown=show(visit.language, view),
        view=view,
        decision=view.decision,
        rule=vote_text(visit.language, rule_of(view.decision)),
        counting=counting(visit.language, view),
        choices=list(VoteChoice),
    )


async def _render_list(
    db: Db,
    visit: Visit,
    book_id: UUID,
    form: Form,
    *,
    cursor: str | None = None,
    status: int = 200,
) -> Response:
    place = await queries.get_place(db, visit.actor, book_id)
    page = await queries.decisions_of(db, visit.actor, book_id, PER_PAGE, cursor)
    shown = [show(visit.language, view) for view in page.items]
    asks = await admission.asks_of(db, visit.actor, book_id)
    signed = [v for v in await conversions.conversions_of(db, visit.actor, book_id) if v.complete]
    here = f"/books/{book_id}/decisions"
    on_page: dict[str, Any] = {
        "waiting": [one for one in shown if one.view.may_vote],
        "asks": [
            (ask, name, await queries.undecided_about(db, DecisionSubject.ADMISSION, ask.id))
            for ask, _, name in asks
        ],
        "signed": [
            (one, await queries.undecided_about(db, DecisionSubject.CONVERSION, one.conversion.id))
            for one in signed
        ],
    }
    return await render(
        visit.page,
        "decisions.html",
        status=status,
        book=place.book,
        place=place,
        form=form,
        decisions=shown,
        days=voting_days(),
        again=_again(form, on_page) if place.worker_owner else None,
        paging=Paging(
            f"{here}?cursor={page.next_cursor}" if page.next_cursor else None,
            here if cursor else None,
        ),
        **on_page,
    )


def _again(form: Form, on_page: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what was proposed from another page and refused: its words are not lost.

    What this page has a form of its own for keeps them there.
    """
    free = {str(ask.id) for ask, _, pending in on_page["asks"] if pending is None}
    free |= {str(one.conversion.id) for one, pending in on_page["signed"] if pending is None}
    subject, subject_id = form.value("subject"), form.value("subject_id")
    known = subject in {one.value for one in DecisionSubject}
    if not form.problems or not known or subject_id in free:
        return None
    minutes = 0 if subject == DecisionSubject.APPEAL else None
    return {"subject": subject, "subject_id": subject_id, "minutes": minutes}


def voting_days() -> tuple[int, int]:
    """Return how many days there usually are to vote, and how many at most."""
    return VOTING_DAYS, VOTING_DAYS_MAX


def counting(language: str, view: DecisionView) -> list[str]:
    """Write out how the votes are counted, figure by figure, as anybody can check it."""
    rule, tally = rule_of(view.decision), view.tally
    if view.outcome is None and not view.electors:
        return []

    def say(message_id: str, **values: int) -> str:
        shown = {name: format_number(language, n) for name, n in values.items()}
        return translate(language, message_id, **shown)

    needed, enough = least_cast(rule, tally), least_yes(rule, tally)
    lines = [
        say("vote.count.cast", cast=tally.cast, roll=tally.roll),
        say("vote.count.said", yes=tally.yes, no=tally.no, abstain=tally.abstain),
        say(
            "vote.count.quorum_met" if has_quorum(rule, tally) else "vote.count.quorum_missed",
            needed=needed,
            cast=tally.cast,
        ),
        say(f"vote.count.base_{rule.base}", n=base_size(rule, tally)),
        say(
            "vote.count.yes_met" if tally.yes >= enough else "vote.count.yes_missed",
            needed=enough,
            yes=tally.yes,
        ),
    ]
    if view.outcome is not None and view.outcome.refused:
        code = f"error.{view.outcome.refused}"
        why = translate(language, code if exists(code) else "error.kind.conflict")
        over = actions.ending(view.outcome) == "overtaken"
        said = why if over else translate(language, "vote.count.refused", why=why)
        lines.append(said)
    return lines
