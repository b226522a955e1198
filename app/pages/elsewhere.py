"""A claim that two instances share, in the words of the side that reads it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.domain.access import Denied
from app.domain.claims.agreements import Shared, shared_by
from app.domain.claims.conversation import Conversation
from app.infra import clock, i18n
from app.models.claims import Claim, ClaimState, Elsewhere
from app.pages.dependencies import Db
from app.pages.need_contents import contact_line
from app.pages.views import ElsewhereView

ELSEWHERE = "elsewhere."
UNKNOWN_RULE = "claim.reason.elsewhere.refused"


async def elsewhere_of(db: Db, claims: Sequence[Claim]) -> dict[UUID, ElsewhereView]:
    """Return this for those of some claims that two instances share."""
    shared = await shared_by(db, [claim.id for claim in claims if claim.elsewhere is not None])
    return {claim.id: _view(claim, shared[claim.id]) for claim in claims if claim.id in shared}


def _view(claim: Claim, found: Shared) -> ElsewhereView:
    waits = claim.state == ClaimState.APPLIED and found.elsewhere == Elsewhere.NEED
    return ElsewhereView(
        host=found.host,
        guest=found.elsewhere == Elsewhere.WORKER,
        talking=found.talking,
        waits_until=found.agreement.answer_by if waits else None,
        name=found.agreement.shown_name,
        contacts=[contact_line(contact) for contact in found.agreement.contacts],
        need_title=found.agreement.need_title,
    )


async def writing_values(db: Db, found: Conversation) -> dict[str, Any]:
    """Return whether somebody may write in a claim's thread, why not, and where it travels."""
    decision = found.may_write(clock.now())
    far = (await elsewhere_of(db, [found.claim])).get(found.claim.id)
    return {
        "may_write": not isinstance(decision, Denied),
        "why_not": decision.code if isinstance(decision, Denied) else "",
        "travels_to": far.host if far else "",
    }


def told_reason(language: str, reason: str) -> str:
    """Return a claim's reason in words: a rule of another instance is told as a sentence."""
    if not reason.startswith(ELSEWHERE):
        return reason
    known = f"claim.reason.{reason}"
    return i18n.translate(language, known if i18n.exists(known) else UNKNOWN_RULE)
