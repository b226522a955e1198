"""`ledger export | verify`: a book as one file, and whether it holds."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import ledger_periods
from app.cli.output import CommandError, answer, say
from app.cli.services import Services, running_services
from app.settings import load_settings


def register(root: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="A co-operative's book.", no_args_is_help=True)
    commands.callback()(_group)
    commands.command("export")(export)
    commands.command("verify")(verify)
    commands.command("key")(key)
    ledger_periods.register_into(commands)
    root.add_typer(commands, name="ledger")


def _group() -> None:
    """Take a book along, and check one."""


DataDir = Annotated[Path | None, typer.Option(help="Folder of database, files and keys.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def export(
    slug: Annotated[str, typer.Argument(help="The co-operative's slug.")],
    file: Annotated[Path, typer.Argument(help="The file to write (JSON).", dir_okay=False)],
    *,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write a whole book, with what is needed to check it offline."""
    if file.exists():
        message = f"{file} is there already: name another file."
        raise CommandError(message)
    with running_services(load_settings(data_dir=data_dir), doorbell=False) as services:
        asyncio.run(_export(services, slug, file))
    size = file.stat().st_size
    answer(
        {"organisation": slug, "file": str(file), "bytes": size},
        as_json=as_json,
        text=f"{file}: {size} bytes.",
    )


async def _export(services: Services, slug: str, file: Path) -> None:
    from app.domain.ledger.export import export_book, find_book, take_snapshot
    from app.domain.organisations.queries import organisation_by_slug
    from app.infra.database import make_engine, make_sessions, transaction

    settings = services.settings
    engine = make_engine(settings.database_url or "", pool_size=1)
    # Renamed when whole: nobody takes half a book for one.
    draft = file.with_name(f".{file.name}.part")
    try:
        async with transaction(make_sessions(engine)) as session:
            await take_snapshot(session)
            organisation = await organisation_by_slug(session, slug)
            book = await find_book(session, organisation.id) if organisation else None
            if book is None:
                message = f"There is no book of {slug}."
                raise CommandError(message)
            with draft.open("w", encoding="utf-8") as target:
                async for piece in export_book(session, book.id, settings.origin):
                    target.write(piece)
        draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)
        await engine.dispose()


def verify(
    file: Annotated[Path, typer.Argument(help="An export of a book.", dir_okay=False)],
    *,
    witness: Annotated[
        list[str] | None,
        typer.Option(help="A witness's key, or a file of it, from the witness; may be repeated."),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="A checkpoint or an older export that you kept; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a book offline: 0 holds, 1 does not, 2 unreadable, 3 nothing outside was named."""
    from app import verifier

    try:
        outside = verifier.read_outside(witness or [], checkpoint or [])
        report = verifier.verify(verifier.read_file(file), outside)
    except verifier.UnreadableError as error:
        say(f"CANNOT BE READ: {error}.")
        raise typer.Exit(verifier.UNREADABLE) from None
    found: dict[str, Any] = {**vars(report), "code": report.code}
    answer(found, as_json=as_json, text=verifier.words(report))
    raise typer.Exit(report.code)


def key(*, data_dir: DataDir = None, renew: bool = False, as_json: AsJson = False) -> None:
    """Print the keys by which this instance signs its own log, and as a witness those of peers."""
    with running_services(load_settings(data_dir=data_dir), doorbell=False) as services:
        found = asyncio.run(_key(services, renew=renew))
    text = f"Log:     {found['log']}\nWitness: {found['witness']}"
    answer(found, as_json=as_json, text=text)


async def _key(services: Services, *, renew: bool) -> dict[str, str]:
    from app.domain.checkpoints.signing import open_signer, renew_key
    from app.infra.database import make_engine, make_sessions, transaction
    from app.infra.notes import SignatureKind

    settings = services.settings
    engine = make_engine(settings.database_url or "", pool_size=1)
    try:
        async with transaction(make_sessions(engine)) as session:
            if renew:
                await renew_key(session, settings.data_dir)
            signer = await open_signer(session, settings.origin, settings.data_dir)
    finally:
        await engine.dispose()
    return {
        "log": signer.key(SignatureKind.NOTE).written(),
        "witness": signer.key(SignatureKind.COSIGNATURE).written(),
    }
