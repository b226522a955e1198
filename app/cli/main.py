"""The commands, and how each ends: 0 done, 1 failed, 2 called wrongly, 130 interrupted."""

import signal
from importlib import import_module
from types import FrameType

import typer

from app import __version__
from app.cli.output import CommandError, say
from app.errors import AppError
from app.infra.embedded import EmbeddedError
from app.settings import SettingsError

PROGRAM = "python3 -m app"
# In the order of --help. A module is imported only when its command is called or listed.
COMMANDS = {
    "serve": "app.cli.serve",
    "demo": "app.cli.demo",
    "worker": "app.cli.worker",
    "migrate": "app.cli.migrate",
    "import": "app.cli.import_",
    "export": "app.cli.export",
    "receipts": "app.cli.receipts",
    "ledger": "app.cli.ledger",
    "doctor": "app.cli.doctor",
    "test": "app.cli.test",
    "config": "app.cli.config",
    "account": "app.cli.account",
    "keys": "app.cli.keys",
    "federation": "app.cli.federation",
    "mail": "app.cli.mail",
    "workspace": "app.cli.workspace",
    "openapi": "app.cli.openapi",
    "install": "app.cli.install",
}


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        build(arguments)(args=arguments, prog_name=PROGRAM)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except (CommandError, EmbeddedError, SettingsError) as error:
        say(str(error))
    except AppError as error:
        say(f"{error.code}: {error.detail}" if error.detail else error.code)
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130
    return 1


def build(arguments: list[str]) -> typer.Typer:
    """Make the command tree, with only the called command in it where that is known."""
    root = typer.Typer(
        help="Tornallom: a federated mutual-aid labour marketplace.",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    root.callback()(_root)
    called = [name for name in arguments[:1] if name in COMMANDS]
    for name in called or COMMANDS:
        import_module(COMMANDS[name]).register(root)
    return root


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


def _root(
    *,
    version: bool = typer.Option(
        False, "--version", help="Print the version.", is_eager=True, callback=_print_version
    ),
) -> None:
    """Hold the options that stand before a command."""


def _interrupt(_: int, __: FrameType | None) -> None:
    # A supervisor's stop takes the same way out as Ctrl-C, so whatever we started is stopped.
    raise KeyboardInterrupt
