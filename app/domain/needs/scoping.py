"""What a scoping hour brings: a proposed scope, which the organisation takes over or not."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.activity.actions import record
from app.domain.needs import contents, queries, reviewing
from app.domain.needs.actions import check_skills, own_need, touch
from app.domain.needs.rules import EDITABLE, search_text_for, words_of
from app.errors import ConflictError, ForbiddenError, NotFoundError, reason_required
from app.infra import clock, ids
from app.models.need_parts import ProposalState
from app.models.needs import Need, NeedState, ScopeFields, ScopeProposal, SkillWeight

SCOPED_IN = EDITABLE - {NeedState.DRAFT}


async def propose_scope(
    session: AsyncSession, actor: Actor, need_id: UUID, fields: ScopeFields
) -> ScopeProposal:
    """Propose what a need is: by who holds its scoping hour, or a steward."""
    account_id = actor.require(Scope.CLAIMS_WRITE)
    await queries.get_need_for(session, actor, need_id)
    need = await queries.lock_need(session, need_id)
    if need.origin_url is not None:
        raise ForbiddenError("need_lives_elsewhere")
    if not actor.acts_as_steward and not await contents.holds_scoping(session, actor, need):
        raise ForbiddenError("scoping_worker_only")
    if not need.skills_unknown or need.state not in SCOPED_IN:
        raise ConflictError("scope_known")
    check_skills(fields.skills)
    proposal = ScopeProposal(
        id=ids.private_id(),
        need_id=need.id,
        account_id=account_id,
        skills=[skill.model_dump(mode="json") for skill in fields.skills],
        estimate_minutes=fields.estimate_minutes,
        body=fields.body,
        note=fields.note,
    )
    session.add(proposal)
    told = {"organisation_id": str(need.organisation_id), "proposal_id": str(proposal.id)}
    record(session, actor, "need.scope_proposed", need.id, **told)
    return proposal


async def decide_scope(
    session: AsyncSession,
    actor: Actor,
    proposal: tuple[UUID, UUID],
    to: ProposalState,
    reason: str,
) -> ScopeProposal:
    """Take a proposed scope over into the need, or decline it with a reason."""
    need_id, proposal_id = proposal
    need, organisation = await own_need(session, actor, need_id)
    found = await session.get(ScopeProposal, proposal_id)
    if found is None or found.need_id != need.id:
        raise NotFoundError("proposal_not_found")
    if found.state != ProposalState.PROPOSED or to == ProposalState.PROPOSED:
        raise ConflictError("proposal_decided")
    if to == ProposalState.DECLINED and not reason:
        raise reason_required()
    if to == ProposalState.ACCEPTED:
        if need.state not in EDITABLE:
            raise ConflictError("need_closed")
        before = words_of(need)
        _take_over(need, found)
        await reviewing.check_change(session, actor, need, before, organisation)
        touch(session, actor, need)
    found.state, found.reason = to, reason
    found.decided_by, found.decided_at = actor.account_id, clock.now()
    told = {"tell": [str(found.account_id)], "proposal_id": str(found.id)}
    record(session, actor, f"need.scope_{to}", need.id, **told)
    return found


def _take_over(need: Need, proposal: ScopeProposal) -> None:
    must = [skill["slug"] for skill in proposal.skills if skill["weight"] == SkillWeight.MUST]
    need.skill_slugs = list(dict.fromkeys(skill["slug"] for skill in proposal.skills))
    need.must_slugs = list(dict.fromkeys(must))
    need.skills_unknown = False
    need.estimate_minutes = proposal.estimate_minutes
    if proposal.body and proposal.body != need.body:
        need.body = proposal.body
        need.text_version += 1
    need.search_text = search_text_for(need)
