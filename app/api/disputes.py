"""Disputes about entries: open, agree, have a panel drawn, decide, appeal."""

from uuid import UUID

from fastapi import APIRouter, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    ClaimsWriter,
    Cursor,
    Db,
    LedgerReader,
    Limit,
    WithKey,
    set_next_link,
    set_version,
)
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.disputes import (
    DisputeInput,
    DisputeOffer,
    DisputePerson,
    DisputeSeatShape,
    DisputeShape,
    JudgeInput,
    JudgementInput,
    OfferInput,
    ReappealInput,
)
from app.domain.access import Actor
from app.domain.disputes import actions, judging, mine, queries, rules
from app.domain.disputes.queries import Case
from app.domain.disputes.rules import CaseSide
from app.domain.disputes.showing import may_do, missing_seats, shown_seats
from app.domain.ledger.queries import get_book_for

router = APIRouter(route_class=StrictRoute, tags=["disputes"])


@router.post(
    "/entries/{entry_id}/disputes",
    status_code=status.HTTP_201_CREATED,
    operation_id="open_dispute",
    dependencies=[WithKey],
)
async def open_dispute(
    entry_id: UUID, body: DisputeInput, response: Response, actor: ClaimsWriter, db: Db
) -> DisputeShape:
    """Dispute an entry: its minutes wait in suspense until people have decided."""
    dispute = await actions.open_dispute(db, actor, entry_id, body.reason)
    return await _answer(db, actor, dispute.id, response)


@router.get("/disputes/{dispute_id}", operation_id="get_dispute")
async def get_dispute(
    dispute_id: UUID, response: Response, actor: LedgerReader, db: Db
) -> DisputeShape:
    """Return a dispute to its sides, its judges and those who read the book."""
    return await _answer(db, actor, dispute_id, response)


@router.get("/me/disputes", operation_id="list_my_disputes")
async def list_my_disputes(actor: LedgerReader, db: Db) -> Listing[DisputeShape]:
    """List the disputes that one is a side of or judges, as long as they can go on."""
    cases = await mine.my_disputes(db, actor)
    return Listing(items=[await _shape(db, actor, case) for case in cases])


