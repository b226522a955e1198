"""The chore that sends letters.

A letter is leased, handed over, and noted as sent: a worker that dies before the lease leaves no
trace, one that dies between handing over and noting lets it be sent again. SMTP cannot tell
whether that happened, so the second has the same Message-ID and mail programs fold the two.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.administration.queries import instance_name
from app.domain.feeds.composing import ALERT, compose_alert
from app.domain.notifications.composing import compose
from app.infra import clock
from app.infra.database import transaction
from app.infra.mail import Envelope, MailLaterError, MailRefusedError, Post, Words
from app.infra.runtime import Runtime
from app.models.letters import Letter

BATCH = 20
LEASE = timedelta(minutes=10)
# A slow server may take minutes for one letter; what is left of a round then is let go of, or
# another worker would send it as well.
ROUND = LEASE / 2
GIVEN_UP_AFTER = timedelta(days=3)
RETRY_SECONDS = (60, 300, 900, 3600, 3 * 3600, 6 * 3600)
NOTHING_TO_TELL = "nothing to tell any more"
_log = structlog.get_logger("app.workers")


async def send_letters(runtime: Runtime) -> int:
    """Send what waits; answers how many letters were dealt with."""
    handled = 0
    while True:
        leased = await _lease(runtime)
        handled += len(leased)
        async with runtime.mailer.open() as post:
            await _send(runtime, post, leased)
        if len(leased) < BATCH:
            return handled


async def _lease(runtime: Runtime) -> Sequence[UUID]:
    """Take some letters that nobody else is at, for a while."""
    now = clock.now()
    waiting = (
        select(Letter.id)
        .where(
            col(Letter.sent_at).is_(None),
            col(Letter.failed_at).is_(None),
            col(Letter.next_try_at) <= now,
        )
        .order_by(col(Letter.next_try_at))
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    async with transaction(runtime.sessions) as session:
        taken = (await session.exec(waiting)).all()
        statement = update(Letter).where(col(Letter.id).in_(taken))
        await session.execute(
            statement.values(next_try_at=now + LEASE, attempts=Letter.attempts + 1)
        )
    return taken


async def _send(runtime: Runtime, post: Post, leased: Sequence[UUID]) -> None:
    until = clock.now() + ROUND
    for place, letter_id in enumerate(leased):
        if clock.now() > until:
            await _let_go(runtime, leased[place:])
            return
        try:
            await _send_one(runtime, post, letter_id)
        except MailLaterError as error:
            # Nobody answers: the rest of the round would only wait for the same silence.
            rest = leased[place + 1 :] if not error.reached else ()
            await _postpone(runtime, [letter_id, *rest], str(error))
            if rest:
                return
        except MailRefusedError as error:
            await _close(runtime, letter_id, failed=str(error))
        except Exception as error:  # noqa: BLE001 - one letter's fault must not stop the others
            _log.error("letter failed", letter_id=str(letter_id), error=type(error).__name__)
            await _postpone(runtime, [letter_id], type(error).__name__)


async def _send_one(runtime: Runtime, post: Post, letter_id: UUID) -> None:
    name = runtime.mailer.name
    async with transaction(runtime.sessions) as session:
        letter = await session.get(Letter, letter_id)
        words = await _words(session, letter, runtime.origin) if letter else None
        if words is not None and not words.discreet:
            name = await instance_name(session, name)
            words = replace(words, why=f"{words.why}\n{name} · {runtime.origin}".strip())
    if letter is None:
        return
    if words is None:
        await _close(runtime, letter_id, failed=NOTHING_TO_TELL)
        return
    envelope = Envelope(
        to=letter.address,
        message_id=str(letter.id),
        list_name=letter.list_name,
        language=letter.language,
        date=clock.now(),
    )
    message = runtime.mailer.message(words, envelope, name)
    await post.hand_over(message, letter.address, str(letter.id))
    await _close(runtime, letter_id)


async def _words(session: AsyncSession, letter: Letter, origin: str) -> Words | None:
    if letter.template == ALERT:
        return await compose_alert(session, letter, origin)
    return await compose(session, letter, origin)


async def _close(runtime: Runtime, letter_id: UUID, *, failed: str | None = None) -> None:
    """Note how it ended; the values, which may hold a secret, are forgotten."""
    now = clock.now()
    statement = update(Letter).where(col(Letter.id) == letter_id)
    ended = {"failed_at": now} if failed else {"sent_at": now}
    async with transaction(runtime.sessions) as session:
        await session.execute(statement.values(values={}, last_error=failed, **ended))


async def _let_go(runtime: Runtime, letter_ids: Sequence[UUID]) -> None:
    """Give back what was leased and never tried."""
    statement = update(Letter).where(col(Letter.id).in_(letter_ids))
    async with transaction(runtime.sessions) as session:
        await session.execute(
            statement.values(next_try_at=clock.now(), attempts=Letter.attempts - 1)
        )


async def _postpone(runtime: Runtime, letter_ids: Sequence[UUID], error: str) -> None:
    """Try again later, until three days have passed."""
    now = clock.now()
    async with transaction(runtime.sessions) as session:
        found = await session.exec(select(Letter).where(col(Letter.id).in_(letter_ids)))
        for letter in found:
            delay = RETRY_SECONDS[min(max(letter.attempts - 1, 0), len(RETRY_SECONDS) - 1)]
            letter.last_error = error
            letter.next_try_at = now + timedelta(seconds=delay)
            if now - letter.created_at >= GIVEN_UP_AFTER:
                letter.failed_at = now
                letter.values = {}
