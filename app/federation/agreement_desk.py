"""Writing what another instance hears of one agreement; what is said when stands in agreements."""

import html
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.claims import queries
from app.federation.peers.identity import Identity, our_identity
from app.federation.peers.post import Said, send_event, send_ordered, write_events
from app.federation.wire import agreements as wire
from app.federation.wire.context import NATIVE_CONTEXT
from app.federation.wire.documents import Message
from app.federation.wire.needs import quantity_of
from app.infra import clock
from app.infra.runtime import Runtime
from app.models.activity import Activity
from app.models.agreements import Agreement
from app.models.claims import LIVE_STATES, Claim, ClaimState, Elsewhere, WorkLog
from app.models.federation import FederationEvent, Peer
from app.models.needs import Need
from app.models.threads import Message as ThreadMessage

S = ClaimState
STATUS: dict[ClaimState, wire.AgreementStatus] = {
    S.ACCEPTED: "accepted",
    S.ACTIVE: "active",
    S.SUBMITTED: "submitted",
    S.PANEL_REVIEW: "submitted",
    S.CHANGES_REQUESTED: "changes_requested",
    S.DISPUTED: "disputed",
    S.CONFIRMED: "completed",
    S.LAPSED: "lapsed",
}
# Every other state of a claim that had been accepted is an end without work.
OVER: wire.AgreementStatus = "cancelled"
REPORTED: dict[ClaimState, wire.ReportStatus] = {
    S.ACCEPTED: "accepted",
    S.ACTIVE: "active",
    S.SUBMITTED: "submitted",
    S.CHANGES_REQUESTED: "changes_requested",
    S.DISPUTED: "disputed",
}
UNANSWERED = "unanswered"
# All notes of a report together, so that it stays far below what an inbox takes.
NOTES_CHARACTERS_MAX = 30_000
REASON_MAX = 2000
DEFAULT_MINUTES = 60


async def desk_of(
    session: AsyncSession, runtime: Runtime, agreement: Agreement, claim: Claim
) -> "Desk":
    ours = await our_identity(session, runtime)
    peer = await session.get_one(Peer, agreement.peer_id)
    need = await session.get_one(Need, claim.need_id, populate_existing=True)
    return Desk(session, ours, peer, agreement, claim, need)


