"""Coming and going: accounts, sessions, languages, and where one goes on to."""

import pytest
from httpx import Response

from app.pages.dependencies import safe_next
from tests.factories.world import PASSWORD, World
from tests.pages.reading import Reader, target_of

ELSEWHERE = [
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example",
    "\\\\evil.example", "/\t/evil.example", "/\n/evil.example", "javascript:alert(1)",
    "https:evil.example", "http:/evil.example", "evil.example", "", " /needs", "/ne eds",
    "/\x00", "@evil.example", "?x", "#x", "/sign-in?next=/", "/sign-out", "/" + "x" * 600,
    "data:text/html,x", "/\u2028x\x7f", "//evil.example/%2f..", "https://127.0.0.1:8080.evil/x",
]  # fmt: skip


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nobody_is_sent_elsewhere_after_signing_in(target: str) -> None:
    assert safe_next(target, "http://127.0.0.1:8080") == "/"


@pytest.mark.parametrize("target", ["/", "/needs?q=a%20b&hours=2", "/needs/1#claim", "/me/claims"])
def test_our_own_pages_are_gone_on_to(target: str) -> None:
    assert safe_next(target, "https://example.org") == target


async def test_an_account_is_a_pseudonym_and_a_password(world: World) -> None:
    await world.set_up()
    reader = Reader(world, None, "el")
    page = await reader.open("/sign-up?next=/needs/new")
    assert page.form("/sign-up")["language"] == "el"
    made = await reader.send(
        "/sign-up?next=/needs/new", "/sign-up", handle="Ariadne", password=PASSWORD
    )
    assert target_of(made) == "/needs/new"
    assert (await reader.open("/me/claims")).document.one("html").attributes["lang"] == "el"
    assert "@ariadne" in (await reader.open("/")).document.one("footer").text


@pytest.mark.parametrize(
    ("handle", "password", "field"),
    [
        ("a", PASSWORD, "handle"),
        ("Άννα", PASSWORD, "handle"),
        ("anna", "zq81", "password"),
        ("anna", "password123", "password"),
        ("anna", "long" * 70, "password"),
        ("steward", PASSWORD, "handle"),
    ],
)
async def test_a_refused_account_says_why_and_never_repeats_the_password(
    world: World, handle: str, password: str, field: str
) -> None:
    await world.set_up()
    reader = Reader(world, None)
    fields = {**(await reader.open("/sign-up")).form("/sign-up"), "handle": handle}
    answer = await reader.http.post("/sign-up", data={**fields, "password": password})
    assert answer.status_code in {409, 422}
    sent = {**fields, "password": password}
    page = await reader.submit("/sign-up", sent, status=answer.status_code)
    alert = page.main.one("div", role="alert")
    assert [a.attributes["href"] for a in alert.all("a")] == [f"#{field}"]
    assert page.form("/sign-up")["handle"] == handle
    assert password not in answer.text
    assert "set-cookie" not in answer.headers


async def test_a_wrong_password_and_an_unknown_handle_look_the_same(world: World) -> None:
    await world.sign_up("anna")
    reader = Reader(world, None)
    answers = []
    for handle in ("anna", "nobody"):
        fields = {"handle": handle, "password": "wrong password", "next": "/needs"}
        page = await reader.submit("/sign-in", fields, status=401)
        assert page.form("/sign-in")["next"] == "/needs"
        answers.append(page.answer.text.replace(handle, "HANDLE"))
    assert answers[0] == answers[1]
    assert "wrong password" not in answers[0]


async def test_failed_tries_are_counted(world: World) -> None:
    await world.sign_up("anna")
    reader = Reader(world, None)
    limit = world.application.state.settings.sign_in_attempts_per_hour
    fields = {"handle": "anna", "password": "wrong password", "next": "/"}
    for _ in range(limit):
        await reader.submit("/sign-in", fields, status=401)
    stopped = await reader.submit("/sign-in", {**fields, "password": PASSWORD}, status=429)
    assert int(stopped.answer.headers["retry-after"]) > 0


