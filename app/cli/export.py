"""`export organisation SLUG FILE`: everything that an organisation has, in one archive."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import CommandError, answer
from app.cli.services import Services, running_services
from app.settings import load_settings


def register(root: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Take things along.", no_args_is_help=True)
    commands.callback()(_group)
    commands.command("organisation")(organisation)
    root.add_typer(commands, name="export")


def _group() -> None:
    """Write what this instance holds to a file."""


def organisation(
    slug: Annotated[str, typer.Argument(help="The organisation's slug.")],
    file: Annotated[Path, typer.Argument(help="The archive to write (ZIP).", dir_okay=False)],
    *,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of database, files and keys.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Write everything that an organisation has."""
    if file.exists():
        message = f"{file} is there already: name another file."
        raise CommandError(message)
    settings = load_settings(data_dir=data_dir)
    with running_services(settings, doorbell=False) as services:
        asyncio.run(_export(services, slug, file))
    size = file.stat().st_size
    text = f"{file}: {size} bytes."
    answer({"organisation": slug, "file": str(file), "bytes": size}, as_json=as_json, text=text)


async def _export(services: Services, slug: str, file: Path) -> None:
    from app.domain.access import SYSTEM
    from app.domain.administration.exports import export_organisation
    from app.domain.organisations.queries import organisation_by_slug
    from app.infra.database import make_engine, make_sessions, transaction
    from app.infra.storage import make_storage

    settings = services.settings
    engine = make_engine(settings.database_url or "", pool_size=1)
    storage = make_storage(
        settings.storage_url,
        settings.data_dir,
        access_key=settings.storage_access_key,
        secret_key=settings.storage_secret_key,
    )
    # Renamed when whole: nobody takes half an archive for one.
    draft = file.with_name(f".{file.name}.part")
    try:
        async with transaction(make_sessions(engine)) as session:
            found = await organisation_by_slug(session, slug)
            if found is None:
                message = f"There is no organisation {slug}."
                raise CommandError(message)
            with draft.open("wb") as target:
                await export_organisation(
                    session, SYSTEM, found.id, storage, target, settings.origin
                )
        draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)
        await engine.dispose()
