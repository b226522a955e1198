"""What a letter about new needs says, found when it is sent: what is gone by then is not told."""

from dataclasses import replace
from urllib.parse import urlencode
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.feeds.queries import still_fitting
from app.domain.feeds.rules import NEEDS_TOLD_MAX, STOP, STOP_LINK_LIFE
from app.domain.letters.actions import issue_link
from app.infra.i18n import format_date, format_minutes, negotiate, translate, translate_plural
from app.infra.mail import Words
from app.models.feeds import Often, SavedSearch
from app.models.identity import Account
from app.models.letters import Letter
from app.models.needs import Need
from app.models.notifications import NoticeSettings

ALERT = "alert"
# The order in which the list's own page writes its filters: one search, one address.
IN_ADDRESS = (
    "q", "skill", "hours_max", "stream", "kind", "organisation", "instance", "urgency", "region",
    "remote", "language",
)  # fmt: skip


async def compose_alert(session: AsyncSession, letter: Letter, origin: str) -> Words | None:
    """Return what an alert says, or None where nobody wants it or nothing is left to tell."""
    search = await session.get(SavedSearch, UUID(str(letter.values.get("search"))))
    if search is None or search.often is Often.OFF:
        return None
    discreet = False
    if search.account_id is not None:
        account = await session.get(Account, search.account_id)
        if account is None or account.disabled_at or not _is_theirs(account, letter.address):
            return None
        settings = await session.get(NoticeSettings, account.id)
        discreet = settings is not None and settings.discreet
    needs = await _needs(session, search, letter)
    if not needs:
        return None
    language = negotiate(None, letter.language)
    words = _words(search, needs, language, origin)
    if discreet:
        words = _discreet(words, language)
    token = await issue_link(session, STOP, search.id, STOP_LINK_LIFE)
    return replace(
        words,
        stop=translate(language, "letter.alert.stop"),
        stop_link=f"{origin}/searches/stop/{token}",
        one_click=True,
    )


def _is_theirs(account: Account, address: str) -> bool:
    return account.email == address and account.email_proven_at is not None


async def _needs(session: AsyncSession, search: SavedSearch, letter: Letter) -> list[Need]:
    """Return what is still open, still for the reader to see, and still what they look for."""
    said = letter.values.get("needs")
    named = [UUID(str(each)) for each in said] if isinstance(said, list) else []
    found = await still_fitting(session, search, named)
    statement = (
        select(Need)
        .where(col(Need.id).in_(found))
        .order_by(col(Need.published_at).desc(), col(Need.id).desc())
    )
    return list((await session.exec(statement)).all())


def _words(search: SavedSearch, needs: list[Need], language: str, origin: str) -> Words:
    paragraphs = [translate_plural(language, "letter.alert.new", len(needs))]
    paragraphs += [_told(need, language, origin) for need in needs[:NEEDS_TOLD_MAX]]
    if len(needs) > NEEDS_TOLD_MAX:
        more = len(needs) - NEEDS_TOLD_MAX
        paragraphs.append(translate_plural(language, "letter.alert.more", more))
    subject = needs[0].title
    if len(needs) > 1:
        subject = translate_plural(language, "letter.alert.subject", len(needs))
    own = "account" if search.account_id else "address"
    return Words(
        subject=subject,
        paragraphs=paragraphs,
        why=translate(language, f"letter.alert.why.{own}", instance=origin.partition("://")[2]),
        button=translate(language, "letter.alert.button"),
        link=origin + address_of(search),
    )


def _told(need: Need, language: str, origin: str) -> str:
    facts = [need.organisation_name]
    if need.estimate_minutes:
        facts.append(format_minutes(language, need.estimate_minutes))
    if need.deadline:
        facts.append(translate(language, "feed.until", day=format_date(language, need.deadline)))
    return f"{need.title}\n{' · '.join(facts)}\n{origin}/needs/{need.id}"


def _discreet(words: Words, language: str) -> Words:
    """The same letter for a reader whose mail others may see."""
    return replace(
        words,
        subject=translate(language, "letter.discreet.subject"),
        paragraphs=[translate(language, "letter.discreet.text")],
        why=translate(language, "letter.discreet.why"),
        button=translate(language, "letter.discreet.button"),
        discreet=True,
    )


def address_of(search: SavedSearch) -> str:
    """Return the address of the list that a search stands for."""
    pairs = []
    for name in sorted(search.filters, key=IN_ADDRESS.index):
        value = search.filters[name]
        for each in value if isinstance(value, list) else [value]:
            shown = {True: "yes", False: "no"}[each] if isinstance(each, bool) else str(each)
            pairs.append(("hours" if name == "hours_max" else name, shown))
    return f"/needs?{urlencode(pairs)}" if pairs else "/needs"
