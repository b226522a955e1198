"""Who is asking: sign-in and its limits, sessions, cross-site requests, tokens, the first link."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.domain.identity import actions as identity
from app.infra import clock
from app.infra.database import transaction
from app.workers.activity import tidy_up
from tests.conftest import Services, make_settings
from tests.factories.application import make_application
from tests.factories.operations import Operation, operations
from tests.factories.world import PASSWORD, Person, World

ATTEMPTS = 4
COOKIE = "tornallom"
Maker = Callable[..., Any]


@pytest.fixture
async def make_world(database: Services, tmp_path: Path) -> AsyncIterator[Maker]:
    """Make instances with other settings than usual, all on the same database."""
    async with AsyncExitStack() as stack:

        async def make(**changes: object) -> World:
            application = make_application(make_settings(database, tmp_path, **changes))
            await stack.enter_async_context(application.router.lifespan_context(application))
            return World(application)

        yield make


@pytest.fixture
async def strict(make_world: Maker) -> World:
    """An instance with few attempts, and somebody on it."""
    world: World = await make_world(sign_in_attempts_per_hour=ATTEMPTS)
    await world.sign_up("maria")
    return world


async def sign_in(world: World, handle: str, password: str = PASSWORD) -> httpx.Response:
    body = {"handle": handle, "password": password}
    return await world.stranger().ask("POST", "/sessions", json=body)


def face(answer: httpx.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Everything a stranger can tell two answers apart by."""
    body = {k: v for k, v in answer.json().items() if k != "instance"}
    return (
        answer.status_code,
        body,
        {k: v for k, v in answer.headers.items() if k != "x-request-id"},
    )


async def test_nobody_learns_who_has_an_account(strict: World) -> None:
    await strict.sign_up("closed")
    async with strict.runtime.engine.begin() as connection:
        closing = "UPDATE accounts SET disabled_at = now() WHERE handle = 'closed'"
        await connection.execute(text(closing))
    faces = [
        face(await sign_in(strict, handle, password))
        for handle, password in (
            ("maria", "wrong password"),
            ("nobody", "wrong password"),
            ("no such handle at all", PASSWORD),
            ("closed", PASSWORD),
            ("μαρία", PASSWORD),
        )
    ]
    assert faces[0][0] == 401
    assert faces[0][1]["code"] == "credentials_wrong"
    assert all(other == faces[0] for other in faces)


@pytest.mark.parametrize("handle", ["maria", "nobody"])
async def test_guessing_ends_after_some_attempts(strict: World, handle: str) -> None:
    for _ in range(ATTEMPTS):
        assert (await sign_in(strict, handle, "wrong password")).status_code == 401
    limited = await sign_in(strict, handle.upper())
    assert (limited.status_code, limited.json()["code"]) == (429, "sign_in_limited")
    assert int(limited.headers["retry-after"]) > 0
    with clock.moved(timedelta(minutes=61)):
        assert (await sign_in(strict, handle)).status_code == (201 if handle == "maria" else 401)
        await tidy_up(strict.runtime)
    async with strict.runtime.engine.connect() as connection:
        left = await connection.execute(text("SELECT count(*) FROM sign_in_failures"))
        assert left.scalar_one() == (0 if handle == "maria" else 1)


async def test_guesses_sent_together_are_counted_too(strict: World) -> None:
    answers = await asyncio.gather(*(sign_in(strict, "maria", f"guess {n}") for n in range(16)))
    counted = [answer.status_code for answer in answers]
    assert counted.count(401) == ATTEMPTS
    assert counted.count(429) == 16 - ATTEMPTS


async def test_a_sign_in_is_a_cookie_that_scripts_and_other_sites_do_not_get(
    world: World, make_world: Maker
) -> None:
    await world.sign_up("maria")
    cookie = (await sign_in(world, "maria")).headers["set-cookie"]
    name, *attributes = (part.strip().lower() for part in cookie.split(";"))
    assert name.startswith(f"{COOKIE}=")
    assert {"httponly", "path=/", "samesite=lax"} <= set(attributes)
    secure = await make_world(base_url="https://tornallom.example")
    cookie = (await sign_in(secure, "maria")).headers["set-cookie"]
    assert cookie.startswith("__Host-tornallom=")
    assert "Secure" in cookie
    assert "Domain" not in cookie


