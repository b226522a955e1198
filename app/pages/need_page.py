"""One need as a page, with what the reader can do about it."""

from typing import Any

from starlette.responses import Response

from app.domain.access import Denied
from app.domain.claims import queries as claims
from app.domain.claims.policy import may_claim
from app.domain.identity.queries import accounts_by_id
from app.domain.needs import queries
from app.domain.needs.policy import moves_for, stands_alone
from app.domain.needs.rules import EDITABLE
from app.domain.organisations.blocking import why_apart
from app.domain.organisations.queries import get_organisation
from app.models.needs import Need, NeedState
from app.pages import text
from app.pages.clock_words import clock_values, told_reason
from app.pages.dependencies import Db, Visit
from app.pages.failures import reason
from app.pages.forms import Form
from app.pages.hold_views import hold_values
from app.pages.matching import fit_values
from app.pages.need_contents import held_values
from app.pages.presenting import need_document, view_of
from app.pages.rendering import render
from app.pages.thread_views import question_values
from app.pages.views import Step


async def render_need(db: Db, visit: Visit, need: Need, form: Form, status: int = 200) -> Response:
    """Answer with a need's page; also with what was wrong with a form on it."""
    values = await _need_values(db, visit, need)
    return await render(visit.page, "need.html", status=status, form=form, **values)


async def _need_values(db: Db, visit: Visit, need: Need) -> dict[str, Any]:
    own = (await claims.own_claims(db, visit.actor.account_id, [need.id])).get(need.id)
    decision = may_claim(visit.actor, need, own.state if own else None)
    apart = await why_apart(db, visit.actor.account_id)
    if need.organisation_id in apart and not isinstance(decision, Denied):
        decision = apart[need.organisation_id]
    signed_in = visit.page.viewer is not None
    refusal = decision if isinstance(decision, Denied) and signed_in else None
    member = signed_in and visit.page.viewer.member_of(need.organisation_id)  # type: ignore[union-attr]
    runs = need.organisation_id is not None and (member or visit.actor.acts_as_steward)
    home = (
        await get_organisation(db, need.organisation_id) if runs and need.organisation_id else None
    )
    return {
        "need": view_of(need, visit.language, for_its_members=bool(runs)),
        "body": text.markdown(need.body),
        "history": await _history(db, need, visit.language, with_reasons=runs),
        "json_ld": need_document(need, visit.page.origin),
        "my_claim": own,
        "my_name": await _own_name(db, visit) if need.origin_url else "",
        "refusal": reason(visit.language, refusal) if refusal else "",
        "transitions": [to.value for to in moves_for(visit.actor, need, home)] if runs else [],
        "version": need.version,
        "unvouched": home is not None and not stands_alone(visit.actor, home),
        "first_read": home is not None and home.vouched_at is None and not member,
        "editable": runs and need.state in EDITABLE,
        "member_of": need.organisation_id if runs else None,
        **await held_values(db, visit, need, runs=bool(runs)),
        **await question_values(db, visit, need, runs=bool(runs)),
        **await fit_values(db, visit, need),
        **await hold_values(db, visit, need, runs=bool(runs)),
        **await clock_values(db, visit, need, runs=bool(runs)),
    }


async def _own_name(db: Db, visit: Visit) -> str:
    """Return the name that a reader could show to another community."""
    own = visit.actor.account_id
    people = await accounts_by_id(db, [own] if own else [])
    return next((person.display_name for person in people.values()), "")


async def _history(db: Db, need: Need, language: str, *, with_reasons: bool) -> list[Step]:
    """Return the moves that the reader may know: strangers see none from before it was shown."""
    rows = await queries.history_of(db, need.id)
    shown = [
        Step(row.to_state.value, row.at, told_reason(language, row.reason) if with_reasons else "")
        for row in rows
        if with_reasons or row.to_state not in {NeedState.DRAFT, NeedState.REVIEW}
    ]
    return shown or [Step(need.state.value, need.published_at or need.created_at, "")]
