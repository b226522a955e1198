"""What the asker does through the mailed link: follow, answer, change, choose who helps, thank."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from app.domain.access import Actor
from app.domain.asks import actions, queries
from app.domain.asks.policy import holder_of
from app.domain.asks.rules import TEXT_OPEN
from app.domain.claims import actions as claims
from app.domain.claims import queries as claim_queries
from app.domain.claims.rules import Side
from app.domain.identity import queries as identity
from app.domain.ledger import actions as ledger
from app.domain.ledger.errors import confirmation_refused
from app.errors import AppError, FieldError, InvalidError, NotFoundError
from app.infra.i18n import LANGUAGES
from app.models.asks import Ask, AskChanges, AskState, Remark
from app.models.claims import Claim, ClaimState
from app.models.identity import AccountFields
from app.models.ledger import WorkStream
from app.models.needs import Need
from app.pages.asks import render_secret, secret
from app.pages.claim_cards import claim_cards
from app.pages.dependencies import Configuration, Db, PageRoute, Reader, Sent, Visit, go
from app.pages.failures import choices, invalid, refused
from app.pages.forms import Form
from app.pages.identity import enter
from app.pages.rendering import language_name

router = APIRouter(route_class=PageRoute)
CLAIMS_SHOWN = 100
_remark: TypeAdapter[str] = TypeAdapter(Remark)


class Sitting(NamedTuple):
    """One form sent through a link: the ask, whom the link acts as, and what was written."""

    db: Db
    ask: Ask
    form: Form
    origin: str
    request_id: str
    reader_id: UUID | None

    def holder(self) -> Actor:
        """Return whom the link acts as; an organisation's own people answer for theirs."""
        holder = holder_of(self.ask, self.request_id)
        if holder is None:
            raise NotFoundError("claim_not_found")
        return holder


@router.get("/ask/mine/{token}")
async def show(token: str, db: Db, visit: Reader) -> Response:
    """Show where the ask stands and what can be done."""
    return await _render(db, visit, token, await queries.ask_of_link(db, token), Form())


async def _render(
    db: Db, visit: Visit, token: str, ask: Ask, form: Form, status: int = 200
) -> Response:
    found = await queries.needs_of(db, ask.id)
    holder = holder_of(ask, None)
    rows: list[tuple[Claim, Need]] = []
    for need in found if holder else ():
        rows.extend((await claim_queries.claims_of_need(db, need.id, CLAIMS_SHOWN, None)).items)
    people = await identity.accounts_by_id(db, [claim.account_id for claim, _ in rows])
    reader = replace(visit, actor=holder) if holder else visit
    shown = form.with_values(
        stuck=ask.stuck,
        size=ask.size,
        organisation_name=ask.organisation_name,
        language=ask.language,
        version=str(ask.version),
    )
    history = await queries.history_of(db, ask.id)
    return await render_secret(
        visit,
        "ask_mine.html",
        status=status,
        here=f"/ask/mine/{token}",
        form=shown,
        ask=ask,
        history=history,
        question=next((h.text for h in reversed(history) if h.deed.value == "questioned"), ""),
        text_open=ask.state in TEXT_OPEN,
        published=ask.state is AskState.PUBLISHED,
        needs=found,
        claims=await claim_cards(db, reader, rows, frozenset({Side.ORGANISATION}), people),
        streams=choices(visit.language, "ledger.stream", ("gift", "livelihood")),
        runs=holder is not None,
        languages=[(code, language_name(code)) for code in LANGUAGES],
    )


@router.post("/ask/mine/{token}/claims/{claim_id:uuid}")
async def answer_claim(
    token: str, claim_id: UUID, request: Request, db: Db, visit: Reader, form: Sent
) -> Response:
    """Answer who offers help, or confirm the hours of who gave it."""
    sitting = await _sit(token, request, db, visit, form)
    try:
        async with db.begin_nested():
            await _answer_claim(sitting, claim_id)
    except AppError as error:
        return await _refuse(sitting, visit, token, error)
    return secret(go(f"/ask/mine/{token}", "moved"))


async def _answer_claim(sitting: Sitting, claim_id: UUID) -> None:
    """The link speaks for the needs of its ask, whatever else its account could reach."""
    holder = sitting.holder()
    view = await claim_queries.get_claim_for(sitting.db, holder, claim_id)
    own = {need.id for need in await queries.needs_of(sitting.db, sitting.ask.id)}
    if view.need.id not in own:
        raise NotFoundError("claim_not_found")
    to = sitting.form.value("to")
    if to != ClaimState.CONFIRMED:
        await claims.move_claim(
            sitting.db, holder, claim_id, _claim_state(to), sitting.form.value("reason")
        )
        return
    worker_id = view.claim.account_id
    if worker_id == sitting.reader_id or await queries.is_askers_own(
        sitting.db, sitting.ask, worker_id
    ):
        raise confirmation_refused("confirmation_own")
    minutes = _minutes(sitting.form)
    stream = WorkStream(sitting.form.value("stream") or "gift")
    await ledger.confirm_contribution(sitting.db, holder, claim_id, minutes, stream)


