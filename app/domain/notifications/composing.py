"""What a letter says, found when it is sent: as its reader may see things then, and no later."""

from dataclasses import replace
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.claims.clocks import BEATING, heartbeat_link
from app.domain.letters.actions import issue_link
from app.domain.matching.queries import best_needs
from app.domain.matching.rules import BEST
from app.domain.needs.clocks import RENEWAL
from app.domain.needs.renewing import renewal_link
from app.domain.notifications import queries
from app.domain.notifications.rules import (
    ANSWER_LINK,
    ANSWER_LINK_LIFE,
    DIGEST_LIST,
    STOP_LINK_LIFE,
    stop_purpose,
)
from app.domain.notifications.showing import ShownNotice, show
from app.infra.i18n import exists, negotiate, translate, translate_plural
from app.infra.mail import Words
from app.models.claims import Claim
from app.models.identity import Account
from app.models.letters import Letter
from app.models.needs import Need

# Letters about an account itself: they go to an address before it is proven, or after it was left.
ABOUT_THE_ACCOUNT = frozenset({"prove_email", "email_changed"})
NOTICE, DIGEST = "notice", "digest"
# What a clock asks is answered with one tap in the letter itself, without signing in.
STILL_ON_IT = frozenset({"claim_start_asked", "claim_nudged"})
STILL_NEEDED = "need_renewal_asked"


async def compose(session: AsyncSession, letter: Letter, origin: str) -> Words | None:
    """Return what a letter says, or None where there is nobody, or nothing more, to tell."""
    language = negotiate(None, letter.language)
    account = await session.get(Account, letter.account_id) if letter.account_id else None
    if letter.account_id is None or letter.template in ABOUT_THE_ACCOUNT:
        return _plain(letter, language, origin)
    if account is None or account.disabled_at or not _is_theirs(account, letter.address):
        return None
    settings = await queries.get_settings(session, account.id)
    words = await _words(session, letter, account, language, origin)
    if words is None:
        return None
    if settings.discreet:
        words = _discreet(words, language)
    return await _with_stop(session, letter, account, words, origin)


def _is_theirs(account: Account, address: str) -> bool:
    return account.email == address and account.email_proven_at is not None


async def _words(
    session: AsyncSession, letter: Letter, account: Account, language: str, origin: str
) -> Words | None:
    if letter.template == NOTICE:
        return await _notice(session, letter, language, origin)
    if letter.template == DIGEST:
        return await _digest(session, letter, account, language, origin)
    return _plain(letter, language, origin)


def _plain(letter: Letter, language: str, origin: str) -> Words:
    """A letter that is made of its template and its values alone."""
    values = dict(letter.values)
    link = _absolute(str(values.get("link", "")), origin)
    stop_link = _absolute(str(values.get("stop_link", "")), origin)
    values |= {"link": link, "stop_link": stop_link, "instance": origin}
    base = f"letter.{letter.template}"

    def say(part: str) -> str:
        return translate(language, f"{base}.{part}", **values) if exists(f"{base}.{part}") else ""

    text = say("text")
    return Words(
        subject=say("subject"),
        paragraphs=[each.strip() for each in text.split("\n\n") if each.strip()],
        why=say("why"),
        button=say("button"),
        # A text that names the address itself needs no button.
        link=link if link and link not in text else "",
        stop=translate(language, "letter.stop") if stop_link else "",
        stop_link=stop_link,
        one_click=bool(stop_link),
    )


def _absolute(address: str, origin: str) -> str:
    return f"{origin}{address}" if address.startswith("/") else address


async def _shown(session: AsyncSession, account: Account, letter: Letter) -> list[ShownNotice]:
    notices = await queries.notices_by_id(session, account.id, _uuids(letter.values.get("notices")))
    shown = [each for each in await show(session, _reader(account), notices) if _tells(each)]
    return [each for each in shown if await _still_asked(session, each)]


def _tells(shown: ShownNotice) -> bool:
    return shown.kind != "withheld" and shown.notice.read_at is None


def _reader(account: Account) -> Actor:
    return Actor(account_id=account.id, handle=account.handle, steward=account.steward)


def _uuids(values: object) -> list[UUID]:
    return [UUID(str(each)) for each in values] if isinstance(values, list) else []


