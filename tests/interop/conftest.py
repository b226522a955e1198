"""The other implementations: installed once for all test processes, each script started once."""

import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.conftest import Services, make_settings
from tests.factories.instances import Instance, Letter, serving
from tests.factories.world import Json
from tests.federation.conftest import free_socket, make_database_apart
from tests.interop.javascript import (
    Script,
    ensure_node,
    running_script,
    to_base64,
)
from tests.interop.tls import make_certificate
from tests.npm import UnavailableError


@pytest.fixture(scope="session")
def node() -> Path:
    """Node.js 22 with the packages beside it; without them these tests fail and say why."""
    try:
        return ensure_node()
    except UnavailableError as error:
        why = str(error)
    pytest.fail(why, pytrace=False)


@pytest.fixture(scope="module")
async def http_signatures(node: Path) -> AsyncIterator[Script]:
    """The npm package http-message-signatures."""
    async with running_script(node, "signatures.mjs") as script:
        yield script


@pytest.fixture(scope="module")
async def credentials(node: Path) -> AsyncIterator[Script]:
    """Digital Bazaar's verifier of credentials."""
    async with running_script(node, "credentials.mjs") as script:
        yield script


@dataclass
class Meeting:
    """An instance of ours, and a fediverse server made of Fedify."""

    ours: Instance
    fedify: Script
    theirs: Json
    trusted: ssl.SSLContext

    @property
    def handle(self) -> str:
        """The name under which people of the fediverse find us."""
        return f"acct:needs@{self.ours.origin.removeprefix('https://')}"

    async def say(self, said: Json) -> None:
        """Have Fedify send us an activity in its own way."""
        ours = self.ours.origin
        to = {"id": f"{ours}/actor", "inbox": f"{ours}/inbox"}
        await self.fedify.ask("send", activity=said, to=to)

    async def sign(self, said: Json, spec: str, path: str = "/inbox", **how: object) -> Letter:
        """Have Fedify sign an activity for us, by one of the two standards it knows."""
        body, url = json.dumps(said).encode(), f"{self.ours.origin}{path}"
        lines = await self.fedify.ask("sign", body=to_base64(body), url=url, spec=spec, **how)
        return Letter("POST", url, dict(lines), body)

    async def send(self, letter: Letter) -> httpx.Response:
        """Send a request to our instance."""
        async with httpx.AsyncClient(trust_env=False, verify=self.trusted) as client:
            return await client.request(
                letter.method, letter.url, headers=letter.headers, content=letter.body
            )

    async def arrived(self) -> list[Json]:
        """Return what Fedify's listener was given since the last time, and forget it."""
        found: list[Json] = await self.fedify.ask("arrived")
        return found

    async def lookup(self, what: str) -> Json:
        """Have Fedify look an address or a handle up; answers what it understood."""
        found: Json | None = await self.fedify.ask("lookup", what=what)
        assert found is not None, await self.fedify.ask("failures")
        return found


@pytest.fixture(scope="module")
async def meeting(
    node: Path, servers: Services, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Meeting]:
    """Our instance over https (handles are looked up in no other way) and Fedify over http."""
    folder = tmp_path_factory.mktemp("meeting")
    services = await make_database_apart(servers, f"tornallom_test_{worker_id}_meeting")
    certificate, listening = make_certificate(folder / "loopback.pem"), free_socket()
    origin = f"https://127.0.0.1:{listening.getsockname()[1]}"
    async with running_script(node, "fedify.mjs", certificate) as fedify:
        theirs: Json = await fedify.ask("start")
        settings = make_settings(
            services, folder / "data", base_url=origin, dev_peers=(theirs["origin"],)
        )
        async with serving(settings, "ours", listening, certificate=certificate) as ours:
            trusted = ssl.create_default_context(cafile=certificate)
            yield Meeting(ours, fedify, theirs, trusted)