class Desk:
    """Where messages about one agreement are written."""

    def __init__(
        self,
        session: AsyncSession,
        ours: Identity,
        peer: Peer,
        agreement: Agreement,
        claim: Claim,
        need: Need,
    ) -> None:
        """Take the rows that a message is written from."""
        self._session, self._ours, self._peer = session, ours, peer
        self._agreement, self._claim, self._need = agreement, claim, need

    async def tell_owner(self, activity: Activity) -> None:
        """Say what our member does: offers, takes back, works, hands in."""
        agreement, claim = self._agreement, self._claim
        if activity.verb == "claim.applied":
            if claim.state == S.APPLIED:
                await self._offer()
        elif activity.verb in {"claim.withdrawn", "claim.expired"}:
            if agreement.offer_url is not None:
                await self._say(wire.UndoOffer, agreement.offer_url)
        elif activity.account_id == claim.account_id and claim.state in REPORTED:
            await self._report()

    async def tell_worker(self, activity: Activity) -> None:
        """Say what our organisation, or a clock of ours, does with a guest's claim."""
        agreement, claim = self._agreement, self._claim
        if claim.state == S.APPLIED or (claim.state == S.WITHDRAWN and agreement.answer_id is None):
            return
        if agreement.answer_id is None:
            await self._answer()
        elif claim.state != S.WITHDRAWN:
            disputes = activity.verb == "claim.disputed"
            by_us = activity.account_id != claim.account_id
            await self._update(activity.details.get("until"), rejects=disputes and by_us)

    async def pass_on(self, activity: Activity) -> None:
        """Send what our side wrote in the thread; what came from there stays where it is."""
        agreement, claim = self._agreement, self._claim
        writer = activity.account_id
        by_worker = writer == claim.account_id
        ours = by_worker if claim.elsewhere == Elsewhere.NEED else not by_worker
        message = await self._session.get(ThreadMessage, UUID(activity.details["message_id"]))
        if writer is None or not ours or message is None or not agreement.agreement_url:
            return
        letter = wire.Letter(
            id=f"{self._ours.origin}/letters/{message.id}",
            context=agreement.agreement_url,
            attributedTo=self._ours.actor_url,
            published=message.created_at,
            content=as_html(message.body),
        )
        await self._say(wire.CreateLetter, letter)

    async def say_again(self) -> None:
        """Say how it stands by now, to whom may have missed it."""
        agreement, claim = self._agreement, self._claim
        if claim.elsewhere == Elsewhere.NEED:
            if claim.state == S.APPLIED:
                await self._offer()
            elif claim.state in REPORTED and agreement.report_url is not None:
                await self._report()
        elif agreement.answer_id is not None:
            await self._resend(agreement.answer_id)
            if agreement.said_version > 1:
                await self._update(None)

    async def _offer(self) -> None:
        """Offer, or offer again: the same message under the same id."""
        agreement, claim = self._agreement, self._claim
        origin = self._ours.origin
        agreement.offer_url = agreement.offer_url or f"{origin}/offers/{agreement.key}"
        agreement.provider_url = f"{origin}/members/{agreement.key}"
        if await self._resend(agreement.offer_url):
            return
        proposed = wire.ProposedAgreement(
            stipulates=wire.Commitment(
                satisfies=f"{agreement.need_url}{wire.PRIMARY}",
                provider=agreement.provider_url,
                resourceQuantity=quantity_of(self._need.estimate_minutes or DEFAULT_MINUTES),
                name=agreement.shown_name or None,
            ),
            content=as_html(claim.note) or None,
        )
        await self._say(
            wire.OfferAgreement,
            proposed,
            id=agreement.offer_url,
            published=agreement.created_at,
            endTime=agreement.answer_by,
        )

    async def _report(self) -> None:
        agreement, claim = self._agreement, self._claim
        if agreement.agreement_url is None:
            return
        first = agreement.report_url is None
        agreement.report_url = f"{self._ours.origin}/reports/{agreement.key}"
        agreement.said_version += 1
        logs = await queries.work_logs_of(self._session, claim.id)
        said = wire.WorkReport(
            id=agreement.report_url,
            version=agreement.said_version,
            status=REPORTED[claim.state],
            attributedTo=self._ours.actor_url,
            context=agreement.agreement_url,
            fulfills=f"{agreement.agreement_url}{wire.PRIMARY}",
            provider=agreement.provider_url,
            updated=clock.now(),
            effortQuantity=quantity_of(sum(log.minutes for log in logs)) if logs else None,
            content=as_html(await self._reason()) or None,
            attachment=_days(logs),
        )
        await self._say(wire.CreateReport if first else wire.UpdateReport, said)

    async def _answer(self) -> None:
        """Accept or reject an offer; what has happened since is told with it."""
        agreement, claim = self._agreement, self._claim
        agreement.answer_id = self._ours.new_id("activities")
        about: dict[str, Any] = {"id": agreement.answer_id}
        if claim.accepted_at is None:
            if claim.state == S.EXPIRED:
                about["name"] = UNANSWERED
            about["content"] = as_html(await self._reason()) or None
            await self._say(wire.RejectAgreement, agreement.offer_url, **about)
            return
        agreement.agreement_url = f"{self._ours.origin}/agreements/{agreement.key}"
        agreement.said_version += 1
        about["result"] = await self.document()
        await self._say(wire.AcceptAgreement, agreement.offer_url, **about)

    async def _update(self, until: str | None, *, rejects: bool = False) -> None:
        agreement = self._agreement
        if agreement.agreement_url is None:
            return  # rejected: there is nothing to say about it any more
        agreement.said_version += 1
        asked = datetime.fromisoformat(until) if until else None
        stands = await self.document(asked)
        if rejects and agreement.report_url is not None:
            about = {"content": stands.content, "result": stands}
            await self._say(wire.RejectAgreement, agreement.report_url, **about)
        else:
            await self._say(wire.UpdateAgreement, stands)

    async def document(self, asked_until: datetime | None = None) -> wire.Agreement:
        """Describe the agreement as it stands."""
        agreement, claim, need = self._agreement, self._claim, self._need
        address = agreement.agreement_url or ""
        heard = agreement.report_url and f"{agreement.report_url}#v{agreement.heard_version}"
        minutes = claim.confirmed_minutes
        holds = claim.state in LIVE_STATES
        return wire.Agreement(
            id=address,
            version=max(1, agreement.said_version),
            status=STATUS.get(claim.state, OVER),
            attributedTo=self._ours.actor_url,
            stipulates=wire.Commitment(
                id=f"{address}{wire.PRIMARY}",
                satisfies=f"{agreement.need_url}{wire.PRIMARY}",
                provider=agreement.provider_url,
                resourceQuantity=quantity_of(need.estimate_minutes or DEFAULT_MINUTES),
            ),
            updated=claim.updated_at,
            content=as_html(await self._reason()) or None,
            endTime=asked_until,
            effortQuantity=quantity_of(minutes) if minutes else None,
            inReplyTo=heard or None,
            attachment=tuple(
                wire.ContactNote(name=each["kind"], content=as_html(each["value"]))
                for each in need.contacts
            )
            if holds
            else (),
        )

    async def _reason(self) -> str:
        """Return what was written with the newest move."""
        moves = await queries.history_of(self._session, self._claim.id)
        return moves[-1].reason[:REASON_MAX] if moves else ""

    async def _say(self, kind: type[Message], about: Any, **more: Any) -> None:
        message = kind.model_validate(
            {
                "context": NATIVE_CONTEXT,
                "id": self._ours.new_id("activities"),
                "actor": self._ours.actor_url,
                "to": self._peer.actor_url,
                "published": clock.now(),
                "object": about,
                **more,
            }
        )
        await send(self._session, self._peer.id, message)

    async def _resend(self, activity_id: str) -> bool:
        """Send a message of ours again as it was; says whether we still have it."""
        event_id = await event_of(self._session, activity_id)
        if event_id is None:
            return False
        await send_event(self._session, self._peer.id, event_id)
        return True


