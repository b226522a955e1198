"""Passwords and sessions: guessing, taking over, what is left when one ends."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.conftest import Services, make_settings
from tests.factories.world import PASSWORD, Person, World

NEW_PASSWORD = "groc mimosa 73"
COOKIE = "tornallom"


def _session_of(person: Person) -> str:
    return str(person.http.cookies[COOKIE])


def _holder_of(world: World, secret: str) -> Person:
    """Return somebody who has got hold of a session's secret."""
    thief = world.stranger()
    thief.http.cookies.set(COOKIE, secret, domain="127.0.0.1", path="/")
    return thief


@pytest.mark.parametrize("guarded", [{"password": NEW_PASSWORD}, {"email": "s@example.org"}])
async def test_a_wrong_current_password_changes_nothing_else(
    world: World, guarded: dict[str, str]
) -> None:
    person = await world.sign_up("person")
    body = {
        "display_name": "Another name",
        "language": "el",
        **guarded,
        "current_password": "not the password",
    }
    assert (await person.ask("PATCH", "/me", json=body)).status_code == 401
    account = (await person.get("/me"))["account"]
    assert (account["display_name"], account["email"], account["language"]) == (
        "person",
        None,
        "en",
    )


async def test_the_current_password_cannot_be_guessed_from_an_open_browser(world: World) -> None:
    person = await world.sign_up("Person")
    tries = world.application.state.settings.sign_in_attempts_per_hour
    for n in range(tries):
        body = {"password": NEW_PASSWORD, "current_password": f"guess {n}"}
        assert (await person.ask("PATCH", "/me", json=body)).status_code == 401
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    assert (await person.ask("PATCH", "/me", json=body)).status_code == 429
    # The owner is not locked out by what somebody tries at their open browser.
    credentials = {"handle": "person", "password": PASSWORD}
    assert (await world.stranger().ask("POST", "/sessions", json=credentials)).status_code == 201


@pytest.mark.parametrize("typed", ["person changing", "change\n{id}", "change {id}", "{id}"])
async def test_nobody_keeps_an_owner_from_changing_by_what_they_type(
    world: World, typed: str
) -> None:
    person, stranger = await world.sign_up("person"), world.stranger()
    handle = typed.format(id=person.id)
    for n in range(world.application.state.settings.sign_in_attempts_per_hour):
        guess = {"handle": handle, "password": f"guess {n}"}
        assert (await stranger.ask("POST", "/sessions", json=guess)).status_code in {401, 422}
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    assert (await person.ask("PATCH", "/me", json=body)).status_code == 200


async def test_guesses_sent_together_are_counted_one_by_one(world: World) -> None:
    await world.sign_up("person")
    limit = world.application.state.settings.sign_in_attempts_per_hour
    bodies = [{"handle": "person", "password": f"guess {n}"} for n in range(limit * 2)]
    stranger = world.stranger()
    answers = await asyncio.gather(*(stranger.ask("POST", "/sessions", json=b) for b in bodies))
    assert Counter(answer.status_code for answer in answers) == {401: limit, 429: limit}


async def test_a_new_password_ends_every_session_and_token(world: World) -> None:
    person = await world.sign_up("person")
    elsewhere = world.stranger()
    await elsewhere.post("/sessions", {"handle": "person", "password": PASSWORD})
    token = await person.post(
        "/me/tokens", {"name": "tool", "scopes": ["needs:read"], "expires_in_days": 1}
    )
    before = _session_of(person)
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD, "display_name": "New name"}
    changed = await person.ask("PATCH", "/me", json=body)
    assert changed.status_code == 200
    assert changed.json()["account"]["display_name"] == "New name"
    assert (await elsewhere.ask("GET", "/me")).status_code == 401
    assert (await _holder_of(world, before).ask("GET", "/me")).status_code == 401
    tool = world.stranger()
    tool.http.headers["Authorization"] = f"Bearer {token['token']}"
    assert (await tool.ask("GET", "/me")).status_code == 401
    assert (await person.ask("GET", "/me")).status_code == 200


async def test_signing_in_again_ends_the_session_of_before(world: World) -> None:
    person = await world.sign_up("person")
    before = _session_of(person)
    await person.post("/sessions", {"handle": "person", "password": PASSWORD})
    assert _session_of(person) != before
    assert (await _holder_of(world, before).ask("GET", "/me")).status_code == 401
    # Another browser's session is its own.
    other = world.stranger()
    await other.post("/sessions", {"handle": "person", "password": PASSWORD})
    assert (await person.ask("GET", "/me")).status_code == 200


async def test_a_session_somebody_else_chose_is_never_taken_up(world: World) -> None:
    await world.sign_up("person")
    victim = _holder_of(world, "x" * 43)
    answer = await victim.ask("POST", "/sessions", json={"handle": "person", "password": PASSWORD})
    assert answer.status_code == 201
    assert "x" * 43 not in answer.headers["set-cookie"]
    assert (await _holder_of(world, "x" * 43).ask("GET", "/me")).status_code == 401


async def test_signing_out_is_the_end_of_the_session(world: World) -> None:
    person = await world.sign_up("person")
    secret = _session_of(person)
    assert (await person.ask("DELETE", "/sessions/current")).status_code == 204
    thief = _holder_of(world, secret)
    assert (await thief.ask("GET", "/me")).status_code == 401
    page = await thief.http.get("/me/claims", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/me/claims")


async def test_a_name_is_never_emptied_by_saying_nothing(world: World) -> None:
    person = await world.sign_up("person")
    body: dict[str, Any] = {"display_name": None, "language": None}
    answer = await person.ask("PATCH", "/me", json=body)
    assert answer.status_code == 200
    account = answer.json()["account"]
    assert (account["display_name"], account["language"]) == ("person", "en")


@pytest.mark.parametrize(
    ("origin", "name", "secure"),
    [
        ("https://needs.example.org", "__Host-tornallom", True),
        ("http://127.0.0.1:8080", "tornallom", False),
    ],
)
async def test_the_cookie_is_for_this_host_and_no_script(
    database: Services, tmp_path: Any, origin: str, name: str, secure: bool
) -> None:
    from tests.factories.application import make_application  # noqa: PLC0415 - an instance of its own

    application = make_application(make_settings(database, tmp_path, base_url=origin))
    async with application.router.lifespan_context(application):
        world = World(application)
        person = await world.sign_up("person")
        answer: httpx.Response = await person.ask(
            "POST", "/sessions", json={"handle": "person", "password": PASSWORD}
        )
        (cookie,) = answer.headers.get_list("set-cookie")
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert cookie.startswith(f"{name}=")
        assert {"httponly", "path=/", "samesite=lax"} <= parts
        assert ("secure" in parts) is secure
        assert not any(part.startswith("domain") for part in parts)


async def test_a_form_ends_the_session_of_before_too(world: World) -> None:
    person = await world.sign_up("person")
    before = _session_of(person)
    page = await person.http.get("/me/claims", headers={"Accept": "text/html"})
    token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
    form = {"form_token": token, "handle": "person", "password": PASSWORD, "next": "/"}
    answer = await person.http.post("/sign-in", data=form)
    assert answer.status_code == 303
    assert (await _holder_of(world, before).ask("GET", "/me")).status_code == 401
    assert (await person.ask("GET", "/me")).status_code == 200
