"""The chore that calls organisations' tools: a callback at a time each, patient for three days."""

import asyncio
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import structlog

from app.domain.webhooks import actions, rules
from app.domain.webhooks.actions import SEAL_PURPOSE, Message
from app.federation.peers.own_keys import KEY_FILE
from app.infra import clock, keys
from app.infra.database import transaction
from app.infra.http_client import (
    OutboundError,
    OutboundPolicy,
    Outgoing,
    call,
    guarded_client,
    policy_of,
)
from app.infra.runtime import Runtime

AT_ONCE = 8
# Nothing is read from the answer but its status.
ANSWER_BYTES_MAX = 65_536
CLIENTS_MAX = 100
_CLIENTS = "webhooks.clients"
_log = structlog.get_logger("app.workers")


class CallbackClients:
    """A client per host, kept while they are few: a pool over many hosts scans them all."""

    def __init__(self, policy: OutboundPolicy) -> None:
        """Make no client yet."""
        self._policy = policy
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def of(self, url: str) -> httpx.AsyncClient:
        """Return the client for an address's host."""
        host = urlsplit(url).netloc
        if host not in self._clients:
            if len(self._clients) >= CLIENTS_MAX:
                oldest = next(iter(self._clients))
                await self._clients.pop(oldest).aclose()
            self._clients[host] = guarded_client(self._policy)
        return self._clients[host]

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()


async def send_webhooks(runtime: Runtime) -> int:
    """Send every message that is due; answers how many attempts were made."""
    running: dict[asyncio.Task[None], UUID] = {}
    attempts = 0
    try:
        while True:
            for message in await _due(runtime, AT_ONCE - len(running), set(running.values())):
                running[asyncio.create_task(_attempt(runtime, message))] = message.webhook_id
            if not running:
                return attempts
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                del running[task]
                task.result()
            attempts += len(done)
    finally:
        for task in running:
            task.cancel()


async def forget_old(runtime: Runtime) -> None:
    """Drop the log of a month ago."""
    async with transaction(runtime.sessions) as session:
        await actions.forget_old(session)


async def _due(runtime: Runtime, places: int, busy: set[UUID]) -> list[Message]:
    if places <= 0:
        return []
    async with transaction(runtime.sessions) as session:
        return list(await actions.claim_due(session, places, busy=busy))


async def _attempt(runtime: Runtime, message: Message) -> None:
    status, error = await _call(runtime, message)
    async with transaction(runtime.sessions) as session:
        await actions.note_attempt(session, message, status, error)


async def _call(runtime: Runtime, message: Message) -> tuple[int | None, str]:
    """Make one attempt; answers the status, or a word for why there was none.

    One word for every way of not being reached: it is shown to people, who must not be able to
    map our network with it.
    """
    client = await _clients(runtime).of(message.url)
    try:
        headers = rules.headers_of(
            message.delivery_id, clock.now(), message.body, _secrets(runtime, message)
        )
        outgoing = Outgoing("POST", message.url, headers, message.body)
        answer = await call(client, outgoing, bytes_max=ANSWER_BYTES_MAX)
    except keys.SealBrokenError:
        _log.error("callback secret does not open", webhook_id=str(message.webhook_id))
        return None, "secret"
    except OutboundError as error:
        _log.info("callback failed", webhook_id=str(message.webhook_id), error=error.detail[:200])
        return None, "unreachable"
    return answer.status, "" if 200 <= answer.status < 300 else "refused"


def _secrets(runtime: Runtime, message: Message) -> list[str]:
    key = keys.load_or_create_key_file(runtime.data_dir / KEY_FILE)
    return [
        keys.unseal(key, sealed, purpose=SEAL_PURPOSE).decode() for sealed in message.sealed_secrets
    ]


def _clients(runtime: Runtime) -> CallbackClients:
    found = runtime.shared.get(_CLIENTS)
    if not isinstance(found, CallbackClients):
        found = runtime.shared[_CLIENTS] = CallbackClients(policy_of(runtime))
    return found
