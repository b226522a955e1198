"""What a page says of a period's closing: each point of its checklist, and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.periods import queries
from app.domain.periods.checklist import checklist
from app.domain.periods.queries import PeriodView
from app.domain.periods.rules import OPEN_TO_SIGN, Check, CheckItem, is_editable
from app.domain.periods.steps import NextStep, next_step
from app.infra import clock
from app.infra.i18n import format_date, format_money, translate, translate_plural
from app.models.periods import Period, PeriodObjection
from app.pages.dependencies import Db

Link = tuple[str, str]


@dataclass(frozen=True)
class Point:
    """One point of the checklist, worded as it stands, and where it is mended."""

    fine: bool
    needed: bool
    text: str
    links: Sequence[Link] = ()


@dataclass(frozen=True)
class Next:
    """What a period waits for, and where on its page whoever looks can do it."""

    step: NextStep
    text: str
    anchor: str = ""


async def points_of(db: Db, view: PeriodView, language: str) -> list[Point]:
    """Return the checklist in words, for those who keep the book while figures may be entered."""
    if not shows_checks(view):
        return []
    items = await checklist(db, view.period, view.book)
    previous = await queries.previous_of(db, view.period)
    return [_point(item, view, previous, language) for item in items]


def shows_checks(view: PeriodView) -> bool:
    """Say whether whoever looks prepares its freeze."""
    return view.whole and is_editable(view.period)


def _point(item: CheckItem, view: PeriodView, previous: Period | None, language: str) -> Point:
    if item.fine:
        text = _fine(item, view, previous, language)
        return Point(fine=True, needed=item.needed, text=text)
    links = [
        (href, translate(language, f"period.mend.{name}"))
        for name, href in _mended_at(item.check, view, previous)
    ]
    return Point(False, item.needed, _open(item, view, previous, language), links)


def _fine(item: CheckItem, view: PeriodView, previous: Period | None, language: str) -> str:
    name = item.check.value
    if item.check == Check.PREVIOUS and previous is None:
        name = "first"
    surplus = format_money(language, view.period.surplus or 0, view.book.currency)
    said = {"date": format_date(language, view.period.ends_on), "amount": surplus}
    return translate(language, f"period.check.{name}", **said)


def _open(item: CheckItem, view: PeriodView, previous: Period | None, language: str) -> str:
    name = f"period.open.{item.check.value}"
    if item.count:
        return translate_plural(language, name, item.count)
    last = {Check.POLICY: view.period.starts_on, Check.OVER: view.period.ends_on}
    day = last.get(item.check, previous.ends_on if previous else view.period.ends_on)
    return translate(language, name, date=format_date(language, day))


def _mended_at(check: Check, view: PeriodView, previous: Period | None) -> list[Link]:
    """Return where an open point is mended; nothing where only time does it."""
    book = f"/books/{view.book.id}"
    claims = ("claims", f"/organisations/{view.organisation.id}/claims")
    places: dict[Check, list[Link]] = {
        Check.PREVIOUS: [("previous", f"/periods/{previous.id}")] if previous else [],
        Check.POLICY: [("policy", f"{book}/rules")],
        Check.SURPLUS: [("surplus", "#surplus")],
        Check.CLAIMS: [claims],
        Check.DISPUTES: [("disputes", f"{book}/disputes"), claims],
        Check.STATUSES: [("statuses", f"{book}/people")],
    }
    return places.get(check, [])


async def next_of(
    db: Db, view: PeriodView, objections: Sequence[PeriodObjection], language: str
) -> Next:
    """Say what a period waits for, who can do it, and where on this page."""
    period, now = view.period, clock.now()
    checks = await checklist(db, period, view.book) if shows_checks(view) else []
    step = next_step(period, objections, now, checks)
    signed = {each.account_id for each in await queries.signatures_of(db, period)}
    own = step == NextStep.SECOND and view.account_id in signed
    read_until = period.objections_until if step == NextStep.READ else None
    text = translate(
        language,
        "period.next.signed" if own else f"period.next.{step.value}",
        date=format_date(language, read_until.date() if read_until else period.ends_on),
    )
    return Next(step, text, _anchor(step, view, signed_already=own))


def _anchor(step: NextStep, view: PeriodView, *, signed_already: bool) -> str:
    """Name the part of the page where whoever looks does it; none where it is others' to do."""
    keeps = {NextStep.MISSING: "checks", NextStep.FREEZE: "freeze", NextStep.ANSWER: "objections"}
    if step == NextStep.READ:
        return "lines"
    if step in {NextStep.SIGN, NextStep.SECOND}:
        return "sign" if view.signer and not signed_already else ""
    return keeps.get(step, "") if view.whole else ""


def takes_signatures(period: Period) -> bool:
    """Say whether it is signed at this step."""
    return period.state in OPEN_TO_SIGN and period.locks_at is None
