"""Moderation: reports and the stewards' desk, holds of needs, limited and blocked accounts."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    ClaimsWriter,
    Cursor,
    Db,
    ExpectedVersion,
    Limit,
    NeedsWriter,
    SignedIn,
    Steward,
    set_next_link,
    set_version,
)
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.moderation import (
    AccountMove,
    AppealInput,
    HoldInput,
    HoldMove,
    HoldShape,
    ReportDeedShape,
    ReportDetail,
    ReportList,
    ReportMove,
    ReportReceived,
    ReportShape,
    RestrictedAccount,
)
from app.domain.identity.queries import accounts_by_id
from app.domain.moderation import actions, holds, queries
from app.domain.moderation.actions import Verdict
from app.domain.moderation.rules import possible_deeds, restriction_of
from app.models.identity import Account
from app.models.moderation import Report, ReportFields, ReportState
from app.models.needs import Hold, Need

router = APIRouter(route_class=StrictRoute, tags=["moderation"])

StateFilter = Annotated[ReportState, Query(description="Those that wait, when left out.")]


@router.post(
    "/reports",
    status_code=status.HTTP_201_CREATED,
    responses={200: {"model": ReportReceived, "description": "Reported already, and waiting."}},
    operation_id="make_report",
)
async def make_report(
    body: ReportFields, actor: ClaimsWriter, response: Response, db: Db
) -> ReportReceived:
    """Report something one can see to the stewards; the same again while it waits is one report."""
    report, new = await actions.make_report(db, actor, body)
    if not new:
        response.status_code = status.HTTP_200_OK
    return ReportReceived.model_validate(report)


@router.get("/reports", operation_id="list_reports")
async def list_reports(
    *,
    actor: Steward,
    request: Request,
    response: Response,
    db: Db,
    state: StateFilter = ReportState.WAITING,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ReportList:
    """List reports to stewards: those that wait, the oldest first."""
    page = await queries.list_reports(db, actor, state, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    counts = await queries.count_waiting(db, actor)
    return ReportList(
        items=await _reports(db, page.items),
        next_cursor=page.next_cursor,
        waiting=counts.reports,
        held=counts.holds,
        appeals=counts.appeals,
    )


async def _reports(db: Db, reports: Sequence[Report]) -> list[ReportShape]:
    named = [i for report in reports for i in (report.reporter_id, report.account_id) if i]
    people = await accounts_by_id(db, named)

    def handle(account_id: UUID | None) -> str | None:
        found = people.get(account_id) if account_id else None
        return found.handle if found else None

    return [
        ReportShape(
            **ReportReceived.model_validate(report).model_dump(),
            said=report.said,
            reporter=handle(report.reporter_id),
            account_id=report.account_id,
            account=handle(report.account_id),
            organisation_id=report.organisation_id,
            place_id=report.place_id,
            version=report.version,
        )
        for report in reports
    ]


@router.get("/reports/{report_id}", operation_id="get_report")
async def get_report(report_id: UUID, actor: Steward, response: Response, db: Db) -> ReportDetail:
    """Return one report with what was done about it, and what else was reported of the same."""
    return await _detail(db, await queries.get_report_for(db, actor, report_id), response)


async def _detail(db: Db, report: Report, response: Response) -> ReportDetail:
    set_version(response, report.version)
    others = await queries.others_about(db, report)
    (shape,) = await _reports(db, [report])
    history = (await queries.histories_of(db, [report.id])).get(report.id, [])
    return ReportDetail(
        **shape.model_dump(),
        history=[ReportDeedShape.model_validate(row) for row in history],
        others=await _reports(db, others),
        possible_deeds=list(possible_deeds(report)) if report.state == "waiting" else [],
    )


@router.post("/reports/{report_id}/transitions", operation_id="move_report")
async def move_report(
    report_id: UUID,
    body: ReportMove,
    actor: Steward,
    version: ExpectedVersion,
    response: Response,
    db: Db,
) -> ReportDetail:
    """Decide on a report; of two stewards at once the second is told what the first did (412)."""
    verdict = Verdict(body.deed, body.reason, body.also)
    return await _detail(db, await actions.decide(db, actor, report_id, verdict, version), response)


@router.get("/holds", operation_id="list_holds")
async def list_holds(
    *,
    actor: Steward,
    request: Request,
    response: Response,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[HoldShape]:
    """List the needs that are held to stewards, the longest held first."""
    page = await queries.list_holds(db, actor, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    return Listing(items=[_hold(*row) for row in page.items], next_cursor=page.next_cursor)


def _hold(hold: Hold, need: Need) -> HoldShape:
    names = ("id", "need_id", "state_before", "reason", "held_at", "appeal", "appealed_at",
             "ended_at", "end_reason", "version")  # fmt: skip
    return HoldShape(
        **{name: getattr(hold, name) for name in names},
        need_title=need.title,
        organisation_id=need.organisation_id,
    )


@router.post(
    "/needs/{need_id}/holds", status_code=status.HTTP_201_CREATED, operation_id="hold_need"
)
async def hold_need(
    need_id: UUID, body: HoldInput, actor: Steward, response: Response, db: Db
) -> HoldShape:
    """Hide a need from all but its people and the stewards; its clocks stand still meanwhile."""
    hold = await holds.hold_need(db, actor, need_id, body.reason)
    return await _answer(db, actor, hold, response)


@router.get("/needs/{need_id}/hold", operation_id="get_hold")
async def get_hold(need_id: UUID, actor: SignedIn, response: Response, db: Db) -> HoldShape:
    """Return why a need is held, or was last, to its people and to stewards."""
    hold, need = await queries.hold_on(db, actor, need_id)
    set_version(response, hold.version)
    return _hold(hold, need)


async def _answer(db: Db, actor: Steward, hold: Hold, response: Response) -> HoldShape:
    set_version(response, hold.version)
    return _hold(*await queries.get_hold_for(db, actor, hold.id))


@router.post("/holds/{hold_id}/appeal", operation_id="appeal_hold")
async def appeal_hold(
    hold_id: UUID, body: AppealInput, actor: NeedsWriter, response: Response, db: Db
) -> HoldShape:
    """Answer a hold for the need's organisation, once; the stewards are told."""
    hold = await holds.appeal(db, actor, hold_id, body.words)
    return await _answer(db, actor, hold, response)