def cookies_of(answer: Response) -> dict[str, str]:
    return {c.partition("=")[0]: c for c in answer.headers.get_list("set-cookie")}


async def test_the_session_ends_with_signing_out(world: World) -> None:
    await world.sign_up("anna")
    reader = Reader(world, None)
    entered = await reader.send("/sign-in", "/sign-in", handle="anna", password=PASSWORD)
    cookie = cookies_of(entered.answer)["tornallom"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    secret = reader.http.cookies["tornallom"]
    left = await reader.send("/about", "/sign-out")
    assert left.answer.headers["location"] == "/?notice=signed_out"
    reader.http.cookies.set("tornallom", secret, domain="127.0.0.1", path="/")
    assert (await reader.http.get("/me/claims")).status_code == 303


async def test_signing_in_makes_a_new_session(world: World) -> None:
    await world.sign_up("anna")
    reader = Reader(world, None)
    reader.http.cookies.set("tornallom", "chosen-by-somebody-else", domain="127.0.0.1", path="/")
    await reader.send("/sign-in", "/sign-in", handle="anna", password=PASSWORD)
    assert reader.http.cookies["tornallom"] != "chosen-by-somebody-else"


async def test_who_is_signed_in_already_goes_on(world: World) -> None:
    anna = await world.sign_up("anna")
    answer = await Reader(world, anna).http.get("/sign-in?next=/organisations")
    assert (answer.status_code, answer.headers["location"]) == (303, "/organisations")


@pytest.mark.parametrize(
    ("accepted", "shown"),
    [("ca,es;q=0.5", "ca"), ("nl-BE", "nl"), ("de,el;q=0.1", "el"), ("de", "en"), ("gl", "es")],
)
async def test_the_browsers_language_is_spoken(world: World, accepted: str, shown: str) -> None:
    page = await Reader(world, None, accepted).open("/about")
    assert page.document.one("html").attributes["lang"] == shown


async def test_a_chosen_language_stays_without_an_account(world: World) -> None:
    reader = Reader(world, None, "en")
    page = await reader.open("/needs?q=x")
    link = page.document.one("a", hreflang="ca").attributes["href"]
    assert link == "/needs?q=x&lang=ca"
    chosen = await reader.open(link)
    # No secret: the workspace reads it, to speak the same language.
    assert "HttpOnly" not in cookies_of(chosen.answer)["tornallom-language"]
    assert (await reader.open("/about")).document.one("html").attributes["lang"] == "ca"
    assert (await reader.open("/about?lang=xx")).document.one("html").attributes["lang"] == "ca"
    assert len(reader.http.cookies) == 1


async def test_a_signed_in_person_keeps_the_language_with_the_account(world: World) -> None:
    anna = await world.sign_up("anna")
    reader = Reader(world, anna, "en")
    once = await reader.open("/about?lang=nl")
    assert once.document.one("html").attributes["lang"] == "nl"
    assert cookies_of(once.answer) == {}
    moved = await reader.send("/needs?q=x", "/language", language="es")
    assert moved.answer.headers["location"] == "/needs?q=x"
    assert (await reader.open("/about")).document.one("html").attributes["lang"] == "es"
    assert (await anna.get("/me"))["account"]["language"] == "es"
    token = (await reader.open("/")).form("/sign-out")["form_token"]
    await reader.submit("/language", {"language": "xx", "form_token": token}, status=422)


async def test_a_foreign_host_name_is_in_no_link(world: World) -> None:
    reader = Reader(world, None)
    hostile = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for path in ("/", "/needs", "/network", "/sign-in", "/me/claims"):
        answer = await reader.http.get(path, headers=hostile)
        assert "evil.example" not in answer.text
        assert "evil.example" not in answer.headers.get("location", "")
