"""Notices as pages: the list, how one is told, and what the links in letters open."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.access import Actor
from app.domain.claims import queries as claims
from app.domain.identity import actions as identity_actions
from app.domain.identity import queries as identity
from app.domain.letters.actions import open_link
from app.domain.letters.errors import mail_link_gone
from app.domain.notifications import actions, queries
from app.domain.notifications.queries import WantedNotices
from app.domain.notifications.rules import ANSWER_LINK, DIGEST_LIST, stop_purpose, wish_for
from app.domain.notifications.showing import ShownNotice, show
from app.errors import AppError, InvalidError
from app.infra.i18n import LANGUAGES, translate
from app.models.notifications import MailWish, NoticeSettingsFields, Reader, Topic
from app.pages.dependencies import (
    Db,
    PageRoute,
    Sent,
    SignedIn,
    Visit,
    go,
    page_outside_routes,
    safe_next,
)
from app.pages.dependencies import Reader as Reading
from app.pages.failures import choices, invalid, refused
from app.pages.forms import Form
from app.pages.organisations import zone_choices
from app.pages.rendering import language_name, render
from app.pages.views import Paging

PER_PAGE = 20
TOKEN_MAX = 100
MARKED_MAX = 100
router = APIRouter(route_class=PageRoute)


@router.get("/notices")
async def list_notices(request: Request, db: Db, visit: SignedIn) -> Response:
    """Show what one was told."""
    topic = _topic(request.query_params.get("topic", ""))
    cursor = request.query_params.get("cursor")
    page = await queries.list_notices(db, visit.actor, WantedNotices(topic), PER_PAGE, cursor)
    return await render(
        visit.page,
        "notices.html",
        notices=await show(db, visit.actor, page.items),
        unread=await queries.count_unread(db, visit.actor),
        topic=topic.value if topic else "",
        topics=[each.value for each in Topic if each is not Topic.MATCHES],
        paging=Paging(
            _href(topic, page.next_cursor) if page.next_cursor else None,
            _href(topic) if cursor else None,
        ),
    )


def _topic(name: str) -> Topic | None:
    return Topic(name) if name in set(Topic) else None


def _href(topic: Topic | None, cursor: str | None = None) -> str:
    pairs = {"topic": topic.value if topic else "", "cursor": cursor or ""}
    said = urlencode({name: value for name, value in pairs.items() if value})
    return f"/notices?{said}" if said else "/notices"


@router.post("/notices")
async def mark_read(db: Db, visit: SignedIn, form: Sent) -> Response:
    """Note what was read: one and go on to what it opens, or all of them."""
    if form.value("all"):
        await actions.mark_read(db, visit.actor, None)
        return go("/notices")
    try:
        marked = [UUID(each) for each in form.values("id")[:MARKED_MAX]]
    except ValueError:
        raise InvalidError("form_unreadable") from None
    await actions.mark_read(db, visit.actor, marked)
    target = form.value("next") or "/notices"
    return go(safe_next(target, visit.page.origin))


@router.get("/notices/settings")
async def show_settings(db: Db, visit: SignedIn) -> Response:
    """Show how one is told."""
    return await _settings(db, visit, Form())


@router.post("/notices/settings")
async def change_settings(db: Db, visit: SignedIn, form: Sent) -> Response:
    """Keep how one wants to be told."""
    if form.value("again"):
        account = await identity.get_account(db, visit.actor.signed_in())
        try:
            await identity_actions.ask_for_proof(db, account)
        except AppError as error:
            return await _settings(db, visit, refused(form, visit.language, error), error.status)
        return go("/notices/settings", "proof_sent")
    said: dict[str, Any] = {
        "mail": {each.value: form.value(f"mail_{each.value}") for each in Topic},
        "discreet": bool(form.value("discreet")),
        "hour": form.value("hour"),
        "time_zone": form.value("time_zone"),
        "language": form.value("language") or None,
    }
    version = form.value("version")
    try:
        fields = NoticeSettingsFields.model_validate(said)
        if not version.isascii() or not version.isdigit() or len(version) > PER_PAGE:
            raise InvalidError("form_unreadable")
        async with db.begin_nested():
            await actions.change_settings(db, visit.actor, fields, int(version))
    except ValidationError as error:
        return await _settings(db, visit, invalid(form, visit.language, error), 422)
    except AppError as error:
        return await _settings(db, visit, refused(form, visit.language, error), error.status)
    return go("/notices/settings", "changed")


async def _settings(db: Db, visit: Visit, form: Form, status: int = 200) -> Response:
    account_id = visit.actor.signed_in()
    found = await queries.get_settings(db, account_id)
    account = await identity.get_account(db, account_id)
    kept = {f"mail_{each.value}": wish_for(found.wishes, each).value for each in Topic}
    kept |= {"hour": str(found.hour), "time_zone": found.time_zone}
    kept |= {"language": found.language or "", "version": str(found.version)}
    if found.discreet and not form.sent:
        kept["discreet"] = "1"
    return await render(
        visit.page,
        "notice_settings.html",
        status=status,
        form=form.with_values(**kept),
        account=account,
        topics=[each.value for each in Topic],
        wishes=choices(visit.language, "notice.settings.wish", [each.value for each in MailWish]),
        hours=[(str(hour), f"{hour:02}:00") for hour in range(24)],
        zones=zone_choices(),
        languages=[
            ("", translate(visit.language, "notice.settings.language_own")),
            *((code, language_name(code)) for code in LANGUAGES),
        ],
    )


@router.get("/notices/open/{token}")
async def open_answer(token: str, db: Db, visit: Reading) -> Response:
    """Show to whoever holds a letter's link what that one letter told, and nothing else."""
    shown, reason = await _answer(db, token)
    return await render(
        visit.page, "notice_answer.html", shown=shown, reason=reason, token=token, done=False
    )


