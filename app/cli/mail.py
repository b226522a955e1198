"""`mail test`: send one letter now, and say how it went."""

import asyncio
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from app.cli.output import CommandError, answer
from app.settings import Settings, load_settings

Address = Annotated[str, typer.Argument(help="Where to send it.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder of database, files and keys.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def register(root: typer.Typer) -> None:
    """Add the command."""
    commands = typer.Typer(help="Mail.", no_args_is_help=True)
    commands.callback()(_group)
    commands.command("test")(send_test)
    root.add_typer(commands, name="mail")


def _group() -> None:
    """Try whether letters leave."""


def send_test(address: Address, *, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Send a test letter to an address, past the queue."""
    settings = load_settings(data_dir=data_dir)
    asyncio.run(_send(settings, address))
    where = "handed over" if settings.smtp_url else f"written to {settings.data_dir / 'mail'}"
    answer({"address": address, "smtp": bool(settings.smtp_url)}, as_json=as_json, text=where)


async def _send(settings: Settings, address: str) -> None:
    from app.infra import clock, ids
    from app.infra.i18n import translate
    from app.infra.mail import Envelope, Mailer, MailLaterError, MailRefusedError, Words

    host = urlsplit(settings.origin).hostname or "localhost"
    folder = settings.data_dir / "mail"
    mailer = Mailer(settings.smtp_url, settings.mail_from, settings.instance_name, host, folder)
    language, number = settings.default_language, str(ids.private_id())
    text = translate(language, "letter.test.text", instance=settings.origin)
    words = Words(translate(language, "letter.test.subject"), [text])
    envelope = Envelope(address, number, "instance", language, clock.now())
    try:
        async with mailer.open() as post:
            await post.hand_over(mailer.message(words, envelope), address, number)
    except (MailLaterError, MailRefusedError) as error:
        message = f"The letter was not taken: {error}"
        raise CommandError(message) from error