async def test_a_session_ends_when_idle_and_in_any_case(world: World) -> None:
    maria = await world.sign_up("maria")
    with clock.moved(timedelta(days=6)):
        assert (await maria.ask("GET", "/me")).status_code == 200
    with clock.moved(timedelta(days=12)):  # six days after it was last used
        assert (await maria.ask("GET", "/me")).status_code == 200
    with clock.moved(timedelta(days=19, minutes=10)):
        assert (await maria.ask("GET", "/me")).status_code == 401
    other = await world.sign_up("other")
    for days in range(0, 30, 5):
        with clock.moved(timedelta(days=days)):
            assert (await other.ask("GET", "/me")).status_code == 200, days
    with clock.moved(timedelta(days=30, minutes=1)):
        assert (await other.ask("GET", "/me")).status_code == 401, "used to the end, and over"
        await tidy_up(world.runtime)
        async with world.runtime.engine.connect() as connection:
            left = await connection.execute(text("SELECT count(*) FROM sessions"))
            assert left.scalar_one() == 0


async def test_a_session_is_new_at_each_sign_in_and_dead_after_the_end(world: World) -> None:
    maria = await world.sign_up("maria")
    first = maria.http.cookies[COOKIE]
    planted = world.stranger()
    planted.http.cookies.set(COOKIE, "planted-by-somebody", domain="127.0.0.1")
    answer = await planted.ask("POST", "/sessions", json={"handle": "maria", "password": PASSWORD})
    assert "planted-by-somebody" not in answer.headers["set-cookie"]
    assert first not in answer.headers["set-cookie"]
    assert (await maria.ask("DELETE", "/sessions/current")).status_code == 204
    for secret in (first, "planted-by-somebody"):
        thief = world.stranger()
        thief.http.cookies.set(COOKIE, secret, domain="127.0.0.1")
        assert (await thief.ask("GET", "/me")).status_code == 401


async def test_answers_to_somebody_are_kept_by_no_cache(world: World) -> None:
    maria = await world.sign_up("maria")
    for path in ("/me", "/needs", "/me/claims", "/books", "/organisations", "/skills"):
        answer = await maria.ask("GET", path)
        assert answer.headers["cache-control"] == "no-store", path
        assert "access-control-allow-origin" not in answer.headers, path


def writing(world: World) -> list[Operation]:
    """Every operation that changes something."""
    return [o for o in operations(world.application) if o.method not in {"GET", "HEAD"}]


