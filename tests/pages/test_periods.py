"""A period from its opening to its lock, on pages without a script."""

from uuid import UUID

from app.infra import clock
from tests.factories.periods import AFTER_OBJECTIONS, FIRST, LAST, cooperative
from tests.factories.world import World
from tests.pages.reading import Reader, target_of

SURPLUS = "10000,01"
OBJECTION = "An hour of mine is missing."


async def test_a_period_is_closed_without_a_script(world: World) -> None:
    made = await cooperative(world, "anna", "berta")
    await made.give(made.id_of("anna"), 6_000)
    await made.give(made.id_of("berta"), 3_000)
    readers = {name: Reader(world, person) for name, person in made.members.items()}
    keeper = Reader(world, made.owner)
    listed = f"/books/{made.book_id}/periods"
    form = (await keeper.open(listed)).form(listed)
    wrong = await keeper.submit(
        listed, {**form, "starts_on": "2026-01-01", "ends_on": "2025-01-01"}, status=422
    )
    assert "two years at most" in wrong.main.one("div", role="alert").text
    days = {"starts_on": "2026-01-01", "ends_on": "2026-03-31"}
    path = target_of(await keeper.submit(listed, {**form, **days}))
    fresh = await keeper.open(path)
    assert "Missing The surplus or loss is entered" in fresh.main.text
    await keeper.send(path, f"{path}/freeze", status=409)
    await keeper.send(path, f"{path}/surplus", status=422, surplus="much")
    await keeper.send(path, f"{path}/surplus", surplus=SURPLUS)
    entered = (await keeper.open(path)).main.one("input", name="surplus")
    assert entered.attributes["value"] == "10000.01"
    await keeper.send(path, f"{path}/freeze")
    assert "0 of 0 lines" in (await keeper.open(path)).main.text
    await world.work()
    drafted = await readers["berta"].open(path)
    assert "Objections are heard until" in drafted.main.text
    assert "€1,333.33" in drafted.main.text
    await readers["berta"].send(path, f"{path}/objections", text=OBJECTION)
    seen = await readers["anna"].open(path)
    assert OBJECTION in seen.main.text
    (answer,) = [
        each.attributes["action"]
        for each in seen.main.all("form")
        if "/objections/" in each.attributes["action"]
    ]
    await readers["anna"].send(path, answer, answer="It was on 2 April.", kept="1")
    assert "anna answered: It was on 2 April." in (await readers["berta"].open(path)).main.text
    assert not (await readers["anna"].open(path)).main.all("input", name="outcome_hash")
    with clock.moved(AFTER_OBJECTIONS):
        await made.sign_in_again()
        readers = {name: Reader(world, person) for name, person in made.members.items()}
        keeper = Reader(world, made.owner)
        await readers["anna"].send(path, f"{path}/signatures")
        assert "A second one is needed" in (await readers["berta"].open(path)).main.text
        await readers["berta"].send(path, f"{path}/signatures")
        assert "It is being locked now" in (await keeper.open(path)).main.text
        await world.work()
        locked = await keeper.open(path)
    assert "Final." in locked.main.text
    assert "One hash over 4 entries" in locked.main.text
    assert not locked.main.all("form")
    assert "Locked" in (await Reader(world, made.owner).open(listed)).main.text


async def test_a_worker_sees_their_own_line_and_a_period_is_taken_back(world: World) -> None:
    made = await cooperative(world, "anna", "berta")
    guest = await world.sign_up("guest")
    await made.give(made.id_of("anna"), 6_000)
    await made.give(UUID(guest.id), 600)
    period = await made.open(LAST, 100, FIRST)
    path = f"/periods/{period['id']}"
    keeper, reader = Reader(world, made.owner), Reader(world, guest)
    await keeper.send(path, f"{path}/freeze", status=409)
    await keeper.send(path, f"{path}/freeze", acknowledged="1")
    await world.work()
    own = await reader.open(path)
    assert "guest" in own.main.text
    assert "anna" not in own.main.text
    assert [each.attributes["action"] for each in own.main.all("form")] == [f"{path}/objections"]
    await keeper.send(path, f"{path}/reopen", reason="A day was forgotten")
    assert "Taken back to be put right" in (await keeper.open(path)).main.text
