"""Keep a service going in one event loop: requests, the worker, the embedded servers."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

import structlog
import uvicorn
from fastapi import FastAPI

from app.cli.output import CommandError
from app.cli.services import Services
from app.infra.runtime import Runtime, make_runtime
from app.settings import Settings

GRACE_SECONDS = 20
LOOK_SECONDS = 1.0
RESTART_SECONDS = 2.0
_log = structlog.get_logger("app")


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything is started, so that a taken one is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen(2048)
    except OSError as error:
        taken.close()
        message = f"Cannot listen on {host}:{port} ({error.strerror}). Choose another --port."
        raise CommandError(message) from None
    return taken


class _Server(uvicorn.Server):
    """Uvicorn, with the signals left to us: it would repeat them once it is done."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_until_stopped(
    app: FastAPI,
    place: socket.socket,
    services: Services,
    *,
    worker: bool,
    ready: Callable[[], None],
) -> None:
    """Answer requests until a signal comes; then let what runs finish."""
    stop = _stop_on_signals()
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            # Links and origins come from the settings; a forwarded header changes nothing.
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[place]))
    background = [
        asyncio.create_task(keep_servers(services)),
        asyncio.create_task(_tell_when_started(server, ready)),
        asyncio.create_task(_exit_when(stop, server)),
    ]
    if worker:
        background.append(asyncio.create_task(keep_working(app.state.runtime, services.settings)))
    await serving
    await _end(background)
    if not server.started:
        message = "The service could not start; the lines above say why."
        raise CommandError(message)


async def work_until_stopped(services: Services) -> None:
    """Run the worker alone until a signal comes."""
    stop = _stop_on_signals()
    runtime = make_runtime(**services.settings.tools())
    background = [
        asyncio.create_task(keep_servers(services)),
        asyncio.create_task(keep_working(runtime, services.settings)),
    ]
    await stop.wait()
    await _end(background)
    await runtime.close()


def _stop_on_signals() -> asyncio.Event:
    """Return an event that the first Ctrl-C or SIGTERM sets; the second one ends us at once."""
    stop = asyncio.Event()

    def heard() -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, heard)
    return stop


async def _exit_when(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True


async def keep_servers(services: Services) -> None:
    """Look after the embedded servers: whatever killed one, it comes back within a second."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            # Not in a thread: the kernel ties a child's life to the thread that starts it.
            services.revive()
        except Exception:  # noqa: BLE001 - it is tried again in a second
            _log.exception("embedded.not_revived")


async def keep_working(runtime: Runtime, settings: Settings) -> None:
    """Run the chores; begin again when something unforeseen ends them."""
    from app.workers.main import run_workers

    while True:
        try:
            await run_workers(
                runtime, redis_url=settings.redis_url or "", sweep_seconds=settings.sweep_seconds
            )
        except* Exception:  # noqa: BLE001 - what waits is in the database, so begin again
            _log.exception("worker.ended")
        await asyncio.sleep(RESTART_SECONDS)


async def _tell_when_started(server: uvicorn.Server, ready: Callable[[], None]) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    ready()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
