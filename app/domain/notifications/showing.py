"""Notices as their reader may see them at this moment: names and addresses, looked up by ids."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.needs.policy import may_read
from app.domain.notifications.rules import KINDS, Opens
from app.domain.organisations.blocking import unheard_of
from app.domain.organisations.queries import memberships_of, names_for
from app.infra.i18n import translate
from app.models.needs import Need
from app.models.notifications import Notice, Reader
from app.models.organisations import Membership


@dataclass(frozen=True)
class ShownNotice:
    """A notice with what may be said of it. `kind` is "withheld" where nothing may."""

    notice: Notice
    kind: str
    need: str = ""
    organisation: str = ""

    def title(self, language: str) -> str:
        """The notice in one line."""
        return self._say(language, "title")

    def text(self, language: str) -> str:
        """What to do about it."""
        return self._say(language, "text")

    def _say(self, language: str, part: str) -> str:
        message_id = f"notice.{self.kind}.{part}"
        return translate(language, message_id, need=self.need, organisation=self.organisation)

    @property
    def href(self) -> str:
        """The page that it opens, without JavaScript."""
        return _PAGES[self._opens].format(**self._ids)

    @property
    def workspace_href(self) -> str:
        """The same in the workspace."""
        return _SCREENS[self._opens].format(**self._ids)

    @property
    def _opens(self) -> Opens | None:
        row = KINDS.get(self.kind)
        if row is None:
            return None
        worker = row.opens is Opens.CLAIM and self.notice.reader is Reader.WORKER
        return Opens.OWN_CLAIM if worker else row.opens

    @property
    def _ids(self) -> dict[str, object]:
        notice = self.notice
        return {
            "claim": notice.claim_id,
            "need": notice.need_id,
            "organisation": notice.organisation_id,
            "object": notice.object_id,
        }


_PAGES = {
    None: "/notices",
    Opens.CLAIM: "/organisations/{organisation}/claims#claim-{claim}",
    Opens.OWN_CLAIM: "/me/claims#claim-{claim}",
    Opens.NEED: "/needs/{need}",
    Opens.ORGANISATION: "/organisations/{organisation}",
    Opens.CLAIMS_OF_ORGANISATION: "/organisations/{organisation}/claims",
    Opens.ORGANISATIONS: "/organisations",
    Opens.REVIEW: "/needs/{need}",
    Opens.REVIEWS: "/stewardship/reviews",
    Opens.PEERS: "/stewardship/peers",
    Opens.PEER: "/stewardship/peers/{object}",
    Opens.THREAD: "/claims/{claim}/messages",
    Opens.ASKS: "/stewardship/asks",
    Opens.PANEL: "/panels/{object}",
    Opens.REPORTS: "/stewardship/reports",
    Opens.NOTICES: "/notices",
    Opens.RECEIPTS: "/me/receipts",
    Opens.PERIOD: "/periods/{object}",
    Opens.BOOK: "/books/{object}",
    Opens.ENTRY: "/entries/{object}",
    Opens.DISPUTE: "/disputes/{object}",
    Opens.DECISION: "/decisions/{object}",
    Opens.DECISIONS: "/books/{object}/decisions",
    Opens.STANDING: "/books/{object}/standing",
    Opens.CONVERSION: "/conversions/{object}",
    Opens.EXIT: "/exits/{object}",
    Opens.LOG: "/witnesses",
}
_SCREENS = {
    None: "/notices",
    Opens.CLAIM: "/claims/{claim}",
    Opens.OWN_CLAIM: "/claims/{claim}",
    Opens.NEED: "/needs/{need}",
    Opens.ORGANISATION: "/organisations/{organisation}",
    Opens.CLAIMS_OF_ORGANISATION: "/organisations/{organisation}",
    Opens.ORGANISATIONS: "/organisations",
    Opens.REVIEW: "/needs/{need}",
    Opens.REVIEWS: "/needs/{need}",
    Opens.PEERS: "/peers",
    Opens.PEER: "/peers",
    Opens.THREAD: "/claims/{claim}",
    Opens.ASKS: "/",
    Opens.PANEL: "/panels/{object}",
    Opens.REPORTS: "/",
    Opens.NOTICES: "/notices",
    Opens.RECEIPTS: "/",
    Opens.PERIOD: "/",
    Opens.DISPUTE: "/",
    Opens.BOOK: "/",
    Opens.ENTRY: "/",
    Opens.DECISION: "/",
    Opens.DECISIONS: "/",
    Opens.STANDING: "/",
    Opens.CONVERSION: "/",
    Opens.EXIT: "/",
    Opens.LOG: "/",
}


async def show(session: AsyncSession, actor: Actor, notices: Sequence[Notice]) -> list[ShownNotice]:
    """Say what these notices of one reader may say now."""
    if actor.account_id is None or not notices:
        return []
    mine = {
        organisation.id: membership
        for membership, organisation in await memberships_of(session, actor.account_id)
    }
    need_ids = {notice.need_id for notice in notices if notice.need_id}
    found = await session.exec(select(Need).where(col(Need.id).in_(need_ids)))
    needs = {need.id: need for need in found}
    organisations = {n.organisation_id for n in notices if n.organisation_id}
    names = await names_for(session, actor, organisations)
    unheard = set(await unheard_of(session, actor.account_id))
    shown = []
    for notice in notices:
        need = needs.get(notice.need_id) if notice.need_id else None
        membership = mine.get(notice.organisation_id) if notice.organisation_id else None
        # Of whom one blocked one hears what becomes of one's own work, and nothing else.
        blocked = notice.organisation_id in unheard and notice.reader is Reader.NAMED
        if (blocked and notice.claim_id is None) or not _visible(actor, notice, need, membership):
            shown.append(ShownNotice(notice, "withheld"))
            continue
        kind = notice.kind if notice.kind in KINDS else "withheld"
        name = names.get(notice.organisation_id, "") if notice.organisation_id else ""
        shown.append(ShownNotice(notice, kind, need.title if need else "", name))
    return shown


def _visible(
    actor: Actor, notice: Notice, need: Need | None, membership: Membership | None
) -> bool:
    """Whoever is no longer what they were told as sees nothing of it."""
    if notice.reader is Reader.MEMBERS:
        return membership is not None
    if notice.reader is Reader.STEWARDS:
        return actor.steward
    if notice.reader is Reader.NAMED and need is not None and notice.claim_id is None:
        return may_read(actor, need, membership)
    return True
