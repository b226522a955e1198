"""Strangers who introduce themselves cost us little, and cost nobody else anything."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.federation.peers.discovery import FETCHES_PER_MINUTE_MAX, may_fetch
from app.federation.peers.strangers import PER_NETWORK_MAX
from app.infra import clock
from app.infra.database import transaction
from app.infra.signatures import Signer
from app.models.federation import FetchCause
from tests.factories.instances import Pair, activity, send, sign

REFUSED, LIMITED = 401, 429


async def introduce(pair: Pair, number: int, network: str) -> httpx.Response:
    """Let a stranger of a network, whom nobody can reach, propose that we become peers."""
    origin = f"http://127.0.0.1:{number}"
    key = Signer(Ed25519PrivateKey.generate(), f"{origin}/actor#ed25519-key")
    stranger = replace(await pair.north.identity(), origin=origin, signer=key)
    relationship = {"type": "Relationship", "subject": f"{origin}/actor"}
    body = json.dumps(activity(origin, "Offer", relationship)).encode()
    letter = sign(stranger, f"{pair.south.origin}/inbox", body)
    return await send(replace(letter, headers={**letter.headers, "X-Forwarded-For": network}))


async def introduced(pair: Pair, first: int, count: int, network: str) -> list[int]:
    numbers = range(first, first + count)
    return [(await introduce(pair, number, network)).status_code for number in numbers]


@pytest.fixture
def behind_a_proxy(peers: Pair, monkeypatch: pytest.MonkeyPatch) -> Pair:
    state = peers.south.application.state
    trusting = state.settings.model_copy(update={"trusted_proxies": ("127.0.0.1",)})
    monkeypatch.setattr(state, "settings", trusting)
    return peers


async def test_one_network_leaves_looks_for_others(behind_a_proxy: Pair) -> None:
    peers = behind_a_proxy
    looked = [REFUSED] * PER_NETWORK_MAX
    assert await introduced(peers, 9, PER_NETWORK_MAX + 1, "2a10:114::9") == [*looked, LIMITED]
    near, far = "2a10:114::8:1", "2a10:115::9"
    last = 9 + PER_NETWORK_MAX
    assert await introduced(peers, last, 1, near) == [LIMITED], "the same network"
    assert await introduced(peers, last, 1, far) == [REFUSED], "and nobody had looked there"


async def test_one_network_that_comes_all_at_once_gets_no_more(behind_a_proxy: Pair) -> None:
    coming = (introduce(behind_a_proxy, number, "2a10:114::9") for number in range(9, 17))
    answers = [answer.status_code for answer in await asyncio.gather(*coming)]
    assert answers.count(REFUSED) == PER_NETWORK_MAX
    assert answers.count(LIMITED) == len(answers) - PER_NETWORK_MAX


async def test_all_strangers_together_take_nothing_from_peers_and_receipts(
    behind_a_proxy: Pair,
) -> None:
    peers = behind_a_proxy
    seen: list[int] = []
    with clock.frozen(clock.now() + timedelta(minutes=2)):  # all in one minute, however slow
        for number in range(9, FETCHES_PER_MINUTE_MAX + 10):
            seen += await introduced(peers, number, 1, f"2a10:{number}::1")
    assert seen == [REFUSED] * FETCHES_PER_MINUTE_MAX + [LIMITED]
    async with transaction(peers.south.runtime.sessions) as session:
        for cause in (FetchCause.CLAIMED, FetchCause.ANNOUNCED, FetchCause.SHOWN):
            assert await may_fetch(session, peers.north.origin, cause), cause
