"""`ledger periods | preview | close`: a book's periods, for whoever looks after the instance.

People freeze, object and sign in their browsers; a command only looks, and does at once what the
workers would do at their pace. Nobody signs on a command line.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from app.cli.output import CommandError, answer, say
from app.cli.services import running_services
from app.settings import load_settings

DataDir = Annotated[Path | None, typer.Option(help="Folder of database, files and keys.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Slug = Annotated[str, typer.Argument(help="The co-operative's slug.")]
Number = Annotated[int, typer.Argument(help="The period's number in its book.", min=1)]
Json = dict[str, Any]


def register_into(commands: typer.Typer) -> None:
    """Add the commands to those of the ledger."""
    commands.command("periods")(periods)
    commands.command("preview")(preview)
    commands.command("close")(close)


def periods(slug: Slug, *, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List a book's periods and how far each is."""

    async def look(runtime: Any) -> list[Json]:
        from app.infra.database import transaction

        async with transaction(runtime.sessions) as session:
            return [_brief(each) for each in await _periods_of(session, slug)]

    found = _run(data_dir, look)
    lines = [_line(each) for each in found] or ["There is no period yet."]
    answer({"organisation": slug, "periods": found}, as_json=as_json, text="\n".join(lines))


def preview(
    slug: Slug, number: Number, *, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Say what a period would come to if it were closed now; nothing is written."""

    async def look(runtime: Any) -> Json:
        from app.domain.periods.reading import preview_of
        from app.domain.policies.rules import outcome_document
        from app.infra.database import transaction

        async with transaction(runtime.sessions) as session:
            outcome = await preview_of(session, await _period(session, slug, number))
        if outcome is None:
            message = "No rules were adopted before this period began."
            raise CommandError(message)
        return outcome_document(outcome)

    document = _run(data_dir, look)
    lines = [
        f"{each['account_id']}  {each['effective']:>8} min  {each['amount']:>12}  {each['reason']}"
        for each in document["lines"]
    ]
    sums = (
        f"Surplus {document['surplus']}, pool {document['pool']}, "
        f"to the reserve {document['reserve_change']} (minor units)."
    )
    answer(document, as_json=as_json, text="\n".join([*lines, sums]))


def close(slug: Slug, number: Number, *, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Draw a frozen period up now, or lock one that two have signed; says how far it is."""

    async def act(runtime: Any) -> Json:
        from app.infra.database import transaction
        from app.workers.periods import close_period

        async with transaction(runtime.sessions) as session:
            period_id: UUID = (await _period(session, slug, number)).id
        await close_period(runtime, period_id, told=_tell)
        async with transaction(runtime.sessions) as session:
            return _brief(await _period(session, slug, number))

    found = _run(data_dir, act)
    answer(found, as_json=as_json, text=_line(found))


def _tell(done: int, total: int) -> None:
    say(f"{done} of {total} lines drawn up.")


def _run(data_dir: Path | None, work: Callable[[Any], Awaitable[Any]]) -> Any:
    from app.infra.runtime import make_runtime

    async def run(settings: Any) -> Any:
        runtime = make_runtime(**settings.tools())
        try:
            return await work(runtime)
        finally:
            await runtime.close()

    with running_services(load_settings(data_dir=data_dir)) as services:
        return asyncio.run(run(services.settings))


async def _periods_of(session: Any, slug: str) -> list[Any]:
    from app.domain.ledger.export import find_book
    from app.domain.organisations.queries import organisation_by_slug
    from app.domain.periods.queries import all_periods

    organisation = await organisation_by_slug(session, slug)
    book = await find_book(session, organisation.id) if organisation else None
    if book is None:
        message = f"No organisation “{slug}” with a book."
        raise CommandError(message)
    return list(await all_periods(session, book.id))


async def _period(session: Any, slug: str, number: int) -> Any:
    for period in await _periods_of(session, slug):
        if period.number == number:
            return period
    message = f"“{slug}” has no period {number}."
    raise CommandError(message)


def _brief(period: Any) -> Json:
    return {
        "number": period.number,
        "id": str(period.id),
        "starts_on": period.starts_on.isoformat(),
        "ends_on": period.ends_on.isoformat(),
        "state": period.state.value,
        "surplus": period.surplus,
        "workers_done": period.workers_done,
        "workers_total": period.workers_total,
    }


def _line(brief: Json) -> str:
    days = f"{brief['starts_on']} to {brief['ends_on']}"
    drawn = f", {brief['workers_done']} of {brief['workers_total']} lines"
    return f"Period {brief['number']}, {days}: {brief['state']}{drawn}."