@router.post("/notices/open/{token}")
async def acknowledge(
    token: str,
    db: Db,
    visit: Reading,
    form: Sent,  # noqa: ARG001 - it is read and checked
) -> Response:
    """Note that it was read; the link opens nothing afterwards."""
    shown, _ = await _answer(db, token)
    await actions.acknowledge(db, token[:TOKEN_MAX])
    return await render(
        visit.page, "notice_answer.html", shown=shown, reason="", token=token, done=True
    )


async def _answer(db: Db, token: str) -> tuple[ShownNotice, str]:
    found = await queries.notice_of(db, await open_link(db, ANSWER_LINK, token[:TOKEN_MAX]))
    if found is None:
        raise mail_link_gone()
    notice, account = found
    actor = Actor(account_id=account.id, handle=account.handle, steward=account.steward)
    (shown,) = await show(db, actor, [notice])
    reason = ""
    if notice.reader is Reader.WORKER and notice.claim_id:
        history = await claims.history_of(db, notice.claim_id)
        reason = history[-1].reason if history else ""
    return shown, reason


@router.get("/notices/stop/{name}/{token}")
async def ask_to_stop(name: str, token: str, db: Db, visit: Reading) -> Response:
    """Ask whether letters should stop: opening an address changes nothing."""
    await open_link(db, stop_purpose(_list(name)), token[:TOKEN_MAX])
    return await render(visit.page, "notice_stop.html", name=name, token=token, done=False)


@router.post("/notices/stop/{name}/{token}")
async def stop(name: str, token: str, request: Request, db: Db) -> Response:
    """Stop the letters of one kind (RFC 8058).

    Mail programs press this for their reader: no cookie, no token of a form, nothing to fill in.
    The link is the right to it, and all that it can do is stop letters.
    """
    await actions.stop_mail(db, _list(name), token[:TOKEN_MAX])
    page = await page_outside_routes(request)
    return await render(page, "notice_stop.html", name=name, token=token, done=True)


def _list(name: str) -> str:
    if name != DIGEST_LIST and _topic(name) is None:
        raise mail_link_gone()
    return name


@router.get("/email/{token}")
async def ask_for_proof(token: str, db: Db, visit: Reading) -> Response:
    """Ask whether an address is theirs who opened the link."""
    await identity_actions.check_proof(db, token[:TOKEN_MAX])
    return await render(visit.page, "email_proof.html", token=token, done=False)


@router.post("/email/{token}")
async def prove_email(
    token: str,
    db: Db,
    visit: Reading,
    form: Sent,  # noqa: ARG001 - it is read and checked
) -> Response:
    """Note that an address is proven."""
    await identity_actions.prove_email(db, token[:TOKEN_MAX])
    return await render(visit.page, "email_proof.html", token=token, done=True)