@router.post("/holds/{hold_id}/transitions", operation_id="move_hold")
async def move_hold(
    hold_id: UUID,
    body: HoldMove,
    actor: Steward,
    version: ExpectedVersion,
    response: Response,
    db: Db,
) -> HoldShape:
    """Let a held need go back where it was, or take it down for good with a reason."""
    move = holds.release_need if body.to == "released" else holds.take_down
    return await _answer(db, actor, await move(db, actor, hold_id, body.reason, version), response)


@router.get("/restrictions", operation_id="list_restrictions")
async def list_restrictions(
    *,
    actor: Steward,
    request: Request,
    response: Response,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[RestrictedAccount]:
    """List to stewards the accounts that are limited or blocked, with the reason."""
    page = await queries.list_restricted(db, actor, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    return Listing(items=[_restricted(one) for one in page.items], next_cursor=page.next_cursor)


def _restricted(account: Account) -> RestrictedAccount:
    return RestrictedAccount.model_validate(
        {
            "account_id": account.id,
            "handle": account.handle,
            "state": restriction_of(account),
            "reason": account.standing_reason,
            "limited_at": account.limited_at,
            "blocked_at": account.disabled_at,
        }
    )


@router.post("/accounts/{account_id}/transitions", operation_id="move_account")
async def move_account(
    account_id: UUID, body: AccountMove, actor: Steward, db: Db
) -> RestrictedAccount:
    """Limit an account (it reads and writes nothing), block it, or let it be again."""
    return _restricted(await actions.restrict(db, actor, account_id, body.to, body.reason))
