"""Gift work that is recognised as standing, as pages: asking, and both signatures."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.governance import conversions, queries
from app.domain.ledger.people import names_in
from app.errors import AppError, InvalidError
from app.models.governance import ConversionSide, DecisionSubject
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, answered_before, go
from app.pages.dependencies import keep_answer as keep
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.governance import voting_days
from app.pages.rendering import render

GIFTS = "/books/{book_id:uuid}/gifts/{account_id:uuid}"
CONVERSION = "/conversions/{conversion_id:uuid}"

router = APIRouter(route_class=PageRoute)


@router.get(GIFTS)
async def show_gifts(book_id: UUID, account_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show somebody's gift work that may be recognised, and what was asked already."""
    return await _render_gifts(db, visit, book_id, account_id, Form())


@router.post(GIFTS)
async def ask(book_id: UUID, account_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Ask that gifts be recognised, and sign for one's side."""
    try:
        async with db.begin_nested():
            before = await answered_before(db, visit, form)
            if before is not None:
                return go(before)
            chosen = _chosen(form)
            row = await conversions.open_conversion(db, visit.actor, book_id, account_id, chosen)
            target = f"/conversions/{row.id}"
            await keep(db, visit, form, target)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render_gifts(db, visit, book_id, account_id, shown, error.status)
    return go(target, "moved")


def _chosen(form: Form) -> list[UUID]:
    try:
        return [UUID(one) for one in form.values("entry_ids")]
    except ValueError:
        raise InvalidError("form_unreadable") from None


@router.get(CONVERSION)
async def show_conversion(conversion_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show which gifts shall be recognised, and who signed."""
    return await _render(db, visit, conversion_id, Form())


@router.post(f"{CONVERSION}/sign")
async def sign(conversion_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Sign for one's side."""
    try:
        async with db.begin_nested():
            await conversions.sign_conversion(db, visit.actor, conversion_id)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render(db, visit, conversion_id, shown, error.status)
    return go(f"/conversions/{conversion_id}", "moved")


@router.post(f"{CONVERSION}/withdraw")
async def take_back(conversion_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Let it be."""
    try:
        async with db.begin_nested():
            await conversions.take_conversion_back(db, visit.actor, conversion_id)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render(db, visit, conversion_id, shown, error.status)
    return go(f"/conversions/{conversion_id}", "moved")


async def _render_gifts(
    db: Db, visit: Visit, book_id: UUID, account_id: UUID, form: Form, status: int = 200
) -> Response:
    place = await queries.get_place(db, visit.actor, book_id)
    gifts = await conversions.free_gifts_for(db, visit.actor, book_id, account_id)
    asked = await conversions.conversions_of(db, visit.actor, book_id)
    names = await names_in(db, book_id, [account_id], place.account_id)
    return await render(
        visit.page,
        "gifts.html",
        status=status,
        book=place.book,
        account_id=account_id,
        name=names[account_id],
        own=account_id == place.account_id,
        gifts=gifts,
        asked=[one for one in asked if one.conversion.account_id == account_id],
        most=conversions.GIFTS_MAX,
        form=form,
    )


async def _render(
    db: Db, visit: Visit, conversion_id: UUID, form: Form, status: int = 200
) -> Response:
    view = await conversions.get_conversion_for(db, visit.actor, conversion_id)
    row = view.conversion
    place = await queries.get_place(db, visit.actor, row.book_id)
    signers = await names_in(db, row.book_id, view.signed.values(), place.account_id)
    pending = await queries.undecided_about(db, DecisionSubject.CONVERSION, row.id)
    return await render(
        visit.page,
        "conversion.html",
        status=status,
        view=view,
        row=row,
        place=place,
        sides=[
            (side, signers[view.signed[side]] if side in view.signed else "")
            for side in ConversionSide
        ],
        may_withdraw=row.closed_at is None and place.account_id in {row.account_id, row.opened_by},
        pending=pending if place.lead else None,
        days=voting_days(),
        form=form,
    )
