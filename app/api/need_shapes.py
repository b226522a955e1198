"""From needs to what the API answers of them: what someone may know and do, and why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.api.schemas.needs import (
    MaintainerShape,
    MayClaim,
    NeedMove,
    NeedOrganisation,
    NeedShape,
    Origin,
    OwnClaim,
    ScopeProposalShape,
    TranslationShape,
)
from app.domain.access import Actor, Denied
from app.domain.claims import queries as claims
from app.domain.claims.clocks import oldest_applications
from app.domain.claims.policy import may_claim
from app.domain.identity.queries import accounts_by_id
from app.domain.needs import contents
from app.domain.needs.clocks import end_of_day, is_slow
from app.domain.needs.policy import may_see_contacts, may_translate, may_write, moves_for
from app.domain.needs.queries import history_of, need_membership
from app.domain.needs.questions import unanswered_on
from app.domain.needs.rules import (
    PUBLISHED,
    is_built,
    is_past_words,
    open_handover,
    priority_until,
    wants_scoping,
)
from app.domain.organisations.blocking import why_apart
from app.domain.organisations.queries import memberships_of, organisations_by_id
from app.infra import clock
from app.infra.i18n import translate
from app.models.claims import Claim
from app.models.identity import Account
from app.models.need_parts import Amount
from app.models.needs import Need, NeedSkillFields, NeedTranslation, ScopeProposal, SkillWeight
from app.models.organisations import Membership, Organisation

OWN_FIELDS = frozenset(
    {
        "organisation", "skills", "origin", "possible_transitions", "my_claim", "may_claim",
        "answers_slowly", "unanswered",
        "deadline_at", "amount", "contacts", "contacts_hidden", "priority_until", "handover_open",
        "asks_closing", "maintainer", "scoping_wanted", "translations", "may_translate",
    }
)  # fmt: skip


@dataclass(frozen=True)
class _Around:
    """What stands around a list of needs, read once for all of them."""

    organisations: dict[UUID, Organisation]
    own_claims: dict[UUID, Claim]
    places: dict[UUID, Membership]
    translations: dict[UUID, list[NeedTranslation]]
    let_in: set[UUID]
    people: dict[UUID, Account]
    language: str
    waiting: Mapping[UUID, datetime]
    unanswered: Mapping[UUID, int]
    apart: Mapping[UUID, Denied]


async def need_shapes(
    session: AsyncSession, actor: Actor, needs: Sequence[Need], language: str
) -> list[NeedShape]:
    """Shape needs for someone: what they may do with each, and why not."""
    ids = [need.organisation_id for need in needs if need.organisation_id is not None]
    organisations = await organisations_by_id(session, ids)
    need_ids = [need.id for need in needs]
    translations = await contents.translations_of(session, need_ids)
    named = {row.account_id for rows in translations.values() for row in rows}
    named |= {need.maintainer_id for need in needs}
    places = await memberships(session, actor)
    own = [need.id for need in needs if need.organisation_id in places]
    around = _Around(
        organisations=organisations,
        own_claims=await claims.own_claims(session, actor.account_id, need_ids),
        places=places,
        translations=translations,
        waiting=await oldest_applications(session, need_ids),
        unanswered=await unanswered_on(session, own) if own else {},
        let_in=await contents.let_in(session, actor, need_ids),
        people=await accounts_by_id(session, [found for found in named if found is not None]),
        language=language,
        apart=await why_apart(session, actor.account_id),
    )
    return [_need_shape(actor, need, around) for need in needs]


def _need_shape(actor: Actor, need: Need, around: _Around) -> NeedShape:
    plain = {name: getattr(need, name) for name in NeedShape.model_fields if name not in OWN_FIELDS}
    at_home = need.organisation_id or UUID(int=0)
    organisation, membership = around.organisations.get(at_home), around.places.get(at_home)
    own_claim = around.own_claims.get(need.id)
    writes = not isinstance(may_write(actor, need, membership), Denied)
    decision = may_claim(actor, need, own_claim.state if own_claim else None)
    denied = decision if isinstance(decision, Denied) else around.apart.get(at_home)
    if not writes:  # said among those who answer for the need, as on its page
        plain |= {"harm_check": None, "state_reason": "", "audience_peers": []}
        plain |= {"handover": [], "handover_note": ""}
    return NeedShape(
        **plain,
        **_contents(actor, need, around, writes=writes),
        organisation=NeedOrganisation.model_validate(organisation) if organisation else None,
        answers_slowly=is_slow(around.waiting.get(need.id), clock.now()),
        unanswered=around.unanswered.get(need.id, 0),
        skills=[_skill(need, slug) for slug in need.skill_slugs],
        origin=Origin(instance=need.origin_instance or "", url=need.origin_url)
        if need.origin_url
        else None,
        possible_transitions=moves_for(actor, need, organisation) if writes else [],
        my_claim=OwnClaim.model_validate(own_claim) if own_claim else None,
        may_claim=MayClaim(
            allowed=denied is None,
            code=denied.code if denied else None,
            reason=translate(around.language, f"error.{denied.code}", **denied.params)
            if denied
            else None,
        ),
    )


def _contents(actor: Actor, need: Need, around: _Around, *, writes: bool) -> dict[str, Any]:
    """Return what a need holds beside its row, as far as the asker may know it."""
    home = around.organisations.get(need.organisation_id) if need.organisation_id else None
    membership = around.places.get(home.id) if home else None
    works = need.id in around.let_in
    seen = may_see_contacts(need, let_in=works, writes=writes)
    translates = may_translate(actor, need, membership, works=works)
    return {
        "deadline_at": end_of_day(need.deadline, home.time_zone)
        if need.deadline and home
        else None,
        "amount": Amount(minor=need.amount_minor, currency=need.currency)
        if need.amount_minor and need.currency
        else None,
        "contacts": need.contacts if seen else [],
        "contacts_hidden": bool(need.contacts) and not seen,
        "priority_until": priority_until(need),
        "handover_open": open_handover(need) if writes and is_built(need) else [],
        "asks_closing": writes and is_built(need),
        "maintainer": _maintainer(actor, need, around, writes=writes),
        "scoping_wanted": wants_scoping(need),
        "translations": [
            _translation(need, row, around) for row in around.translations.get(need.id, ())
        ],
        "may_translate": not isinstance(translates, Denied),
    }


def _deadline_at(need: Need, home: Organisation | None) -> datetime | None:
    return end_of_day(need.deadline, home.time_zone) if need.deadline and home else None


def _maintainer(
    actor: Actor, need: Need, around: _Around, *, writes: bool
) -> MaintainerShape | None:
    """Name a worker to the two sides only, and to others that there is one once they agreed."""
    agreed = need.maintainer_agreed_at is not None
    mine = need.maintainer_id is not None and need.maintainer_id == actor.account_id
    if need.maintainer is None:
        return None
    asked = around.people.get(need.maintainer_id) if need.maintainer_id else None
    if asked is not None and not (agreed or mine or writes):
        return None
    name = asked.display_name if asked is not None and (mine or writes) else None
    return MaintainerShape(
        kind=need.maintainer, agreed=agreed or asked is None, name=name, mine=mine
    )


def _translation(need: Need, row: NeedTranslation, around: _Around) -> TranslationShape:
    by = around.people.get(row.account_id) if row.account_id else None
    return TranslationShape(
        **row.model_dump(exclude={"account_id", "need_id", "created_at"}),
        by=by.display_name if by else "",
        older=is_past_words(row.source_version, need),
    )


async def history_shapes(session: AsyncSession, actor: Actor, need: Need) -> list[NeedMove]:
    """Shape a need's moves: with who and why for its members, with why for its workers."""
    own = await need_membership(session, actor, need)
    writes = not isinstance(may_write(actor, need, own), Denied)
    party = writes or await contents.takes_part(session, actor, need)
    rows = await history_of(session, need.id)
    people = await accounts_by_id(session, [row.account_id for row in rows if row.account_id])
    return [
        NeedMove(
            from_state=row.from_state,
            to_state=row.to_state,
            at=row.at,
            reason=row.reason if party else "",
            by=people[row.account_id].display_name if party and row.account_id in people else None,
            request_id=row.request_id if writes else None,
        )
        for row in rows
        if writes or row.to_state in PUBLISHED
    ]


async def proposal_shapes(
    session: AsyncSession, rows: Sequence[ScopeProposal]
) -> list[ScopeProposalShape]:
    """Shape proposed scopes, each with who proposes it."""
    people = await accounts_by_id(session, [row.account_id for row in rows])
    return [
        ScopeProposalShape.model_validate(
            {**row.model_dump(), "by": people[row.account_id].display_name}
        )
        for row in rows
    ]


def _skill(need: Need, slug: str) -> NeedSkillFields:
    weight = SkillWeight.MUST if slug in need.must_slugs else SkillWeight.NICE
    return NeedSkillFields(slug=slug, weight=weight)


async def memberships(session: AsyncSession, actor: Actor) -> dict[UUID, Membership]:
    """Return the organisations that someone belongs to."""
    if actor.account_id is None:
        return {}
    found = await memberships_of(session, actor.account_id)
    return {organisation.id: own for own, organisation in found}
