"""Many people at once: inserted as rows, since 200 sign-ups would hash 200 passwords."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Scope
from app.domain.identity.rules import TOKEN_PREFIX, secret_hash
from app.infra import clock, ids
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.claims import Claim, ClaimHistory, ClaimState, WorkLog
from app.models.identity import AccessToken, Account
from app.models.needs import Need


class Caller:
    """Somebody with an access token for everything."""

    def __init__(self, account_id: UUID, token: str) -> None:
        """`token` is sent with each request."""
        self.account_id = account_id
        self.headers = {"Authorization": f"Bearer {token}"}


async def crowd(runtime: Runtime, count: int, name: str = "worker") -> list[Caller]:
    """Return people who have an account and a token each."""
    async with transaction(runtime.sessions) as session:
        accounts = [
            Account(
                id=ids.private_id(),
                handle=f"{name}{number}",
                display_name=f"{name} {number}",
                password_hash="none",
            )
            for number in range(count)
        ]
        session.add_all(accounts)
        await session.flush()  # tokens refer to accounts
        return [_caller(session, account.id) for account in accounts]


async def caller_for(runtime: Runtime, account_id: str) -> Caller:
    """Return a token of somebody who has an account already."""
    async with transaction(runtime.sessions) as session:
        return _caller(session, UUID(account_id))


def _caller(session: AsyncSession, account_id: UUID) -> Caller:
    token = TOKEN_PREFIX + ids.secret_token()
    session.add(
        AccessToken(
            id=ids.private_id(),
            account_id=account_id,
            name="test",
            token_hash=secret_hash(token),
            scopes=[scope.value for scope in Scope],
            expires_at=clock.now() + timedelta(days=1),
        )
    )
    return Caller(account_id, token)


async def applications(runtime: Runtime, need_id: str, people: Sequence[Caller]) -> list[str]:
    """Let everybody apply to a need, and return the claims' ids."""
    async with transaction(runtime.sessions) as session:
        claims = [
            Claim(id=ids.private_id(), need_id=UUID(need_id), account_id=person.account_id)
            for person in people
        ]
        session.add_all(claims)
        await session.flush()  # history refers to claims
        session.add_all(
            ClaimHistory(
                claim_id=claim.id, account_id=claim.account_id, to_state=ClaimState.APPLIED
            )
            for claim in claims
        )
        return [str(claim.id) for claim in claims]


async def submitted(runtime: Runtime, need_id: str, people: Sequence[Caller]) -> list[str]:
    """Let everybody take a place, work an hour and hand it in; return the claims' ids."""
    async with transaction(runtime.sessions) as session:
        need = await session.get_one(Need, UUID(need_id))
        need.taken += len(people)
        claims = [
            Claim(
                id=ids.private_id(),
                need_id=need.id,
                account_id=person.account_id,
                state=ClaimState.SUBMITTED,
            )
            for person in people
        ]
        session.add_all(claims)
        await session.flush()  # logs refer to claims
        way = (None, ClaimState.ACCEPTED, ClaimState.ACTIVE, ClaimState.SUBMITTED)
        session.add_all(
            ClaimHistory(
                claim_id=claim.id, account_id=claim.account_id, from_state=before, to_state=to
            )
            for claim in claims
            for before, to in pairwise(way)
            if to is not None
        )
        day = clock.today()
        session.add_all(
            WorkLog(id=ids.private_id(), claim_id=claim.id, worked_on=day, minutes=60)
            for claim in claims
        )
        return [str(claim.id) for claim in claims]
