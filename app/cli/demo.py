"""`demo`: the main job from end to end between two real instances, told in plain words."""

import asyncio
import json
import shutil
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.output import CommandError

if TYPE_CHECKING:
    from rich.console import Console

    from app.cli.demo_instances import TwoInstances
    from app.cli.demo_story import Story

WORLD_NAME = "world.jsonl"
Step = Callable[["Story"], Awaitable[None]]


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("demo")(demo)


def demo(
    *,
    needs: Annotated[
        Path | None,
        typer.Option(
            help="CSV or JSON Lines to import; else an invented world in five languages.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the last step; else stay up until Ctrl-C.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with one line of JSON on standard output.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep everything in this folder; else a passing one.")
    ] = None,
) -> None:
    """Show a need become a confirmed contribution, and its listing reach a second instance.

    Two instances start, each with a database, an address and a key of its own. Everything that
    people do goes through the public HTTP API. Ends with 1 when a step does not hold.
    """
    from rich.console import Console

    started = time.monotonic()
    teller = Teller(Console(stderr=as_json, highlight=False))
    if not once:
        from app.cli.workspace import build_when_stale

        build_when_stale()
    with _folder(data_dir) as folder:
        report = asyncio.run(_run(folder, needs, teller, once=once, started=started))
    if as_json:
        print(json.dumps(report, ensure_ascii=False), flush=True)
    if not report["ok"]:
        raise typer.Exit(1)


@contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    """Give the named folder, or a new one that is removed at the end."""
    if named is not None:
        named.mkdir(parents=True, exist_ok=True)
        if any(named.iterdir()):
            message = f"{named} is not empty: the demo begins with two empty instances."
            raise CommandError(message)
        yield named.resolve()
        return
    passing = Path(tempfile.mkdtemp(prefix="tornallom-demo-"))
    try:
        yield passing
    finally:
        shutil.rmtree(passing, ignore_errors=True)


async def _run(
    folder: Path, needs: Path | None, teller: "Teller", *, once: bool, started: float
) -> dict[str, Any]:
    from app.cli.demo_instances import two_instances
    from app.cli.demo_story import Story

    name, raw = _file(needs)
    teller.head("Starting two instances")
    async with two_instances(folder) as instances:
        teller.tell(f"{instances.north.name} answers at {instances.north.origin}.", 0, 0)
        teller.tell(f"{instances.south.name} answers at {instances.south.origin}.", 0, 0)
        story = Story(instances, teller.tell)
        try:
            ok = await _tell_all(story, name, raw, teller)
        finally:
            teller.end()
            await story.close()
        story.report["seconds"] = round(time.monotonic() - started, 1)
        story.report["ok"] = ok
        if ok:
            teller.head(f"Every step held, in {story.report['seconds']} seconds")
        if ok and not once:
            await _stay(instances, teller)
        return story.report


def _file(needs: Path | None) -> tuple[str, bytes]:
    from app.cli.demo_world import world_file

    return (WORLD_NAME, world_file()) if needs is None else (needs.name, needs.read_bytes())


async def _tell_all(story: "Story", name: str, raw: bytes, teller: "Teller") -> bool:
    """Go through the steps; the first that does not hold ends the story."""
    import httpx

    from app.cli import demo_cooperative as cooperative
    from app.cli import demo_neighbours as neighbours
    from app.cli import demo_story as steps
    from app.cli.demo_people import StepError

    async def bring_in(told: "Story") -> None:
        await steps.import_needs(told, name, raw)

    chapters: tuple[tuple[str, Step], ...] = (
        ("Two stewards take their instances in hand", steps.set_up),
        (f"A file of needs is imported ({name})", bring_in),
        ("An organisation asks for what it needs", steps.post),
        ("A volunteer finds it", steps.match),
        ("They agree, and the work is done", steps.work),
        ("The hours are confirmed", steps.confirm),
        ("The ledger", steps.ledger),
        ("A co-operative closes two periods", cooperative.close_two_periods),
        ("The instances become peers", steps.publish),
        ("The second instance receives everything", steps.receive),
        ("A tampered copy", steps.tamper),
        ("Help across instances", neighbours.help_across),
        ("A receipt to keep", neighbours.receipt),
    )
    for title, step in chapters:
        teller.head(title)
        try:
            await step(story)
        except StepError as error:
            story.report["failed_step"] = title
            teller.fail(str(error))
            return False
        except (httpx.HTTPError, KeyError) as error:
            story.report["failed_step"] = title
            teller.fail(f"{title}: {type(error).__name__}: {error}")
            return False
    return True


async def _stay(instances: "TwoInstances", teller: "Teller") -> None:
    """Say where to look, and wait for Ctrl-C."""
    from app.cli import demo_world as world

    north, south = instances.north, instances.south
    teller.head("Look for yourself (Ctrl-C stops everything)")
    teller.tell(f"{north.name}: {north.origin}  ·  workspace {north.origin}/app", 0, 0)
    teller.tell(f"{south.name}: {south.origin}  ·  workspace {south.origin}/app", 0, 0)
    people = f"{world.STEWARD_NORTH} (steward), {world.OWNER} (owner), "
    people += f"{world.WORKER_OWNER} (worker-owner), {world.VOLUNTEER} (volunteer)"
    teller.tell(f"Sign in at {north.name} as {people}.", 0, 0)
    people = f"{world.STEWARD_SOUTH} (steward), {world.SOUTH_READER}"
    teller.tell(f"Sign in at {south.name} as {people}.", 0, 0)
    teller.tell(f"Everybody's password: {world.PASSWORD}", 0, 0)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    teller.head("Stopping")


class Teller:
    """Tells the story on the terminal: chapters, sentences, a bar where it takes long."""

    def __init__(self, console: "Console") -> None:
        """Everything is told on this console."""
        self._console = console
        self._chapter = 0
        self._bar: Any = None
        self._task: Any = None
        self._label = ""

    def head(self, title: str) -> None:
        """Begin a chapter."""
        self.end()
        self._chapter += 1
        self._console.print(f"\n[bold]{self._chapter}. {title}[/bold]")

    def fail(self, sentence: str) -> None:
        """Say what did not hold."""
        self.end()
        self._console.print("   [red]✗[/red] ", end="")
        self._console.print(sentence, markup=False)

    def tell(self, sentence: str, done: int, total: int) -> None:
        """Say one thing, or how far something is."""
        if total == 0:
            self.end()
            self._console.print("   [green]✓[/green] ", end="")
            self._console.print(sentence, markup=False)
        elif self._console.is_terminal:
            self._move_bar(sentence, done, total)

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _move_bar(self, label: str, done: int, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        if self._bar is None:
            columns = (TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(label, total=total)
        self._bar.update(self._task, completed=done, total=total)
