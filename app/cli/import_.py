"""`import needs FILE`: take in a whole file of needs, or say which lines are wrong.

`import undo ID`: take it back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import typer

from app.cli.output import CommandError, answer, say
from app.cli.services import Services, running_services
from app.settings import load_settings

if TYPE_CHECKING:
    from app.domain.needs.import_undoing import UndoOutcome
    from app.domain.needs.importing import ImportOutcome

FAULTS_SHOWN_MAX = 20
Progress = Callable[[int, int], Awaitable[None]]

File = Annotated[
    Path, typer.Argument(help="CSV or JSON Lines in UTF-8.", exists=True, dir_okay=False)
]


def register(root: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Take in files.", no_args_is_help=True)
    commands.callback()(_group)
    commands.command("needs")(needs)
    commands.command("undo")(undo)
    root.add_typer(commands, name="import")


def _group() -> None:
    """Take in what other places hold."""


def needs(  # noqa: PLR0913 - the options of a command are its parameters
    file: File,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and write nothing.")] = False,
    organisation: Annotated[
        str | None,
        typer.Option(help="Slug of the one organisation all needs go to; else each row's own."),
    ] = None,
    language: Annotated[str, typer.Option(help="Of rows that do not say theirs.")] = "en",
    column: Annotated[
        list[str] | None,
        typer.Option(help="THEIRS=ours, such as Nom=title; - for none. As often as needed."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of database, files and keys.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Import needs: all rows or none, and again without doubling any."""
    settings = load_settings(data_dir=data_dir)
    raw = file.read_bytes()
    if len(raw) > settings.import_max_bytes:
        message = f"{file} is larger than {settings.import_max_bytes} bytes: import it in parts."
        raise CommandError(message)
    started = time.monotonic()
    with running_services(settings, doorbell=False) as services:
        wanted = {"dry_run": dry_run, "language": language, "file_name": file.name}
        order = {**wanted, "columns": _columns(column or [])}
        outcome = asyncio.run(_run(services, raw, organisation, order))
    seconds = round(time.monotonic() - started, 2)
    _tell(outcome, settings.default_language)
    result = {"file": str(file), "dry_run": dry_run, "total": outcome.total, "seconds": seconds}
    result["import_id"] = str(outcome.run_id) if outcome.run_id else None
    faults = [_as_json(fault) for fault in outcome.faults]
    whole = {**result, **outcome.counts, "faults": faults, "ok": not faults}
    answer(whole, as_json=as_json, text=_sentence(outcome, seconds, dry_run=dry_run))
    if faults:
        raise typer.Exit(1)


def _columns(said: list[str]) -> dict[str, str] | None:
    from app.domain.needs.import_columns import IGNORED, TABLE_COLUMNS

    found = {}
    for pair in said:
        theirs, equals, ours = pair.rpartition("=")
        if not equals or ours not in {*TABLE_COLUMNS, IGNORED}:
            message = f"--column {pair}: write THEIRS=ours, with one of {', '.join(TABLE_COLUMNS)}."
            raise CommandError(message)
        found[theirs] = ours
    return found or None


def undo(
    import_id: Annotated[UUID, typer.Argument(help="The import's id, as `import needs` said.")],
    *,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of database, files and keys.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Take an import back, for seven days: what people touched since stays."""
    with running_services(load_settings(data_dir=data_dir), doorbell=False) as services:
        outcome = asyncio.run(_undo(services, import_id))
    text = (
        f"Withdrawn {outcome.withdrawn}, restored {outcome.restored}; "
        f"kept {outcome.kept} that people have touched since."
    )
    answer({"import_id": str(import_id), **asdict(outcome)}, as_json=as_json, text=text)


async def _undo(services: Services, import_id: UUID) -> "UndoOutcome":
    from app.domain.access import SYSTEM
    from app.domain.needs.import_undoing import undo_import
    from app.errors import ConflictError, NotFoundError
    from app.infra.database import make_engine, make_sessions, transaction

    engine = make_engine(services.settings.database_url or "", pool_size=1)
    try:
        async with transaction(make_sessions(engine)) as session:
            with _Bar("Undoing") as bar:
                return await undo_import(session, SYSTEM, import_id, bar.progress)
    except NotFoundError:
        message = f"There is no import {import_id}."
        raise CommandError(message) from None
    except ConflictError:
        message = "It is more than seven days old, or was taken back before."
        raise CommandError(message) from None
    finally:
        await engine.dispose()


async def _run(
    services: Services, raw: bytes, slug: str | None, wanted: dict[str, Any]
) -> "ImportOutcome":
    from app.domain.access import SYSTEM
    from app.domain.needs.importing import ImportOrder, import_needs
    from app.domain.organisations.queries import organisation_by_slug
    from app.infra.database import make_engine, make_sessions, transaction
    from app.infra.migrate import upgrade

    await upgrade(services.owner_url)
    engine = make_engine(services.settings.database_url or "", pool_size=1)
    try:
        async with transaction(make_sessions(engine)) as session:
            organisation = await organisation_by_slug(session, slug) if slug else None
            if slug and organisation is None:
                message = f"There is no organisation {slug}."
                raise CommandError(message)
            order = ImportOrder(raw, organisation.id if organisation else None, **wanted)
            with _Bar() as bar:
                return await import_needs(session, SYSTEM, order, bar.progress)
    finally:
        await engine.dispose()


class _Bar:
    """A bar on the terminal; nothing where standard error goes elsewhere."""

    def __init__(self, title: str = "Importing needs") -> None:
        """`title` stands beside the bar."""
        self._title = title

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._bar.start()
        self._task = self._bar.add_task(self._title, total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    async def progress(self, done: int, total: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total)


def _tell(outcome: "ImportOutcome", language: str) -> None:
    from app.infra.i18n import translate

    found = [*outcome.faults, *outcome.warnings]
    for fault in found[:FAULTS_SHOWN_MAX]:
        text = translate(language, f"error.field.{fault.code}", **fault.params)
        where = f"line {fault.line}" + (f", {fault.column}" if fault.column else "")
        say(f"{where}: {text}")
    if len(found) > FAULTS_SHOWN_MAX:
        say(f"… and {len(found) - FAULTS_SHOWN_MAX} more.")


def _as_json(fault: Any) -> dict[str, Any]:
    return {"line": fault.line, "column": fault.column, "code": fault.code}


def _sentence(outcome: "ImportOutcome", seconds: float, *, dry_run: bool) -> str:
    if outcome.faults:
        return "Nothing was imported: correct the lines above and import the file again."
    counts = ", ".join(f"{number} {verb}" for verb, number in outcome.counts.items())
    kind = "Would import" if dry_run else "Imported"
    undo = f" Take it back with: import undo {outcome.run_id}" if outcome.run_id else ""
    return f"{kind} {outcome.total} needs in {seconds} s: {counts}.{undo}"
