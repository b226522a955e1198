"""Matching: what fits the one who asks, and why."""

from fastapi import APIRouter, Request

from app.api.dependencies import DEFAULT_LIMIT, Db, Limit, SignedIn
from app.api.errors import language_of
from app.api.routing import StrictRoute
from app.api.schemas.matching import MatchList, MatchShape, ReasonShape
from app.api.shapes import need_shapes
from app.domain.matching.queries import matches_for
from app.domain.matching.rules import Reason
from app.infra.i18n import exists, translate, translate_plural

router = APIRouter(route_class=StrictRoute, tags=["matching"])


@router.get("/me/matches", operation_id="list_my_matches")
async def list_my_matches(
    request: Request, actor: SignedIn, db: Db, limit: Limit = DEFAULT_LIMIT
) -> MatchList:
    """List the best open needs for one's profile, each with its reasons in words."""
    language = language_of(request)
    matches = await matches_for(db, actor, limit)
    shapes = await need_shapes(db, actor, [match.need for match in matches], language)
    return MatchList(
        items=[
            MatchShape(
                need=shape,
                score=match.score,
                reasons=[
                    ReasonShape(code=reason.code, text=reason_text(language, reason))
                    for reason in match.reasons
                ],
            )
            for match, shape in zip(matches, shapes, strict=True)
        ]
    )


def reason_text(language: str, reason: Reason) -> str:
    """Say a reason in words."""
    message, params = f"match.{reason.code}", dict(reason.params)
    if reason.code == "language":
        name = f"language.{params['language']}"
        params["language"] = translate(language, name) if exists(name) else params["language"]
    count = params.pop("n", None)
    if isinstance(count, int):
        return translate_plural(language, message, count, **params)
    return translate(language, message, **params)
