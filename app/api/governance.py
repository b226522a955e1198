"""Governing a co-operative: who is what, decisions, standing, admission, leaving.

What is decided, signed and paid is done by people at their browser, never by a tool.
"""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    Cursor,
    Db,
    InPerson,
    LedgerReader,
    Limit,
    WithKey,
    set_next_link,
)
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.governance import (
    AdmissionInput,
    AdmissionShape,
    BookPersonShape,
    ConversionInput,
    ConversionShape,
    DecisionInput,
    DecisionShape,
    ExitShape,
    FoundersInput,
    GiftShape,
    PayoutInput,
    ProbationInput,
    ScheduleInput,
    StandingShape,
    StatusShape,
    TrainingInput,
    TrainingShape,
    VoteInput,
)
from app.domain.governance import (
    actions,
    admission,
    conversions,
    exits,
    leaving,
    queries,
    standing,
    statuses,
)
from app.domain.governance.actions import Motion
from app.domain.governance.leaving import Schedule
from app.domain.governance.proposals import Proposal
from app.infra import clock

router = APIRouter(route_class=StrictRoute, tags=["governance"])

Of = Annotated[UUID | None, Query(description="Whose; one's own where it is left out.")]
Day = Annotated[date | None, Query(description="At which day; today where it is left out.")]


@router.get("/books/{book_id}/people", operation_id="list_book_people")
async def list_people(book_id: UUID, actor: LedgerReader, db: Db) -> Listing[BookPersonShape]:
    """List the people of a co-operative, and what they are and were."""
    people = await queries.people_of(db, actor, book_id)
    return Listing(items=[BookPersonShape.of(person) for person in people])


@router.post(
    "/books/{book_id}/founders",
    status_code=status.HTTP_201_CREATED,
    operation_id="name_founders",
    dependencies=[WithKey],
)
async def name_founders(
    book_id: UUID, body: FoundersInput, actor: InPerson, db: Db
) -> Listing[BookPersonShape]:
    """Name the first worker-owners, once; everybody after them is admitted by a decision."""
    await statuses.name_founders(db, actor, book_id, body.account_ids, body.since)
    people = await queries.people_of(db, actor, book_id)
    return Listing(items=[BookPersonShape.of(person) for person in people])


@router.post(
    "/books/{book_id}/probations",
    status_code=status.HTTP_201_CREATED,
    operation_id="begin_probation",
    dependencies=[WithKey],
)
async def begin_probation(
    book_id: UUID, body: ProbationInput, actor: InPerson, db: Db
) -> StatusShape:
    """Write down since when a member works towards becoming a worker-owner."""
    row = await statuses.begin_probation(db, actor, book_id, body.handle, body.since)
    return StatusShape.model_validate(row)


@router.get("/books/{book_id}/standing", operation_id="get_standing")
async def get_standing(
    book_id: UUID, actor: LedgerReader, db: Db, account_id: Of = None, on: Day = None
) -> StandingShape:
    """Say what somebody has of what is asked before one may ask for membership, at a day."""
    who, day = account_id or actor.signed_in(), on or clock.today()
    return StandingShape.of(await standing.standing_for(db, actor, book_id, who, day))


@router.post(
    "/books/{book_id}/people/{account_id}/trainings",
    status_code=status.HTTP_201_CREATED,
    operation_id="record_training",
    dependencies=[WithKey],
)
async def record_training(
    book_id: UUID, account_id: UUID, body: TrainingInput, actor: InPerson, db: Db
) -> TrainingShape:
    """Write down that somebody else did a training."""
    row = await admission.record_training(
        db, actor, book_id, account_id, name=body.name, on=body.done_on
    )
    return TrainingShape.model_validate(row)


@router.delete(
    "/books/{book_id}/people/{account_id}/trainings/{training_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="take_training_back",
)
async def take_training_back(
    book_id: UUID, account_id: UUID, training_id: UUID, actor: InPerson, db: Db
) -> None:
    """Say that a training was written down by mistake."""
    await admission.take_training_back(db, actor, book_id, account_id, training_id)