@router.get("/books/{book_id}/disputes", operation_id="list_book_disputes")
async def list_book_disputes(
    book_id: UUID,
    request: Request,
    response: Response,
    actor: LedgerReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[DisputeShape]:
    """List a book's disputes, newest first."""
    book = await get_book_for(db, actor, book_id)
    page = await queries.disputes_of_book(db, actor, book, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    items = [await _shape(db, actor, case) for case in page.items]
    return Listing(items=items, next_cursor=page.next_cursor)


@router.post("/disputes/{dispute_id}/offers", operation_id="offer_in_dispute")
async def offer_in_dispute(
    dispute_id: UUID, body: OfferInput, response: Response, actor: ClaimsWriter, db: Db
) -> DisputeShape:
    """Say what one would agree to; it holds once both sides said the same."""
    await actions.offer(db, actor, dispute_id, body.minutes)
    return await _answer(db, actor, dispute_id, response)


@router.post("/disputes/{dispute_id}/panel", operation_id="ask_dispute_panel")
async def ask_dispute_panel(
    dispute_id: UUID, response: Response, actor: ClaimsWriter, db: Db
) -> DisputeShape:
    """Have three worker-owners drawn who are outside the case."""
    await actions.ask_panel(db, actor, dispute_id)
    return await _answer(db, actor, dispute_id, response)


@router.post("/disputes/{dispute_id}/withdrawal", operation_id="withdraw_dispute")
async def withdraw_dispute(
    dispute_id: UUID, response: Response, actor: ClaimsWriter, db: Db
) -> DisputeShape:
    """Let the entry stand, as whoever began the dispute."""
    await actions.withdraw(db, actor, dispute_id)
    return await _answer(db, actor, dispute_id, response)


@router.post("/disputes/{dispute_id}/judgements", operation_id="judge_dispute")
async def judge_dispute(
    dispute_id: UUID, body: JudgementInput, response: Response, actor: ClaimsWriter, db: Db
) -> DisputeShape:
    """Decide as one of the panel; two who decide alike end it, or the middle of three."""
    await judging.decide(db, actor, dispute_id, body.minutes, body.reason)
    return await _answer(db, actor, dispute_id, response)


@router.post(
    "/disputes/{dispute_id}/refusal",
    operation_id="decline_dispute_seat",
    status_code=status.HTTP_204_NO_CONTENT,
)
async def decline_dispute_seat(dispute_id: UUID, actor: ClaimsWriter, db: Db) -> None:
    """Give one's seat on the panel up; somebody else is drawn."""
    await judging.decline(db, actor, dispute_id)


@router.post("/disputes/{dispute_id}/judges", operation_id="name_dispute_judge")
async def name_dispute_judge(
    dispute_id: UUID, body: JudgeInput, response: Response, actor: ClaimsWriter, db: Db
) -> DisputeShape:
    """Say whom one would let judge where too few can be drawn; both the same, and they sit."""
    await judging.name_judge(db, actor, dispute_id, body.handle)
    return await _answer(db, actor, dispute_id, response)


@router.post("/disputes/{dispute_id}/reappeal", operation_id="reappeal_dispute")
async def reappeal_dispute(
    dispute_id: UUID, body: ReappealInput, response: Response, actor: ClaimsWriter, db: Db
) -> DisputeShape:
    """Ask the assembly, once: after a panel's ruling, or where no panel can be filled."""
    await actions.reappeal(db, actor, dispute_id, body.reason)
    return await _answer(db, actor, dispute_id, response)


async def _answer(db: Db, actor: Actor, dispute_id: UUID, response: Response) -> DisputeShape:
    await db.flush()  # what was just said is read below
    case = await queries.get_case_for(db, actor, dispute_id)
    set_version(response, case.dispute.version)
    return await _shape(db, actor, case)


async def _shape(db: Db, actor: Actor, case: Case) -> DisputeShape:
    dispute, entry = case.dispute, case.entry
    names = await queries.names_of(db, actor, case)
    told = {
        name: getattr(dispute, name)
        for name in DisputeShape.model_fields
        if name in type(dispute).model_fields and name != "opened_by"
    }
    return DisputeShape(
        **told,
        organisation_id=case.organisation.id,
        organisation_name=case.organisation.name,
        entry_kind=entry.kind,
        worked_on=entry.worked_on,
        stream=case.stream,
        worker=_person(dispute.worker_id, names),
        opened_by=_person(dispute.opened_by, names),
        most=case.most,
        panel_due=rules.panel_due(dispute),
        offer=_offer(case),
        named=_person(dispute.named_id, names) if dispute.named_id else None,
        named_by=_side(dispute.named_by_worker),
        seats=[
            DisputeSeatShape(
                number=one.seat.number,
                name=one.name,
                tier=one.seat.tier,
                state=one.seat.state,
                pool_size=one.seat.pool_size,
                pool_head=[UUID(person) for person in one.seat.pool_head],
                answer_by=one.seat.answer_by,
                minutes=one.minutes,
                reason=one.reason,
            )
            for one in shown_seats(case, names)
        ],
        seats_wanted=missing_seats(case),
        reappeal_until=rules.reappeal_until(dispute),
        final=dispute.final_at is not None,
        my_side=next(iter(case.sides), None),
        my_seat=case.seat.state if case.seat else None,
        may=may_do(case),
    )


def _person(account_id: UUID, names: dict[UUID, str]) -> DisputePerson:
    return DisputePerson(account_id=account_id, name=names.get(account_id, ""))


def _side(by_worker: bool | None) -> CaseSide | None:
    if by_worker is None:
        return None
    return CaseSide.WORKER if by_worker else CaseSide.BOOK


def _offer(case: Case) -> DisputeOffer | None:
    side = _side(case.dispute.offer_by_worker)
    if case.dispute.offer_minutes is None or side is None:
        return None
    return DisputeOffer(minutes=case.dispute.offer_minutes, by=side)
