"""People of the demo: each with a browser of their own, speaking the public HTTP API."""

from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import httpx

from app.cli.demo_world import PASSWORD

API = "/api/v1"
SECONDS_MAX = 60.0
PAGE = 100
Json = dict[str, Any]


class StepError(Exception):
    """Something did not hold; the text says what was expected and what came."""


class Person:
    """Somebody at one instance."""

    def __init__(self, origin: str, handle: str) -> None:
        """Nobody is signed in yet."""
        self.handle = handle
        self.origin = origin
        self.http = httpx.AsyncClient(
            base_url=origin,
            # What a browser sends along; no script on another site could.
            headers={"X-Tornallom": "1", "Origin": origin, "Accept-Language": "en"},
            timeout=SECONDS_MAX,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the browser."""
        await self.http.aclose()

    async def set_up(self, token: str, instance_name: str, language: str) -> None:
        """Take the instance in hand with the one-time token, as its first steward."""
        body = {"token": token, "instance_name": instance_name}
        await self.post("/setup", {**body, **self._credentials(), "language": language})

    async def sign_up(self, language: str) -> None:
        """Make an account."""
        await self.post("/accounts", {**self._credentials(), "language": language})

    def _credentials(self) -> Json:
        return {"handle": self.handle, "password": PASSWORD}

    async def get(self, path: str, **params: Any) -> Json:
        """Read something that must be there."""
        return _expect(await self.http.get(API + path, params=params), httpx.codes.OK)

    async def post(self, path: str, body: Json, *, expect: int = httpx.codes.CREATED) -> Json:
        """Write something, under a key of its own, so that a retry would not do it twice."""
        headers = {"Idempotency-Key": token_hex(16)}
        return _expect(await self.http.post(API + path, json=body, headers=headers), expect)

    async def put(self, path: str, body: Json) -> Json:
        """Save something for the first time."""
        return _expect(await self.http.put(API + path, json=body), httpx.codes.OK)

    async def move(self, path: str, to: str, reason: str = "") -> Json:
        """Move something to another state."""
        body = {"to": to, "reason": reason}
        return await self.post(f"{path}/transitions", body, expect=httpx.codes.OK)

    async def send_file(self, path: str, name: str, raw: bytes) -> Json:
        """Hand in a file and return the job that takes it in."""
        headers = {"Idempotency-Key": token_hex(16)}
        files = {"file": (name, raw)}
        answer = await self.http.post(API + path, files=files, headers=headers)
        return _expect(answer, httpx.codes.ACCEPTED)

    async def all_needs(self, **filters: Any) -> list[Json]:
        """Return every need of a list, page after page."""
        found: list[Json] = []
        cursor: str | None = None
        while True:
            page_of = {"cursor": cursor} if cursor else {}
            page = await self.get("/needs", limit=PAGE, **filters, **page_of)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found


def place_of(origin: str) -> str:
    """Return an origin's host and port, as needs name where they live."""
    return urlsplit(origin).netloc


def hold(held: object, sentence: str) -> None:
    """Go on only when this holds."""
    if not held:
        raise StepError(sentence)


def _expect(answer: httpx.Response, status: int) -> Json:
    if answer.status_code != status:
        request = f"{answer.request.method} {answer.request.url.path}"
        message = (
            f"{request} answered {answer.status_code} instead of {status}: {answer.text[:600]}"
        )
        raise StepError(message)
    result: Json = answer.json()
    return result
