"""Turn a template and plain values into a page in one language."""

import hashlib
import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.domain.needs.queries import HIDDEN_COUNT_MAX
from app.infra import i18n
from app.infra.typed import write_money
from app.pages.context import PageContext
from app.pages.summaries import with_names

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)


@cache
def static_url(name: str) -> str:
    """Return a file's address with its fingerprint: cached for ever, never stale."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def language_name(code: str) -> str:
    """Return a language's own name; a code we know no name for stands for itself."""
    return i18n.NATIVE_NAMES.get(code.split("-", maxsplit=1)[0].lower(), code)


def _bounded(language: str, n: int) -> str:
    """Write a count that stops at a bound: what was not counted on is not claimed."""
    return i18n.format_number(language, n) + ("+" if n >= HIDDEN_COUNT_MAX else "")


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _percent(language: str, tenths: int) -> str:
    """Write a share that is given in tenths of a percent."""
    return i18n.format_share(language, Decimal(tenths) / 1000)


def _points(language: str, tenths: int) -> str:
    """Write tenths of a point as points, without their sign: a word beside says which way."""
    return i18n.format_number(language, Decimal(abs(tenths)) / 10)


def _zone(context: Context) -> str:
    """Return the reader's zone; a macro knows it where it was imported with its context."""
    page = context.get("page")
    return page.zone if isinstance(page, PageContext) else PageContext.zone


def _clock_filters(language: str) -> dict[str, Callable[..., str]]:
    """Return the filters that write moments as the reader's own clock and calendar show them."""

    @pass_context
    def day(context: Context, value: date) -> str:
        """Write a day, or the day on which a moment lies."""
        if isinstance(value, datetime):
            value = value.astimezone(ZoneInfo(_zone(context))).date()
        return i18n.format_date(language, value)

    @pass_context
    def moment(context: Context, value: datetime) -> str:
        """Write a moment."""
        return i18n.format_datetime(language, value, _zone(context))

    @pass_context
    def moment_named(context: Context, value: datetime) -> str:
        """Write a moment and name its zone: something ends or counts from then on."""
        return i18n.format_datetime_named(language, value, _zone(context))

    return {"day": day, "moment": moment, "moment_named": moment_named}


class _Templates(FileSystemLoader):
    """Templates without the indentation that only their writers read: a sixth of a page."""

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """As FileSystemLoader; no element here keeps white space of its own."""
        source, path, fresh = super().get_source(environment, template)
        return _INDENTATION.sub("", source), path, fresh


@cache
def environment(language: str) -> Environment:
    """Return the template environment of one language; templates are compiled once."""
    made = Environment(
        loader=_Templates(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        enable_async=True,
        auto_reload=False,
        cache_size=-1,
    )
    made.globals |= {
        "_": partial(i18n.translate, language),
        "ngettext": partial(i18n.translate_plural, language),
        "language_name": language_name,
        "static": static_url,
    }
    made.filters |= _clock_filters(language) | {
        "duration": partial(i18n.format_minutes, language),
        "number": partial(i18n.format_number, language),
        "bounded": partial(_bounded, language),
        "money": partial(i18n.format_money, language),
        "typed_money": partial(write_money, language),
        "month": partial(i18n.format_month, language),
        "month_year": partial(i18n.format_month, language, year=True),
        "month_end": _month_end,
        "percent": partial(_percent, language),
        "points": partial(_points, language),
    }
    return made


async def render(
    page: PageContext, template: str, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """Answer with a page; what a signed-in person sees is kept by nobody."""
    made = environment(page.language).get_template(template)
    body = with_names(await made.render_async(page=page, **values))
    headers = {
        "Cache-Control": "no-store" if page.viewer else "no-cache",
        "Vary": "Cookie, Accept-Language",
        "Content-Language": page.language,
    }
    return HTMLResponse(body, status_code=status, headers=headers)


def page_of(request: Request) -> PageContext:
    """Return the context that the dependency left on the request."""
    page: PageContext = request.state.page
    return page
