"""Matching: what fits the one who asks, who fits a need, and why."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    Db,
    Limit,
    NeedsWriter,
    ProfileWriter,
    SignedIn,
)
from app.api.errors import language_of
from app.api.need_shapes import need_shapes
from app.api.routing import StrictRoute
from app.api.schemas.matching import (
    DismissedList,
    FitShape,
    FoundWorker,
    InvitationInput,
    InvitationShape,
    MatchList,
    MatchShape,
    ReasonShape,
    WorkerMatchList,
    WorkerMatchShape,
)
from app.domain.matching import actions, queries
from app.domain.matching.reasons import reason_text
from app.domain.matching.rules import Reason
from app.domain.needs.queries import get_need_for

router = APIRouter(route_class=StrictRoute, tags=["matching"])


@router.get("/me/matches", operation_id="list_my_matches")
async def list_my_matches(
    request: Request,
    actor: SignedIn,
    db: Db,
    other_languages: Annotated[
        bool, Query(description="What would fit if its language were one of mine.")
    ] = False,
    limit: Limit = DEFAULT_LIMIT,
) -> MatchList:
    """List the best open needs for one's profile, each with its reasons and points."""
    language = language_of(request)
    board = await queries.board_of(db, actor, limit, elsewhere=other_languages)
    shapes = await need_shapes(db, actor, [match.need for match in board.matches], language)
    items = [
        MatchShape(
            need=shape,
            score=match.score.points,
            reasons=_reasons(language, match.score.reasons),
        )
        for match, shape in zip(board.matches, shapes, strict=True)
    ]
    return MatchList(items=items, lacks=board.lacks, in_other_languages=board.in_other_languages)


@router.get("/me/dismissals", operation_id="list_my_dismissals")
async def list_my_dismissals(
    request: Request, actor: SignedIn, db: Db, limit: Limit = DEFAULT_LIMIT
) -> DismissedList:
    """List the open needs that one sent off one's board, the last first."""
    needs = await queries.dismissed_needs(db, actor, limit)
    return DismissedList(items=await need_shapes(db, actor, needs, language_of(request)))


@router.get("/needs/{need_id}/fit", operation_id="get_fit")
async def get_fit(need_id: UUID, request: Request, actor: SignedIn, db: Db) -> FitShape:
    """Say how a need fits the one who asks, part by part."""
    account_id = actor.signed_in()
    need = await get_need_for(db, actor, need_id)
    score = await queries.why_fits(db, actor, need)
    return FitShape(
        score=score.points if score else None,
        reasons=_reasons(language_of(request), score.reasons if score else ()),
        dismissed=await queries.is_dismissed(db, account_id, need_id),
    )


@router.post(
    "/needs/{need_id}/dismissal",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="dismiss_need",
)
async def dismiss_need(need_id: UUID, actor: ProfileWriter, db: Db) -> None:
    """Keep a need off one's own board: "not for me". Nobody is told."""
    await actions.dismiss_need(db, actor, need_id)


@router.delete(
    "/needs/{need_id}/dismissal",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="restore_need",
)
async def restore_need(need_id: UUID, actor: ProfileWriter, db: Db) -> None:
    """Let a need come back to one's own board."""
    await actions.restore_need(db, actor, need_id)


@router.get("/needs/{need_id}/matches", operation_id="list_need_matches")
async def list_need_matches(
    need_id: UUID, request: Request, actor: NeedsWriter, db: Db, limit: Limit = DEFAULT_LIMIT
) -> WorkerMatchList:
    """List the workers who fit a need and want to be found, for those who answer for it."""
    language = language_of(request)
    found = await queries.best_workers(db, actor, need_id, limit)
    return WorkerMatchList(items=[_worker(language, match) for match in found])


@router.post(
    "/needs/{need_id}/invitations",
    status_code=status.HTTP_201_CREATED,
    operation_id="invite_worker",
)
async def invite_worker(
    need_id: UUID, body: InvitationInput, actor: NeedsWriter, db: Db
) -> InvitationShape:
    """Ask a worker who wants to be found; once per need and worker."""
    await actions.invite_worker(db, actor, need_id, body.account_id)
    return InvitationShape(need_id=need_id, account_id=body.account_id)


def _worker(language: str, match: queries.WorkerMatch) -> WorkerMatchShape:
    account = match.account
    return WorkerMatchShape(
        worker=FoundWorker(
            account_id=account.id, handle=account.handle, display_name=account.display_name
        ),
        score=match.score.points,
        reasons=_reasons(language, match.score.reasons),
        skills=list(match.skills),
        near_skills=list(match.near_skills),
        languages=list(match.languages),
        invited=match.invited,
    )


def _reasons(language: str, reasons: Sequence[Reason]) -> list[ReasonShape]:
    return [
        ReasonShape(
            code=reason.code,
            params=reason.params,
            points=reason.points,
            text=reason_text(language, reason),
        )
        for reason in reasons
    ]