@router.get("/books/{book_id}/admissions", operation_id="list_admissions")
async def list_admissions(book_id: UUID, actor: LedgerReader, db: Db) -> Listing[AdmissionShape]:
    """List those who asked to be taken in and wait for a decision."""
    asks = await admission.asks_of(db, actor, book_id)
    return Listing(items=[AdmissionShape.of(*ask) for ask in asks])


@router.post(
    "/books/{book_id}/admissions",
    status_code=status.HTTP_201_CREATED,
    operation_id="ask_admission",
    dependencies=[WithKey],
)
async def ask_admission(
    book_id: UUID, body: AdmissionInput, actor: InPerson, db: Db
) -> StandingShape:
    """Ask to become a worker-owner; standing opens the right to ask, and nothing more."""
    await admission.ask_admission(db, actor, book_id, body.words)
    who = actor.signed_in()
    return StandingShape.of(await standing.standing_for(db, actor, book_id, who, clock.today()))


@router.delete(
    "/books/{book_id}/admissions",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="take_admission_back",
)
async def take_admission_back(book_id: UUID, actor: InPerson, db: Db) -> None:
    """Take back that one asked."""
    await admission.take_ask_back(db, actor, book_id)


@router.get("/books/{book_id}/decisions", operation_id="list_decisions")
async def list_decisions(
    book_id: UUID,
    request: Request,
    response: Response,
    actor: LedgerReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[DecisionShape]:
    """List a co-operative's decisions, the newest first."""
    page = await queries.decisions_of(db, actor, book_id, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    items = [DecisionShape.of(view) for view in page.items]
    return Listing(items=items, next_cursor=page.next_cursor)


@router.post(
    "/books/{book_id}/decisions",
    status_code=status.HTTP_201_CREATED,
    operation_id="open_decision",
    dependencies=[WithKey],
)
async def open_decision(
    book_id: UUID, body: DecisionInput, actor: InPerson, response: Response, db: Db
) -> DecisionShape:
    """Put something to the worker-owners of today; whoever joins later waits for the next one."""
    proposal = Proposal(body.subject, body.subject_id, body.minutes)
    motion = Motion(proposal, body.days, body.words)
    decision = await actions.open_decision(db, actor, book_id, motion)
    response.headers["Location"] = f"/api/v1/decisions/{decision.id}"
    return DecisionShape.of(await queries.get_decision_for(db, actor, decision.id))


@router.get("/decisions/{decision_id}", operation_id="get_decision")
async def get_decision(decision_id: UUID, actor: LedgerReader, db: Db) -> DecisionShape:
    """Return one decision."""
    return DecisionShape.of(await queries.get_decision_for(db, actor, decision_id))


@router.post("/decisions/{decision_id}/votes", operation_id="cast_vote", dependencies=[WithKey])
async def cast_vote(decision_id: UUID, body: VoteInput, actor: InPerson, db: Db) -> DecisionShape:
    """Vote, once and by name; closes the decision when nothing can change it any more."""
    await actions.cast_vote(db, actor, decision_id, body.choice)
    return DecisionShape.of(await queries.get_decision_for(db, actor, decision_id))


@router.get("/books/{book_id}/gifts", operation_id="list_gifts")
async def list_gifts(
    book_id: UUID, actor: LedgerReader, db: Db, account_id: Of = None
) -> Listing[GiftShape]:
    """List gift work that may still be recognised as standing."""
    who = account_id or actor.signed_in()
    gifts = await conversions.free_gifts_for(db, actor, book_id, who)
    return Listing(items=[GiftShape.of(gift) for gift in gifts])


@router.get("/books/{book_id}/conversions", operation_id="list_conversions")
async def list_conversions(book_id: UUID, actor: LedgerReader, db: Db) -> Listing[ConversionShape]:
    """List gifts that wait for a signature or a decision."""
    found = await conversions.conversions_of(db, actor, book_id)
    return Listing(items=[ConversionShape.of(view) for view in found])


@router.post(
    "/books/{book_id}/conversions",
    status_code=status.HTTP_201_CREATED,
    operation_id="open_conversion",
    dependencies=[WithKey],
)
async def open_conversion(
    book_id: UUID, body: ConversionInput, actor: InPerson, db: Db
) -> ConversionShape:
    """Ask that gifts be recognised as standing, and sign for one's side."""
    row = await conversions.open_conversion(db, actor, book_id, body.account_id, body.entry_ids)
    return ConversionShape.of(await conversions.get_conversion_for(db, actor, row.id))


@router.get("/conversions/{conversion_id}", operation_id="get_conversion")
async def get_conversion(conversion_id: UUID, actor: LedgerReader, db: Db) -> ConversionShape:
    """Return one conversion."""
    return ConversionShape.of(await conversions.get_conversion_for(db, actor, conversion_id))


@router.post(
    "/conversions/{conversion_id}/signatures",
    operation_id="sign_conversion",
    dependencies=[WithKey],
)
async def sign_conversion(conversion_id: UUID, actor: InPerson, db: Db) -> ConversionShape:
    """Sign for one's side."""
    return ConversionShape.of(await conversions.sign_conversion(db, actor, conversion_id))


@router.delete(
    "/conversions/{conversion_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="take_conversion_back",
)
async def take_conversion_back(conversion_id: UUID, actor: InPerson, db: Db) -> None:
    """Let it be."""
    await conversions.take_conversion_back(db, actor, conversion_id)


@router.get("/books/{book_id}/exits", operation_id="list_exits")
async def list_exits(book_id: UUID, actor: LedgerReader, db: Db) -> Listing[ExitShape]:
    """List those who left, and what is still to be paid to them."""
    return Listing(items=[ExitShape.of(one) for one in await exits.exits_of(db, actor, book_id)])


@router.post(
    "/books/{book_id}/exits",
    status_code=status.HTTP_201_CREATED,
    operation_id="leave_book",
    dependencies=[WithKey],
)
async def leave_book(book_id: UUID, actor: InPerson, db: Db) -> ExitShape:
    """Leave the co-operative oneself."""
    row = await leaving.leave(db, actor, book_id)
    return ExitShape.of(await exits.get_exit_for(db, actor, row.id))


@router.get("/exits/{exit_id}", operation_id="get_exit")
async def get_exit(exit_id: UUID, actor: LedgerReader, db: Db) -> ExitShape:
    """Return one exit."""
    return ExitShape.of(await exits.get_exit_for(db, actor, exit_id))


@router.post("/exits/{exit_id}/schedule", operation_id="set_exit_schedule", dependencies=[WithKey])
async def set_schedule(exit_id: UUID, body: ScheduleInput, actor: InPerson, db: Db) -> ExitShape:
    """Agree on other instalments, as long as none was paid."""
    schedule = Schedule(body.instalments, body.interval_months, body.first_due_on)
    return ExitShape.of(await leaving.set_schedule(db, actor, exit_id, schedule))


@router.post("/exits/{exit_id}/payouts", operation_id="pay_exit", dependencies=[WithKey])
async def pay_exit(exit_id: UUID, body: PayoutInput, actor: InPerson, db: Db) -> ExitShape:
    """Write down that the next instalment was paid."""
    return ExitShape.of(await leaving.pay(db, actor, exit_id, day=body.paid_on))


@router.post("/exits/{exit_id}/closing", operation_id="close_exit", dependencies=[WithKey])
async def close_exit(exit_id: UUID, actor: InPerson, db: Db) -> ExitShape:
    """End an exit: everything is paid."""
    return ExitShape.of(await leaving.close_exit(db, actor, exit_id))
