"""Worlds for ranking, by seed: needs and workers as rows, with ties, gaps and bursts on purpose.

Rows go straight to the tables: what a thousand people say over HTTP would take minutes, and the
triggers under test see no difference.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.infra import clock
from app.infra.week import GRID_BYTES
from app.models.claims import Claim, ClaimState
from app.models.identity import Account
from app.models.needs import Need, NeedState, Urgency
from app.models.organisations import (
    Block,
    BlockSide,
    Organisation,
    OrganisationState,
    VouchedBy,
)
from app.models.profiles import Profile, ProfileSkillRow

SKILLS = ("python", "django", "fastapi", "flask", "html", "css", "frontend", "javascript",
          "wordpress", "php", "translation", "design")  # fmt: skip
LANGUAGES = ("en", "el", "ca", "ca-valencia", "nl")
ZONES = ("Europe/Athens", "Europe/Madrid", "America/Lima", "Asia/Kathmandu")


@dataclass(frozen=True)
class Crowd:
    """What was made."""

    needs: list[UUID]
    workers: list[UUID]


async def crowd(session: AsyncSession, seed: int, now: datetime, needs: int, workers: int) -> Crowd:
    """Fill a database by seed; many share their moment, some ask or tell next to nothing."""
    dice = random.Random(seed)
    organisations = [_organisation(dice, n) for n in range(4)]
    session.add_all(organisations)
    accounts = [_account(dice, n) for n in range(workers)]
    session.add_all(accounts)
    await session.flush()
    made = [_need(dice, now, organisations) for _ in range(needs)]
    session.add_all(made)
    for account in accounts:
        session.add(_profile(dice, now, account.id))
    await session.flush()
    for account in accounts:
        held = dice.sample(SKILLS, dice.choice((0, 1, 2, 4, 6)))
        session.add_all(ProfileSkillRow(account_id=account.id, slug=slug) for slug in held)
    session.add_all(_claims(dice, made, accounts))
    session.add_all(_blocks(dice, organisations, accounts))
    await session.flush()
    for account in dice.sample(accounts, workers // 12):
        account.disabled_at = now
    await session.flush()
    return Crowd([need.id for need in made], [account.id for account in accounts])


def _id(dice: random.Random) -> UUID:
    return UUID(int=dice.getrandbits(128), version=4)


def _moment(dice: random.Random, now: datetime) -> datetime:
    """Return a moment of the last months; the same ones come again and again."""
    days = dice.choice((0, 1, 7, 8, 29, 30, 31, 59, 60, 61, 200, dice.randrange(120)))
    return now - timedelta(days=days, seconds=dice.choice((0, 0, 1, dice.randrange(86_400))))


def _grid(dice: random.Random) -> bytes | None:
    return dice.choice((None, b"\xff" * GRID_BYTES, dice.randbytes(GRID_BYTES)))


def _organisation(dice: random.Random, number: int) -> Organisation:
    return Organisation(
        id=_id(dice),
        slug=f"organisation-{number}",
        name=f"Organisation {number}",
        time_zone=ZONES[number],
        working_hours=_grid(dice),
        state=OrganisationState.ACCEPTED,
        vouched_at=clock.now(),
        vouched_by=VouchedBy.BEFORE,
    )


def _account(dice: random.Random, number: int) -> Account:
    return Account(
        id=_id(dice),
        handle=f"worker-{number}",
        email=f"canary-{number}@example.org",
        password_hash="none",
    )


def _need(dice: random.Random, now: datetime, organisations: list[Organisation]) -> Need:
    home = dice.choice(organisations)
    asked = dice.sample(SKILLS, dice.choice((0, 1, 1, 2, 3, 5)))
    at = _moment(dice, now)
    places = dice.choice((1, 3))
    return Need(
        id=_id(dice),
        organisation_id=home.id,
        organisation_name=home.name,
        title="A need",
        language=dice.choice(LANGUAGES),
        state=dice.choice((NeedState.OPEN,) * 9 + (NeedState.PAUSED,)),
        skill_slugs=asked,
        must_slugs=asked[: dice.choice((0, 0, 1, 2))],
        estimate_minutes=dice.choice((None, 60, 240, 2400, 24_000)),
        urgency=dice.choice((Urgency.LOW, Urgency.NORMAL, Urgency.HIGH)),
        places=places,
        taken=dice.choice((0, 0, 0, places)),
        source={"updated": at.isoformat()} if dice.random() < 0.2 else None,
        published_at=_moment(dice, now) if dice.random() < 0.9 else None,
        created_at=at,
    )


def _profile(dice: random.Random, now: datetime, account_id: UUID) -> Profile:
    return Profile(
        account_id=account_id,
        languages=dice.sample(LANGUAGES, dice.choice((0, 1, 2, 3))),
        hours_per_week=dice.choice((0, 1, 5, 40)),
        time_zone=dice.choice(ZONES),
        availability=_grid(dice),
        findable=dice.random() < 0.8,
        updated_at=_moment(dice, now),
    )


def _claims(dice: random.Random, needs: list[Need], accounts: list[Account]) -> list[Claim]:
    states = (ClaimState.APPLIED, ClaimState.ACCEPTED, ClaimState.ACTIVE, ClaimState.WITHDRAWN)
    pairs = {(dice.choice(needs).id, dice.choice(accounts).id) for _ in range(len(accounts))}
    return [
        Claim(id=_id(dice), need_id=need_id, account_id=account_id, state=dice.choice(states))
        for need_id, account_id in sorted(pairs)
    ]


def _blocks(
    dice: random.Random, organisations: list[Organisation], accounts: list[Account]
) -> list[Block]:
    return [
        Block(
            organisation_id=dice.choice(organisations).id,
            account_id=account.id,
            side=dice.choice(list(BlockSide)),
        )
        for account in dice.sample(accounts, len(accounts) // 6)
    ]
