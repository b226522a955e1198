"""A server of the fediverse, as Mastodon is one: people, keys, inboxes, and what it was sent.

It signs and verifies by itself, with nothing of the code under test.
"""

import asyncio
import base64
import hashlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvicorn
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.infra import clock
from tests.factories.world import Json
from tests.infra import signature_oracle as oracle

ACTIVITY_JSON = "application/activity+json"
# Seconds; how long a busy machine takes proves nothing.
PATIENCE = 60
CONTEXT = "https://www.w3.org/ns/activitystreams"
# Made once: a key takes a while, and whose it is matters only where a test says so.
KEY = generate_private_key(65537, 2048)
OTHER_KEY = generate_private_key(65537, 2048)


@dataclass
class Delivery:
    """What arrived in an inbox, proven by the oracle."""

    path: str
    scheme: str
    activity: Json


@dataclass
class Server:
    """One server with as many people as are asked for."""

    origin: str
    # Ways of signing that it understands; others are answered 401.
    understands: tuple[str, ...] = ("rfc9421", "cavage")
    shared: bool = True
    key: RSAPrivateKey = KEY
    media_type: str = ACTIVITY_JSON
    # Said instead of 202, and instead of the actor.
    answers: int = 202
    actor_status: int = 200
    actor_changes: Json = field(default_factory=dict)
    held: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    deliveries: list[Delivery] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    fetches: list[str] = field(default_factory=list)
    number: int = 0

    def actor(self, name: str) -> str:
        """Return somebody's address."""
        return f"{self.origin}/users/{name}"

    def document(self, name: str) -> Json:
        """Return somebody's actor document."""
        url = self.actor(name)
        public = self.key.public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        document = {
            "@context": [CONTEXT, "https://w3id.org/security/v1", {"toot": "http://joinmastodon.org/ns#"}],
            "id": url,
            "type": "Person",
            "preferredUsername": name,
            "name": f"{name} <script>alert(1)</script><b>!</b>",
            "inbox": f"{url}/inbox",
            "publicKey": {"id": f"{url}#main-key", "owner": url, "publicKeyPem": pem},
        }  # fmt: skip
        if self.shared:
            document["endpoints"] = {"sharedInbox": f"{self.origin}/inbox"}
        return {**document, **self.actor_changes}

    def activity(self, name: str, kind: str, about: Any, **changes: Any) -> Json:
        """Return what somebody says."""
        self.number += 1
        return {
            "@context": CONTEXT,
            "id": f"{self.origin}/activities/{self.number}",
            "type": kind,
            "actor": self.actor(name),
            "object": about,
            **changes,
        }

    def follow(self, name: str, origin: str, **changes: Any) -> Json:
        """Return that somebody follows an instance."""
        return self.activity(name, "Follow", f"{origin}/actor", **changes)

    def sign(
        self, said: Json | bytes, url: str, scheme: str = "cavage", **how: Any
    ) -> httpx.Request:
        """Sign a message by one of the two standards."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        named = said.get("actor") if isinstance(said, dict) else None
        actor = how.pop("key_id", f"{named or self.actor('ana')}#main-key")
        sign = cavage_headers if scheme == "cavage" else rfc9421_headers
        headers = sign(self.key, actor, url, body, **how)
        return httpx.Request("POST", url, headers=headers, content=body)

    async def say(
        self, said: Json | bytes, to: str, scheme: str = "cavage", **how: Any
    ) -> httpx.Response:
        """Send a message to an instance's inbox."""
        return await send(self.sign(said, f"{to}/inbox", scheme, **how))

    def got(self, kind: str) -> list[Json]:
        """Return what arrived of one type."""
        return [each.activity for each in self.deliveries if each.activity["type"] == kind]

    async def serve_actor(self, request: Request) -> Response:
        """Answer who somebody is."""
        name = request.path_params["name"]
        self.fetches.append(name)
        self.asked.set()
        if self.held is not None:
            await self.held.wait()
        return JSONResponse(self.document(name), self.actor_status, media_type=self.media_type)

    async def take(self, request: Request) -> Response:
        """Take what is posted, when it is signed as this server understands it."""
        body = await request.body()
        headers = dict(request.headers)
        if self.held is not None:
            await self.held.wait()
        scheme = "rfc9421" if "signature-input" in headers else "cavage"
        if scheme not in self.understands:
            self.refused.append(scheme)
            return Response(status_code=401)
        pem = await key_of(json.loads(body)["actor"])
        url = f"{self.origin}{request.url.path}"
        check = check_rfc9421 if scheme == "rfc9421" else check_cavage
        check(pem, url, headers, body)
        if self.answers == 202:
            self.deliveries.append(Delivery(request.url.path, scheme, json.loads(body)))
        else:
            self.refused.append(scheme)
        return Response(status_code=self.answers)


