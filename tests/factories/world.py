"""People who use an instance over HTTP, as a browser or a tool would.

Everything here goes through the public API, so a set-up can't make what the API would refuse.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from secrets import token_hex
from typing import Any

import httpx
from fastapi import FastAPI

from app.domain.identity import actions as identity
from app.infra import clock
from app.infra.database import transaction
from app.infra.runtime import Runtime

PASSWORD = "verd oliva 41"
HARM_CHECK = {"data": "none", "misuse": "nobody", "avoidable": "yes"}
Json = dict[str, Any]


def work_day() -> str:
    """Return 2 March 2026, or a later day once a day so long ago may not be logged any more."""
    return max(date(2026, 3, 2), clock.today() - timedelta(days=360)).isoformat()


class Person:
    """Somebody with a browser of their own."""

    def __init__(self, application: FastAPI, origin: str) -> None:
        """Nobody is signed in yet."""
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(application),
            base_url=origin,
            headers={"X-Tornallom": "1", "Accept-Language": "en"},
        )
        self.me: Json = {}

    @property
    def id(self) -> str:
        """The account's id."""
        return str(self.me["account"]["id"])

    async def ask(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Send a request to the API and return the answer, whatever it is."""
        return await self.http.request(method, f"/api/v1{path}", **kwargs)

    async def get(self, path: str, **params: Any) -> Json:
        """Read something that must be there."""
        return self._expect(await self.ask("GET", path, params=params), 200)

    async def post(
        self, path: str, body: Json | None = None, *, expect: int = 201, key: str | None = None
    ) -> Json:
        """Write something and return the answer, which must have this status."""
        headers = {"Idempotency-Key": key} if key else {}
        answer = await self.ask("POST", path, json=body or {}, headers=headers)
        return self._expect(answer, expect)

    async def change(self, path: str, body: Json, version: int, *, expect: int = 200) -> Json:
        """Change something from a version."""
        headers = {"If-Match": f'"{version}"'}
        return self._expect(await self.ask("PATCH", path, json=body, headers=headers), expect)

    async def move(self, path: str, to: str, reason: str = "", *, expect: int = 200) -> Json:
        """Move a need, claim, organisation or peer to another state."""
        body = {"to": to, "reason": reason}
        return await self.post(f"{path}/transitions", body, expect=expect)

    @staticmethod
    def _expect(answer: httpx.Response, status: int) -> Json:
        assert answer.status_code == status, f"{answer.status_code} {answer.text}"
        result: Json = answer.json()
        return result


@dataclass
class World:
    """An instance and the people on it."""

    application: FastAPI
    people: list[Person] = field(default_factory=list)
    steward: Person | None = None

    @property
    def runtime(self) -> Runtime:
        """The instance's own tools, for what no person can do."""
        runtime: Runtime = self.application.state.runtime
        return runtime

    def stranger(self) -> Person:
        """Somebody without an account."""
        person = Person(self.application, self.runtime.origin)
        self.people.append(person)
        return person

    async def set_up(self, name: str = "Test instance") -> Person:
        """Set the instance up with its one-time link and return its first steward."""
        if self.steward is None:
            async with transaction(self.runtime.sessions) as session:
                token = await identity.offer_setup(session)
            steward = self.stranger()
            body = {
                "token": token,
                "instance_name": name,
                "handle": "steward",
                "password": PASSWORD,
                "language": "en",
            }
            steward.me = await steward.post("/setup", body)
            self.steward = steward
        return self.steward

    async def sign_up(self, handle: str, **account: Any) -> Person:
        """Return a new person with an account, signed in."""
        await self.set_up()
        person = self.stranger()
        body = {"handle": handle, "password": PASSWORD, **account}
        person.me = await person.post("/accounts", body)
        return person

    async def organisation(
        self, owner: Person, name: str = "Forn Roig", *, vouched: bool = True
    ) -> Json:
        """Return an accepted organisation; the stewards know it unless said otherwise."""
        steward = await self.set_up()
        made = await owner.post("/organisations", {"name": name, "languages": ["ca"]})
        body = {"to": "accepted", "vouch": vouched}
        path = f"/organisations/{made['id']}/transitions"
        return await steward.post(path, body, expect=200)

    async def draft(self, member: Person, organisation: Json, **changes: Any) -> Json:
        """Return a draft that lacks nothing."""
        return await member.post("/needs", need_input(organisation, **changes))

    async def open_need(self, member: Person, organisation: Json, **changes: Any) -> Json:
        """Return a need that is open."""
        draft = await self.draft(member, organisation, **changes)
        await member.move(f"/needs/{draft['id']}", "review")
        return await member.move(f"/needs/{draft['id']}", "open")

    async def submitted_claim(
        self, worker: Person, member: Person, need: Json, minutes: int = 90
    ) -> Json:
        """Return a claim whose work waits for its confirmation."""
        claim = await worker.post(f"/needs/{need['id']}/claims", {"note": "I can do this"})
        if claim["state"] == "applied":
            await member.move(f"/claims/{claim['id']}", "accepted")
        log = {"worked_on": work_day(), "minutes": minutes, "note": "done"}
        await worker.post(f"/claims/{claim['id']}/work-logs", log)
        return await worker.move(f"/claims/{claim['id']}", "submitted")

    async def confirm(self, member: Person, claim: Json, minutes: int = 90, **body: Any) -> Json:
        """Confirm the work of a claim."""
        path = f"/claims/{claim['id']}/confirmation"
        return await member.post(path, {"minutes": minutes, **body}, key=token_hex(16))

    async def work(self) -> None:
        """Let the workers do all that waits."""
        from app.workers.main import run_until_idle  # noqa: PLC0415

        await run_until_idle(self.runtime)


def need_input(organisation: Json, **changes: Any) -> Json:
    """Return what a complete need says."""
    return {
        "organisation_id": organisation["id"],
        "title": "Move our site off the old server",
        "body": "Twelve pages, **WordPress**.",
        "language": "en",
        "skills": [{"slug": "wordpress", "weight": "nice"}],
        "estimate_minutes": 240,
        "harm_check": HARM_CHECK,
        **changes,
    }