async def _notice(
    session: AsyncSession, letter: Letter, language: str, origin: str
) -> Words | None:
    found = await queries.notice_of(session, UUID(str(letter.values.get("notice"))))
    if found is None:
        return None
    notice, account = found
    (shown,) = await show(session, _reader(account), [notice])
    if not _tells(shown) or not await _still_asked(session, shown):
        return None
    tap = await _one_tap(session, shown)
    if tap is None:
        token = await issue_link(session, ANSWER_LINK, notice.id, ANSWER_LINK_LIFE)
        tap = "letter.notice.button", f"/notices/open/{token}"
    button, path = tap
    return Words(
        subject=shown.title(language),
        paragraphs=[shown.title(language), shown.text(language)],
        why=translate(language, f"letter.why.{notice.topic.value}"),
        button=translate(language, button),
        link=f"{origin}{path}",
    )


async def _still_asked(session: AsyncSession, shown: ShownNotice) -> bool:
    """Say whether a clock's question waits for an answer still; a sign since then was one."""
    notice = shown.notice
    if shown.kind in STILL_ON_IT and notice.claim_id:
        claim = await session.get(Claim, notice.claim_id)
        if claim is None or claim.state not in BEATING:
            return False
        return claim.heartbeat_at is None or claim.heartbeat_at <= notice.at
    if shown.kind == STILL_NEEDED and notice.need_id:
        need = await session.get(Need, notice.need_id)
        if need is None or need.state not in RENEWAL.runs_in:
            return False
        return need.renewed_at is None or need.renewed_at <= notice.at
    return True


async def _one_tap(session: AsyncSession, shown: ShownNotice) -> tuple[str, str] | None:
    """Return the label and the path that answer a clock's question, where the notice is one."""
    notice = shown.notice
    if shown.kind in STILL_ON_IT and notice.claim_id:
        return "page.still.button", await heartbeat_link(session, notice.claim_id)
    if shown.kind == STILL_NEEDED and notice.need_id:
        return "page.renew.button", await renewal_link(session, notice.need_id)
    return None


async def _line(session: AsyncSession, shown: ShownNotice, language: str, origin: str) -> str:
    """One notice of a digest; under what a clock asks stands the link that answers it."""
    line = f"• {shown.title(language)}"
    tap = await _one_tap(session, shown)
    return f"{line}\n{translate(language, tap[0])}: {origin}{tap[1]}" if tap else line


async def _digest(
    session: AsyncSession, letter: Letter, account: Account, language: str, origin: str
) -> Words | None:
    shown = await _shown(session, account, letter)
    wanted = set(map(str, _uuids(letter.values.get("needs"))))
    needs = []
    if wanted:
        found = await best_needs(session, _reader(account), BEST)
        needs = [match.need for match in found if str(match.need.id) in wanted]
    if not shown and not needs:
        return None
    paragraphs = []
    if shown:
        paragraphs.append(translate_plural(language, "letter.digest.waiting", len(shown)))
        paragraphs += [await _line(session, each, language, origin) for each in shown]
    if needs:
        paragraphs.append(translate_plural(language, "letter.digest.matches", len(needs)))
        paragraphs += [f"• {need.title}\n{origin}/needs/{need.id}" for need in needs]
    return Words(
        subject=translate(language, "letter.digest.subject", instance=_host(origin)),
        paragraphs=paragraphs,
        why=translate(language, f"letter.why.{letter.values.get('wish', 'daily')}"),
        button=translate(language, "letter.digest.button"),
        link=f"{origin}/notices",
    )


def _host(origin: str) -> str:
    return origin.partition("://")[2]


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


async def _with_stop(
    session: AsyncSession, letter: Letter, account: Account, words: Words, origin: str
) -> Words:
    """The letter with the link that stops its kind, in one press and without signing in."""
    if letter.template not in {NOTICE, DIGEST}:
        return words
    name = DIGEST_LIST if letter.template == DIGEST else letter.list_name
    token = await issue_link(session, stop_purpose(name), account.id, STOP_LINK_LIFE)
    return replace(
        words,
        stop=translate(negotiate(None, letter.language), "letter.stop"),
        stop_link=f"{origin}/notices/stop/{name}/{token}",
        one_click=True,
    )