CROSS_SITE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8081"},
    {"Origin": "http://127.0.0.1.evil.example:8080"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("sent", CROSS_SITE, ids=str)
async def test_no_other_site_can_write_in_ones_name(world: World, sent: dict[str, str]) -> None:
    maria = await world.sign_up("maria")
    for operation in writing(world):
        body = operation.sample({}) if operation.body is not None else None
        headers = {**sent, "Idempotency-Key": "k", "If-Match": '"1"'}
        url = operation.url({})
        answer = await maria.http.request(operation.method, url, json=body, headers=headers)
        assert answer.status_code in {403, 415}, (operation, answer.text)
        if answer.status_code == 403:
            assert answer.json()["code"] == "cross_site_refused", operation
    assert (await maria.get("/me"))["account"]["display_name"] == "maria"


async def test_a_form_of_another_site_lacks_the_header(world: World) -> None:
    maria = await world.sign_up("maria")
    del maria.http.headers["X-Tornallom"]
    signed_out = {"/api/v1/setup", "/api/v1/accounts", "/api/v1/sessions"}
    for operation in writing(world):
        if operation.path in signed_out or operation.media_type == "multipart/form-data":
            continue
        body = operation.sample({}) if operation.body is not None else None
        headers = {"Idempotency-Key": "k", "If-Match": '"1"'}
        url = operation.url({})
        answer = await maria.http.request(operation.method, url, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_header_missing"), (
            operation
        )
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            form = {**headers, "Content-Type": kind, "X-Tornallom": "1"}
            if body is not None:
                answer = await maria.http.request(
                    operation.method, url, content=b"{}", headers=form
                )
                assert answer.status_code == 415, (operation, kind)
    assert (await maria.ask("GET", "/me")).status_code == 200


WEAK = ["", "short", "aaaaaaaaaaaa", "password123", "Passw0rd!!", "maria maria", "1234567890",
        "tornallom1", "κωδικος123", "Κωδικός123", "CONTRASEÑA1"]  # fmt: skip


@pytest.mark.parametrize("password", WEAK)
async def test_passwords_that_everybody_tries_are_refused(world: World, password: str) -> None:
    await world.set_up()
    body = {"handle": "maria", "password": password}
    answer = await world.stranger().ask("POST", "/accounts", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/password"
    assert (await sign_in(world, "maria", password or "x")).status_code == 401


async def test_a_handle_is_one_persons_whatever_its_case(world: World) -> None:
    maria = await world.sign_up("Maria")
    assert maria.me["account"]["handle"] == "maria"
    body = {"handle": "MARIA", "password": PASSWORD}
    taken = await world.stranger().ask("POST", "/accounts", json=body)
    assert (taken.status_code, taken.json()["code"]) == (409, "handle_taken")
    made = await asyncio.gather(
        *(
            world.stranger().ask("POST", "/accounts", json={**body, "handle": "anna"})
            for _ in "1234"
        )
    )
    assert sorted(answer.status_code for answer in made) == [201, 409, 409, 409]


async def test_a_new_password_ends_all_sessions_and_tokens(strict: World) -> None:
    maria = strict.stranger()
    await maria.post("/sessions", {"handle": "maria", "password": PASSWORD})
    elsewhere = strict.stranger()
    await elsewhere.post("/sessions", {"handle": "maria", "password": PASSWORD})
    token = await maria.post("/me/tokens", {"name": "tool", "scopes": ["needs:read"]})
    new = "another sentence 7"

    change = {"password": new, "current_password": "wrong password"}
    for _ in range(ATTEMPTS):
        assert (await maria.ask("PATCH", "/me", json=change)).status_code == 401
    assert (await maria.ask("PATCH", "/me", json=change)).status_code == 429
    assert (await sign_in(strict, "maria", new)).status_code == 401
    with clock.moved(timedelta(hours=2)):
        right = {"password": new, "current_password": PASSWORD}
        assert (await maria.ask("PATCH", "/me", json={"password": new})).status_code == 401
        assert (await maria.ask("PATCH", "/me", json=right)).status_code == 200
        assert (await maria.ask("GET", "/me")).status_code == 200, "this browser has a new session"
        assert (await elsewhere.ask("GET", "/me")).status_code == 401
        bearer = {"Authorization": f"Bearer {token['token']}"}
        assert (await strict.stranger().ask("GET", "/me", headers=bearer)).status_code == 401
        assert (await sign_in(strict, "maria")).status_code == 401
        assert (await sign_in(strict, "maria", new)).status_code == 201


async def tool_of(world: World, person: Person, *scopes: str, days: int = 9) -> Person:
    body = {"name": "tool", "scopes": list(scopes), "expires_in_days": days}
    made = await person.post("/me/tokens", body)
    tool = world.stranger()
    del tool.http.headers["X-Tornallom"]  # a tool has no cookie to protect
    tool.http.headers["Authorization"] = f"Bearer {made['token']}"
    return tool


SCOPED = {
    "needs:read": [("GET", "/needs")],
    "needs:write": [("POST", "/needs")],
    "claims:read": [("GET", "/me/claims")],
    "claims:write": [("POST", "/needs/{id}/claims"), ("POST", "/claims/{id}/transitions")],
    "ledger:read": [("GET", "/me/contributions"), ("GET", "/books")],
    "organisations:write": [("POST", "/organisations")],
    "profile:write": [("PUT", "/me/profile")],
}
BODIES = {
    "/needs": {"organisation_id": "3f0c5b0e-7b5a-4f1e-9c51-0d6a2c1f8a77", "title": "A title",
               "language": "en"},
    "/claims/{id}/transitions": {"to": "withdrawn"},
    "/organisations": {"name": "Some name"},
}  # fmt: skip


@pytest.mark.parametrize("scope", SCOPED)
async def test_a_token_reaches_as_far_as_its_scopes(world: World, scope: str) -> None:
    maria = await world.sign_up("maria")
    tool = await tool_of(world, maria, scope)
    for needed, requests in SCOPED.items():
        for method, path in requests:
            url = path.format(id="3f0c5b0e-7b5a-4f1e-9c51-0d6a2c1f8a77")
            body = BODIES.get(path, {}) if method != "GET" else None
            answer = await tool.ask(method, url, json=body)
            if needed == scope:
                assert answer.status_code in {200, 201, 404}, (path, answer.text)
            else:
                code = answer.json()["code"]
                assert (answer.status_code, code) == (403, "scope_missing"), path


async def test_a_token_cannot_make_itself_stronger(world: World) -> None:
    steward = await world.set_up()
    tool = await tool_of(world, steward, *SCOPED, "peers:write")
    new = {"name": "stronger", "scopes": ["admin"]}
    own = (await steward.get("/me/tokens"))["items"][0]["id"]
    for method, path, body in (
        ("POST", "/me/tokens", new),
        ("GET", "/me/tokens", None),
        ("DELETE", f"/me/tokens/{own}", None),
        ("PATCH", "/me", {"email": "thief@example.org"}),
        ("PATCH", "/me", {"password": "another sentence 7", "current_password": PASSWORD}),
    ):
        answer = await tool.ask(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "session_required"), path
    assert (await tool.ask("DELETE", "/sessions/current")).status_code == 401
    # A steward's token without the admin scope is nobody's steward.
    organisation = await steward.post("/organisations", {"name": "Some name"})
    path = f"/organisations/{organisation['id']}/transitions"
    refused = await tool.ask("POST", path, json={"to": "accepted"})
    assert (refused.status_code, refused.json()["code"]) == (403, "steward_required")
    admin = await tool_of(world, steward, "admin", "organisations:write")
    assert (await admin.ask("POST", path, json={"to": "accepted"})).status_code == 200


async def test_a_token_is_shown_once_and_ends(world: World) -> None:
    maria = await world.sign_up("maria")
    other = await world.sign_up("other")
    tool = await tool_of(world, maria, "needs:read", days=2)
    (listed,) = (await maria.get("/me/tokens"))["items"]
    assert "token" not in listed
    assert "token_hash" not in listed
    assert (await other.ask("DELETE", f"/me/tokens/{listed['id']}")).status_code == 404
    assert (await tool.ask("GET", "/me")).status_code == 200
    with clock.moved(timedelta(days=2, minutes=1)):
        assert (await tool.ask("GET", "/me")).json()["code"] == "token_invalid"
    assert (await maria.ask("DELETE", f"/me/tokens/{listed['id']}")).status_code == 204
    assert (await tool.ask("GET", "/needs")).status_code == 401
    assert (await maria.ask("DELETE", f"/me/tokens/{listed['id']}")).status_code == 404


async def new_link(world: World) -> str:
    async with transaction(world.runtime.sessions) as session:
        token = await identity.offer_setup(session)
    assert token is not None
    return token


def first_steward(token: str, handle: str = "first") -> dict[str, str]:
    return {"token": token, "instance_name": "Ours", "handle": handle, "password": PASSWORD}


async def test_the_first_link_is_used_once_even_by_many_at_once(world: World) -> None:
    token = await new_link(world)
    answers = await asyncio.gather(
        *(
            world.stranger().ask("POST", "/setup", json=first_steward(token, f"first{n}"))
            for n in range(6)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403, 403, 403]
    async with world.runtime.engine.connect() as connection:
        stewards = await connection.execute(text("SELECT count(*) FROM accounts WHERE steward"))
        assert stewards.scalar_one() == 1
    again = await world.stranger().ask("POST", "/setup", json=first_steward(token))
    assert (again.status_code, again.json()["code"]) == (403, "setup_token_wrong")


async def test_a_new_start_makes_a_new_link_and_ends_the_old_one(world: World) -> None:
    old, new = await new_link(world), await new_link(world)
    assert (
        await world.stranger().ask("POST", "/setup", json=first_steward(old))
    ).status_code == 403
    weak = {**first_steward(new), "password": "password"}
    assert (await world.stranger().ask("POST", "/setup", json=weak)).status_code == 422
    made = await world.stranger().ask("POST", "/setup", json=first_steward(new))
    assert made.status_code == 201, "a refused try does not use the link up"
    assert made.json()["account"]["steward"] is True
    async with transaction(world.runtime.sessions) as session:
        assert await identity.offer_setup(session) is None


async def test_nobody_has_an_account_before_the_first_steward(world: World) -> None:
    for handle in ("admin", "root", "steward", "tornallom"):
        for password in ("admin", "password", "tornallom", "changeme"):
            assert (await sign_in(world, handle, password)).status_code == 401
    body = {"handle": "maria", "password": PASSWORD}
    early = await world.stranger().ask("POST", "/accounts", json=body)
    assert (early.status_code, early.json()["code"]) == (403, "setup_first")
    async with world.runtime.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM accounts"))).scalar_one() == 0
