"""From what the domain returns to what the API answers, where more than one route does it."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.api.schemas.claims import ClaimMove, ClaimNeed, ClaimShape, ClaimWorker, ConfirmationShape
from app.api.schemas.needs import MayClaim, NeedOrganisation, NeedShape, Origin, OwnClaim
from app.domain.access import Actor, Denied
from app.domain.claims import queries as claims
from app.domain.claims.policy import may_claim, sides_of
from app.domain.claims.rules import possible_moves
from app.domain.identity.queries import accounts_by_id
from app.domain.ledger.policy import may_confirm
from app.domain.ledger.queries import entry_of_claim
from app.domain.needs.policy import may_write
from app.domain.needs.rules import possible_transitions as possible_need_transitions
from app.domain.organisations.queries import memberships_of, organisations_by_id
from app.infra import clock
from app.infra.i18n import translate
from app.models.claims import Claim
from app.models.identity import Account
from app.models.needs import Need, NeedSkillFields, SkillWeight
from app.models.organisations import Membership, Organisation

OWN_FIELDS = frozenset(
    {"organisation", "skills", "origin", "possible_transitions", "my_claim", "may_claim"}
)


async def need_shapes(
    session: AsyncSession, actor: Actor, needs: Sequence[Need], language: str
) -> list[NeedShape]:
    """Shape needs for someone: what they may do with each, and why not."""
    ids = [need.organisation_id for need in needs if need.organisation_id is not None]
    organisations = await organisations_by_id(session, ids)
    own_claims = await claims.own_claims(session, actor.account_id, [need.id for need in needs])
    places = await _memberships(session, actor)
    return [
        _need_shape(actor, need, organisations, own_claims.get(need.id), places, language)
        for need in needs
    ]


async def _memberships(session: AsyncSession, actor: Actor) -> dict[UUID, Membership]:
    if actor.account_id is None:
        return {}
    found = await memberships_of(session, actor.account_id)
    return {organisation.id: own for own, organisation in found}


def _need_shape(
    actor: Actor,
    need: Need,
    organisations: dict[UUID, Organisation],
    own_claim: Claim | None,
    places: dict[UUID, Membership],
    language: str,
) -> NeedShape:
    plain = {name: getattr(need, name) for name in NeedShape.model_fields if name not in OWN_FIELDS}
    organisation = organisations.get(need.organisation_id) if need.organisation_id else None
    membership = places.get(need.organisation_id) if need.organisation_id else None
    writes = not isinstance(may_write(actor, need, membership), Denied)
    decision = may_claim(actor, need, own_claim.state if own_claim else None)
    denied = decision if isinstance(decision, Denied) else None
    if not writes:  # said among those who answer for the need, as on its page
        plain |= {"harm_check": None, "state_reason": "", "audience_peers": []}
    return NeedShape(
        **plain,
        organisation=NeedOrganisation.model_validate(organisation) if organisation else None,
        skills=[_skill(need, slug) for slug in need.skill_slugs],
        origin=Origin(instance=need.origin_instance or "", url=need.origin_url)
        if need.origin_url
        else None,
        possible_transitions=possible_need_transitions(need.state) if writes else [],
        my_claim=OwnClaim.model_validate(own_claim) if own_claim else None,
        may_claim=MayClaim(
            allowed=denied is None,
            code=denied.code if denied else None,
            reason=translate(language, f"error.{denied.code}", **denied.params) if denied else None,
        ),
    )


def _skill(need: Need, slug: str) -> NeedSkillFields:
    weight = SkillWeight.MUST if slug in need.must_slugs else SkillWeight.NICE
    return NeedSkillFields(slug=slug, weight=weight)


async def claim_shapes(
    session: AsyncSession, actor: Actor, rows: Sequence[tuple[Claim, Need]]
) -> list[ClaimShape]:
    """Shape claims for one of their parties, without history."""
    accounts = await accounts_by_id(session, [claim.account_id for claim, _ in rows])
    minutes = await claims.minutes_logged(session, [claim.id for claim, _ in rows])
    places = await _memberships(session, actor)
    return [
        _claim_shape(actor, claim, need, accounts, minutes.get(claim.id, 0), places)
        for claim, need in rows
    ]


def _claim_shape(
    actor: Actor,
    claim: Claim,
    need: Need,
    accounts: dict[UUID, Account],
    minutes: int,
    places: dict[UUID, Membership],
) -> ClaimShape:
    own = places.get(need.organisation_id) if need.organisation_id else None
    sides = sides_of(actor, claim, own)
    worker = accounts[claim.account_id]
    return ClaimShape(
        id=claim.id,
        need=ClaimNeed.model_validate(need),
        worker=ClaimWorker(
            account_id=worker.id, handle=worker.handle, display_name=worker.display_name
        ),
        state=claim.state,
        note=claim.note,
        minutes_logged=minutes,
        possible_transitions=possible_moves(claim, sides, clock.now()),
        may_confirm=not isinstance(may_confirm(claim, sides), Denied),
        created_at=claim.created_at,
        updated_at=claim.updated_at,
        version=claim.version,
    )


async def claim_shape(session: AsyncSession, actor: Actor, claim: Claim, need: Need) -> ClaimShape:
    """Shape one claim with its history and confirmation."""
    await session.flush()  # the history and entry just written are read below
    (shape,) = await claim_shapes(session, actor, [(claim, need)])
    moves = await claims.history_of(session, claim.id)
    people = await accounts_by_id(session, [m.account_id for m in moves if m.account_id])
    shape.history = [
        ClaimMove(
            from_state=move.from_state,
            to_state=move.to_state,
            reason=move.reason,
            at=move.at,
            by=people[move.account_id].display_name if move.account_id in people else "",
        )
        for move in moves
    ]
    entry = await entry_of_claim(session, claim.id)
    if entry is not None:
        shape.confirmation = ConfirmationShape(
            minutes=entry.minutes,
            stream=entry.stream,
            entry_id=entry.entry_id,
            at=entry.recorded_at,
        )
    return shape
