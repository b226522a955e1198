"""Finding out who has an account here, without being told."""

import httpx

from tests.factories.world import PASSWORD, Person, World

ADDRESS = "Rosa.Parks@example.org"


def _shape(answer: httpx.Response) -> tuple[int, dict[str, object], list[str]]:
    """Return all of an answer but what is new in each: its id and its moment."""
    body = {name: value for name, value in answer.json().items() if name != "instance"}
    passing = {"x-request-id", "date"}
    return answer.status_code, body, sorted(set(answer.headers) - passing)


async def _sign_in(person: Person, handle: str) -> httpx.Response:
    credentials = {"handle": handle, "password": "not the password"}
    return await person.ask("POST", "/sessions", json=credentials)


async def test_an_address_does_not_tell_that_it_has_an_account(world: World) -> None:
    await world.sign_up("rosa", email=ADDRESS)
    other = await world.sign_up("other", email=ADDRESS.lower())
    assert other.me["account"]["email"] == ADDRESS.lower()
    third = await world.sign_up("third")
    answer = await third.ask("PATCH", "/me", json={"email": ADDRESS, "current_password": PASSWORD})
    assert answer.status_code == 200
    form = {"handle": "fourth", "password": PASSWORD, "email": ADDRESS, "language": "en"}
    page = await world.stranger().http.post("/sign-up", data=form)
    assert page.status_code == 303


async def test_signing_in_answers_the_same_for_nobody_and_somebody(world: World) -> None:
    await world.sign_up("rosa")
    limit = world.application.state.settings.sign_in_attempts_per_hour
    asker = world.stranger()
    for _ in range(limit + 1):
        shapes = [_shape(await _sign_in(asker, handle)) for handle in ("rosa", "nobody")]
        assert shapes[0] == shapes[1]
    assert (await _sign_in(asker, "rosa")).status_code == 429


async def test_an_address_is_no_handle_to_sign_in_with(world: World) -> None:
    await world.sign_up("rosa", email=ADDRESS)
    credentials = {"handle": ADDRESS, "password": PASSWORD}
    answer = await world.stranger().ask("POST", "/sessions", json=credentials)
    assert answer.status_code == 401


async def test_nobody_but_its_owner_reads_an_address(world: World) -> None:
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker", email=ADDRESS)
    member = await world.sign_up("member", email=ADDRESS)
    organisation = await world.organisation(owner)
    path = f"/organisations/{organisation['id']}"
    await owner.post(f"{path}/members", {"handle": "member", "role": "member"})
    need = await world.open_need(owner, organisation)
    claim = await world.submitted_claim(worker, owner, need)
    await world.confirm(owner, claim, stream="gift")
    (book,) = (await owner.get("/books"))["items"]
    steward = world.steward or await world.set_up()
    for reader in (owner, member, steward, world.stranger()):
        for each in (
            f"{path}/members",
            f"/claims/{claim['id']}",
            f"/needs/{need['id']}/claims",
            f"/books/{book['id']}",
            f"/books/{book['id']}/entries",
        ):
            answer = await reader.ask("GET", each)
            assert ADDRESS.lower() not in answer.text.lower()
    members = (await owner.get(f"{path}/members"))["items"]
    assert {entry["handle"] for entry in members} == {"owner", "member"}
    assert all("email" not in str(entry) for entry in members)