def _claim_state(value: str) -> ClaimState:
    try:
        return ClaimState(value)
    except ValueError:
        raise InvalidError("form_unreadable") from None


def _minutes(form: Form) -> int:
    parts = [form.value("hours") or "0", form.value("minutes") or "0"]
    if not all(part.isascii() and part.isdigit() and len(part) <= 5 for part in parts):
        raise InvalidError("validation_failed", errors=[FieldError("/hours", "int_parsing")])
    return int(parts[0]) * 60 + int(parts[1])


async def _answer(sitting: Sitting) -> None:
    text = _remark.validate_python(sitting.form.value("text"))
    await actions.answer_question(sitting.db, sitting.ask, text)


async def _change(sitting: Sitting) -> None:
    form = sitting.form
    names = ("stuck", "size", "organisation_name", "language")
    changes = AskChanges.model_validate({name: form.value(name) for name in names})
    version = form.value("version")
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise InvalidError("form_unreadable")
    keep = "yes" in form.values("keep")
    await actions.change_ask(sitting.db, sitting.ask, changes, int(version), keep_secrets=keep)


async def _suggest(sitting: Sitting) -> None:
    text = _remark.validate_python(sitting.form.value("text"))
    await actions.suggest_change(sitting.db, sitting.ask, text)


async def _withdraw(sitting: Sitting) -> None:
    reason = _remark.validate_python(sitting.form.value("reason"))
    await actions.withdraw_ask(sitting.db, sitting.ask, reason, sitting.request_id)


async def _done(sitting: Sitting) -> None:
    thanks = _remark.validate_python(sitting.form.value("text"))
    await actions.finish_ask(sitting.db, sitting.ask, thanks, sitting.request_id)


async def _new_link(sitting: Sitting) -> None:
    await actions.renew_link(sitting.db, sitting.ask, sitting.origin)


DEEDS: dict[str, Callable[[Sitting], Awaitable[None]]] = {
    "answer": _answer,
    "change": _change,
    "suggest": _suggest,
    "withdraw": _withdraw,
    "done": _done,
    "link": _new_link,
}


@router.post("/ask/mine/{token}/account")
async def make_account(
    token: str,
    request: Request,
    db: Db,
    visit: Reader,
    form: Sent,
    settings: Configuration,
) -> Response:
    """Turn the link into an account, and sign in with it."""
    sitting = await _sit(token, request, db, visit, form)
    try:
        fields = AccountFields.model_validate(
            {"handle": form.value("handle").strip(), "language": visit.language}
        )
        async with db.begin_nested():
            account_id = await actions.make_account(
                db, sitting.ask, fields, form.value("password")[:256], settings.password_min_length
            )
    except ValidationError as error:
        return await _refuse(sitting, visit, token, error)
    except AppError as error:
        return await _refuse(sitting, visit, token, error)
    target = f"/organisations/{sitting.ask.organisation_id}"
    return secret(await enter(request, db, account_id, go(target, "welcome")))


@router.post("/ask/mine/{token}/{deed}")
async def do(
    token: str, deed: str, request: Request, db: Db, visit: Reader, form: Sent
) -> Response:
    """Do one of the things that a link allows."""
    sitting = await _sit(token, request, db, visit, form)
    act = DEEDS.get(deed)
    if act is None:
        raise NotFoundError("page_not_found")
    try:
        async with db.begin_nested():
            await act(sitting)
    except (ValidationError, AppError) as error:
        return await _refuse(sitting, visit, token, error)
    if deed == "link":
        return secret(go("/ask/sent"))
    return secret(go(f"/ask/mine/{token}", "changed"))


async def _sit(token: str, request: Request, db: Db, visit: Visit, form: Form) -> Sitting:
    ask = await queries.ask_to_write(db, token)
    reader_id = visit.actor.account_id
    return Sitting(db, ask, form, visit.page.origin, request.state.request_id, reader_id)


async def _refuse(
    sitting: Sitting, visit: Visit, token: str, error: ValidationError | AppError
) -> Response:
    # The savepoint's end forgot what was read before it.
    ask = await queries.ask_of_link(sitting.db, token)
    if isinstance(error, AppError):
        shown, status = refused(sitting.form, visit.language, error), error.status
    else:
        shown, status = invalid(sitting.form, visit.language, error), 422
    values: dict[str, Any] = {"status": status}
    return await _render(sitting.db, visit, token, ask, shown, **values)