async def send(request: httpx.Request) -> httpx.Response:
    """Send a request as it stands."""
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        return await client.send(request)


async def key_of(actor: str) -> str:
    """Read the RSA key that an instance shows."""
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        document = (await client.get(actor, headers={"Accept": ACTIVITY_JSON})).json()
    key = document["publicKey"]
    assert (key["id"], key["owner"]) == (f"{actor}#main-key", actor)
    return str(key["publicKeyPem"])


def cavage_headers(
    key: RSAPrivateKey,
    key_id: str,
    url: str,
    body: bytes,
    *,
    at: datetime | None = None,
    with_query: bool = True,
    covered: str = "(request-target) host date digest",
) -> dict[str, str]:
    """Sign a POST by draft-cavage-12."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query and with_query else ""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    headers = {
        "Host": parts.netloc,
        "Date": format_datetime(at or clock.now(), usegmt=True),
        "Digest": f"SHA-256={digest}",
        "Content-Type": ACTIVITY_JSON,
    }
    values = {name.lower(): value for name, value in headers.items()}
    values["(request-target)"] = f"post {parts.path}{query}"
    base = "\n".join(f"{name}: {values[name]}" for name in covered.split())
    signature = base64.b64encode(key.sign(base.encode(), PKCS1v15(), SHA256())).decode()
    headers["Signature"] = (
        f'keyId="{key_id}",algorithm="rsa-sha256",headers="{covered}",signature="{signature}"'
    )
    return headers


def rfc9421_headers(
    key: RSAPrivateKey,
    key_id: str,
    url: str,
    body: bytes,
    *,
    at: datetime | None = None,
    covered: str = '"@method" "@target-uri" "content-digest"',
) -> dict[str, str]:
    """Sign a POST by RFC 9421, as Mastodon does."""
    created = int((at or clock.now()).timestamp())
    headers = {
        "Host": urlsplit(url).netloc,
        "Content-Type": ACTIVITY_JSON,
        "Content-Digest": oracle.content_digest(body),
        "Signature-Input": f'sig1=({covered});created={created};keyid="{key_id}"',
    }
    base = oracle.signature_base(
        headers["Signature-Input"], "sig1", list(headers.items()), method="POST", url=url
    )
    signature = base64.b64encode(key.sign(base.encode(), PKCS1v15(), SHA256())).decode()
    headers["Signature"] = f"sig1=:{signature}:"
    return headers


def check_rfc9421(pem: str, url: str, headers: dict[str, str], body: bytes) -> None:
    """Verify one of our posts, by Mastodon's conditions; fails the test when it does not hold."""
    for component in ('"@method"', '"@target-uri"', '"content-digest"', "created="):
        assert component in headers["signature-input"]
    assert headers["content-digest"] == oracle.content_digest(body)
    base = oracle.signature_base(
        headers["signature-input"], "sig1", list(headers.items()), method="POST", url=url
    )
    raw = base64.b64decode(headers["signature"].removeprefix("sig1=:").removesuffix(":"))
    _check(pem, raw, base)


def check_cavage(pem: str, url: str, headers: dict[str, str], body: bytes) -> None:
    """Verify one of our posts by draft-cavage-12; fails the test when it does not hold."""
    said = dict(part.split("=", 1) for part in headers["signature"].split(","))
    covered = said["headers"].strip('"').split()
    assert {"(request-target)", "host", "date", "digest"} <= set(covered)
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert headers["digest"] == f"SHA-256={digest}"
    values = {**headers, "(request-target)": f"post {urlsplit(url).path}"}
    base = "\n".join(f"{name}: {values[name]}" for name in covered)
    _check(pem, base64.b64decode(said["signature"].strip('"')), base)


def _check(pem: str, signature: bytes, base: str) -> None:
    key: Any = load_pem_public_key(pem.encode())
    try:
        key.verify(signature, base.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise AssertionError("our own signature does not hold") from None


@asynccontextmanager
async def running_server(listening: socket.socket, **settings: Any) -> AsyncIterator[Server]:
    """Run a server on a socket until the block ends."""
    server = Server(f"http://127.0.0.1:{listening.getsockname()[1]}", **settings)
    application = Starlette(
        routes=[
            Route("/users/{name}", server.serve_actor),
            Route("/users/{name}/inbox", server.take, methods=["POST"]),
            Route("/inbox", server.take, methods=["POST"]),
        ]
    )
    config = uvicorn.Config(application, log_config=None, lifespan="off", http="h11")
    process = uvicorn.Server(config)
    task = asyncio.create_task(process.serve(sockets=[listening]))
    while not process.started:
        await asyncio.sleep(0.01)
        if task.done():
            task.result()
    try:
        yield server
    finally:
        if server.held is not None:
            server.held.set()
        process.should_exit = True
        await task
