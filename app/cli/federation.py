"""`federation restored`: tell peers that this instance came back from a backup."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import answer
from app.cli.services import running_services
from app.settings import load_settings


def register(root: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Peers.", no_args_is_help=True)
    commands.callback()(_group)
    commands.command("restored")(restored)
    root.add_typer(commands, name="federation")


def _group() -> None:
    """Look after what is exchanged with peers."""


def restored(
    *,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of database, files and keys.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Begin to count anew for all peers: they read all that they may see, and our word counts."""
    with running_services(load_settings(data_dir=data_dir), doorbell=False) as services:
        count = asyncio.run(_begin(services.settings.database_url or ""))
    text = f"Peers that will read everything anew: {count}."
    answer({"peers": count}, as_json=as_json, text=text)


async def _begin(url: str) -> int:
    from app.federation.peers.epochs import begin_epochs
    from app.infra.database import make_engine, make_sessions, transaction

    engine = make_engine(url, pool_size=1)
    try:
        async with transaction(make_sessions(engine)) as session:
            return await begin_epochs(session)
    finally:
        await engine.dispose()
