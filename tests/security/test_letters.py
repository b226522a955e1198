"""Letters that somebody could have sent to others without end: they are few a day."""

from collections import Counter
from datetime import timedelta

from sqlmodel import col, select

from app.infra import clock
from app.infra.database import transaction
from app.models.letters import Letter
from app.workers.activity import react_to_activities
from tests.factories.world import PASSWORD, World
from tests.pages.reading import Reader
from tests.pages.test_asks import confirmed, publish

PROOF = "/me/email-proof"


async def written(world: World, address: str) -> Counter[str]:
    async with transaction(world.runtime.sessions) as session:
        found = select(Letter.template).where(col(Letter.address) == address)
        return Counter((await session.exec(found)).all())


async def test_the_letter_that_proves_an_address_is_sent_a_few_times_a_day(world: World) -> None:
    victim = "victim@example.org"
    one = await world.sign_up("one", email=victim)
    two = await world.sign_up("two", email=victim.upper())
    assert (await one.ask("POST", PROOF)).status_code == 202
    for person in (one, two):
        refused = await person.ask("POST", PROOF)
        assert (refused.status_code, refused.json()["code"]) == (429, "proofs_limited")
        assert 0 < int(refused.headers["retry-after"]) <= 24 * 3600
    # Nobody new is told that others have this address.
    three = await world.sign_up("three", email=victim)
    sent = await written(world, victim) + await written(world, victim.upper())
    assert sent == {"prove_email": 3}
    with clock.moved(timedelta(days=1)):
        assert (await three.ask("POST", PROOF)).status_code == 202


async def test_one_account_sends_such_letters_to_few_addresses_a_day(world: World) -> None:
    person = await world.sign_up("person", email="a0@example.org")
    seen = []
    for number in range(1, 7):
        body = {"email": f"a{number}@example.org", "current_password": PASSWORD}
        seen.append((await person.ask("PATCH", "/me", json=body)).status_code)
    assert seen == [200] * 4 + [429] * 2
    assert (await person.get("/me"))["account"]["email"] == "a4@example.org"
    reader = Reader(world, person)
    here = "/notices/settings"
    page = await reader.submit(
        here, {**(await reader.open(here)).form(here), "again": "1"}, status=429
    )
    assert "Enough of these letters" in page.main.text


async def test_applying_again_and_again_makes_one_letter_and_has_an_end(world: World) -> None:
    steward, worker = await world.set_up(), await world.sign_up("worker")
    await confirmed(world)
    need = await publish(world, steward)
    path = f"/needs/{need}/claims"
    for _ in range(3):
        claim = await worker.post(path, {"note": "Me"})
        await worker.move(f"/claims/{claim['id']}", "withdrawn")
        await react_to_activities(world.runtime)
    refused = await worker.ask("POST", path, json={"note": "Me"})
    assert (refused.status_code, refused.json()["code"]) == (409, "applied_often")
    other = await world.sign_up("other")
    await other.post(path, {"note": "And me"})
    await react_to_activities(world.runtime)
    assert (await written(world, "asker@forn.example"))["ask.offered"] == 2
    with clock.moved(timedelta(days=1, minutes=1)):
        await worker.post(path, {"note": "Me"})
        await react_to_activities(world.runtime)
    assert (await written(world, "asker@forn.example"))["ask.offered"] == 3


async def test_members_are_mailed_once_of_who_applies_again(world: World) -> None:
    owner = await world.sign_up("owner", email="owner@example.org")
    worker = await world.sign_up("worker")
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation)
    for _ in range(2):
        claim = await worker.post(f"/needs/{need['id']}/claims", {})
        await react_to_activities(world.runtime)
        await worker.move(f"/claims/{claim['id']}", "withdrawn")
    async with world.runtime.engine.connect() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT mailed_at IS NULL FROM notices WHERE kind = 'claim_applied' ORDER BY created_at"
        )
        assert [row[0] for row in rows] == [True, False], "the first waits for its mail"
