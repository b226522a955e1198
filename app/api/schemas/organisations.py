"""Shapes of organisations and their members."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.domain.organisations.queries import OrganisationView
from app.infra.week import unpack
from app.models.base import Language, Line, Text, TimeZone, WeekHours
from app.models.identity import Account
from app.models.organisations import (
    Block,
    HttpUrl,
    MemberRole,
    Membership,
    Organisation,
    OrganisationState,
    Vouch,
    VouchedBy,
)


class AnswerTimeShape(Shape):
    """A usual time, the median of the last 90 days, and how many answers it stands on."""

    hours: int
    stands_on: int


class AnswerTimesShape(Shape):
    """How long an organisation usually takes; null where there is too little to say."""

    applications: AnswerTimeShape | None
    work: AnswerTimeShape | None


class OrganisationShape(Shape):
    """An organisation, as the asker sees it."""

    id: UUID
    slug: str
    name: str
    summary: str
    languages: list[str]
    site: str | None
    time_zone: str
    working_hours: list[list[int]] | None
    state: OrganisationState
    state_reason: str
    vouched: bool  # what it publishes needs no review
    vouched_by: VouchedBy | None
    version: int
    created_at: datetime
    open_needs: int
    my_role: MemberRole | None
    answer_times: AnswerTimesShape | None = None  # of one organisation, not in lists

    @classmethod
    def of(cls, view: OrganisationView) -> Self:
        """Put together what the organisation is and what it is to the asker."""
        own = view.organisation.model_dump(
            include=set(cls.model_fields) - {"answer_times", "vouched"}
        )
        own["vouched"] = view.organisation.vouched_at is not None
        if not view.concerned:
            own["state_reason"] = ""
        hours = view.organisation.working_hours
        own["working_hours"] = unpack(hours) if hours else None
        return cls(**own, open_needs=view.open_needs, my_role=view.my_role)


class OrganisationChanges(Body):
    """Changes of an organisation; fields left out stay."""

    name: Annotated[Line, StringConstraints(min_length=1, max_length=200)] = ""
    summary: Annotated[Text, StringConstraints(max_length=4000)] = ""
    languages: Annotated[list[Language], Field(max_length=20, default_factory=list)]
    site: HttpUrl | None = None
    time_zone: TimeZone = "UTC"
    working_hours: WeekHours | None = None


class OrganisationMove(Body):
    """A steward's decision, with a reason for those concerned.

    `vouch` says while accepting that the organisation is known: it then publishes without review.
    """

    to: OrganisationState
    reason: Annotated[Text, StringConstraints(max_length=2000)] = ""
    vouch: bool = False


class BlockInput(Body):
    """Somebody from whom an organisation takes nothing any more."""

    account_id: UUID


class BlockedPerson(Shape):
    """Somebody whom an organisation blocked, for its owners."""

    account_id: UUID
    handle: str
    display_name: str
    created_at: datetime

    @classmethod
    def of(cls, block: Block, account: Account) -> Self:
        """Put together the block and whom it keeps away."""
        return cls(
            account_id=account.id,
            handle=account.handle,
            display_name=account.display_name,
            created_at=block.created_at,
        )


class OwnBlockInput(Body):
    """An organisation one does not want to hear of any more."""

    organisation_id: UUID


class BlockedOrganisation(Shape):
    """An organisation that one blocked."""

    organisation_id: UUID
    name: str
    created_at: datetime

    @classmethod
    def of(cls, block: Block, organisation: Organisation) -> Self:
        """Put together the block and whom it is about."""
        return cls(
            organisation_id=organisation.id, name=organisation.name, created_at=block.created_at
        )


class VouchShape(Shape):
    """Somebody's word for an organisation."""

    handle: str
    display_name: str
    steward: bool  # said as a steward of the instance
    mine: bool
    created_at: datetime

    @classmethod
    def of(cls, vouch: Vouch, account: Account, asker: UUID | None) -> Self:
        """Put together the vouch and whose it is."""
        return cls(
            handle=account.handle,
            display_name=account.display_name,
            steward=vouch.steward,
            mine=account.id == asker,
            created_at=vouch.created_at,
        )


class MemberShape(Shape):
    """A member of an organisation."""

    account_id: UUID
    handle: str
    display_name: str
    role: MemberRole
    worker_owner: bool
    created_at: datetime

    @classmethod
    def of(cls, membership: Membership, account: Account) -> Self:
        """Put together the membership and the person's name."""
        return cls(
            account_id=account.id,
            handle=account.handle,
            display_name=account.display_name,
            role=membership.role,
            worker_owner=membership.worker_owner,
            created_at=membership.created_at,
        )


class MemberInput(Body):
    """Someone to take in, by their handle."""

    handle: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    role: MemberRole = MemberRole.MEMBER
    worker_owner: bool = False


class MemberChanges(Body):
    """Changes of a membership; fields left out stay."""

    role: MemberRole | None = None
    worker_owner: bool | None = None
