"""`account promote|demote|reset-link`: the steward's role, and a way back in, by the machine."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.output import CommandError, answer
from app.cli.services import running_services
from app.errors import NotFoundError
from app.settings import load_settings

Handle = Annotated[str, typer.Argument(help="The account's handle.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder of database, files and keys.")]
BaseUrl = Annotated[
    str | None,
    typer.Option(help="Public address of the instance, where `serve` was told another one."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def register(root: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Accounts.", no_args_is_help=True)
    commands.callback()(_group)
    commands.command("promote")(promote)
    commands.command("demote")(demote)
    commands.command("reset-link")(reset_link)
    root.add_typer(commands, name="account")


def _group() -> None:
    """Change accounts from the machine itself."""


def promote(handle: Handle, *, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Make an account a steward of this instance."""
    _set_steward(handle, data_dir, steward=True)
    answer({"handle": handle, "steward": True}, as_json=as_json, text=f"{handle} is a steward.")


def demote(handle: Handle, *, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take the steward's role from an account."""
    _set_steward(handle, data_dir, steward=False)
    answer(
        {"handle": handle, "steward": False}, as_json=as_json, text=f"{handle} is no steward now."
    )


def reset_link(
    handle: Handle,
    *,
    data_dir: DataDir = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a link with which somebody who forgot their password chooses another one."""
    from app.domain.identity.passwords import offer_reset

    made: list[tuple[str, datetime]] = []

    async def act(session: Any) -> None:
        made.append(await offer_reset(session, handle))

    _in_transaction(data_dir, _for_account(handle, act))
    ((path, until),) = made
    link = f"{load_settings(data_dir=data_dir, base_url=base_url).origin}{path}"
    said = {"handle": handle, "link": link, "expires_at": until.isoformat(timespec="seconds")}
    text = (
        f"{link}\n"
        f"Give it to {handle} by a way that only they read. It opens once, until "
        f"{until:%Y-%m-%d %H:%M} UTC; {handle} is told that it was made."
    )
    answer(said, as_json=as_json, text=text)


def _set_steward(handle: str, data_dir: Path | None, *, steward: bool) -> None:
    from app.domain.identity.actions import make_steward

    async def act(session: Any) -> None:
        await make_steward(session, handle, steward=steward)

    _in_transaction(data_dir, _for_account(handle, act))


def _for_account(
    handle: str, act: Callable[[Any], Awaitable[None]]
) -> Callable[[Any], Awaitable[None]]:
    async def checked(session: Any) -> None:
        try:
            await act(session)
        except NotFoundError:
            message = f"There is no account {handle}."
            raise CommandError(message) from None

    return checked


def _in_transaction(data_dir: Path | None, act: Callable[[Any], Awaitable[None]]) -> None:
    from app.infra.database import make_engine, make_sessions, transaction

    async def run(url: str) -> None:
        engine = make_engine(url, pool_size=1)
        try:
            async with transaction(make_sessions(engine)) as session:
                await act(session)
        finally:
            await engine.dispose()

    with running_services(load_settings(data_dir=data_dir), doorbell=False) as services:
        asyncio.run(run(services.settings.database_url or ""))