async def send(session: AsyncSession, peer_id: UUID, message: Message) -> None:
    """Put a message into the peer's sequence; one that was written before goes out as it was.

    Then outside the sequence, where it has its number already: nothing may be in it twice.
    """
    event_id = await event_of(session, message.id)
    if event_id is not None:
        await send_event(session, peer_id, event_id)
        return
    await send_ordered(session, peer_id, await write_events(session, [Said(message)]))


async def event_of(session: AsyncSession, activity_id: str) -> int | None:
    statement = select(FederationEvent.id).where(FederationEvent.activity_id == activity_id)
    return (await session.exec(statement)).first()


def _days(logs: Sequence[WorkLog]) -> tuple[wire.WorkedDay, ...]:
    shown = logs[-wire.DAYS_MAX :]
    characters = NOTES_CHARACTERS_MAX // max(len(shown), 1)
    return tuple(
        wire.WorkedDay(
            startTime=datetime.combine(log.worked_on, time(), UTC),
            effortQuantity=quantity_of(log.minutes),
            content=as_html(log.note[: min(characters, REASON_MAX)]) or None,
        )
        for log in shown
    )


def as_html(text: str) -> str:
    """Write a text as the HTML that `content` is."""
    return html.escape(text, quote=False).replace("\n", "<br>")
