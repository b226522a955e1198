"""A period from its opening to its lock, on pages without a script."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.infra import clock
from app.infra.database import transaction
from app.infra.i18n import LANGUAGES
from app.infra.ids import private_id
from app.models.periods import Period
from tests.factories.periods import AFTER_OBJECTIONS, FIRST, LAST, Cooperative, cooperative
from tests.factories.world import World
from tests.pages.reading import Page, Reader, target_of

SURPLUS = "10000,01"
OBJECTION = "An hour of mine is missing."
UNRULED = (
    "Missing No rules hold on its first day, 1 Dec 2025: adopt some that hold from that day or "
    "before. That works after the day, too."
)


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
    assert "Missing What was earned or lost is not entered yet. Enter it" in fresh.main.text
    assert "something that is needed is still missing" in fresh.main.text
    await keeper.send(path, f"{path}/freeze", status=409)
    await keeper.send(path, f"{path}/surplus", status=422, surplus="much")
    await keeper.send(path, f"{path}/surplus", surplus=SURPLUS)
    entered = await keeper.open(path)
    assert entered.main.one("input", name="surplus").attributes["value"] == "10000.01"
    assert "Fine What was earned or lost is entered: €10,000.01." in entered.main.text
    assert "looks through the checklist and freezes the period" in entered.main.text
    assert "#freeze" in [a.attributes["href"] for a in entered.main.all("a")]
    await keeper.send(path, f"{path}/freeze")
    assert "0 of 0 lines" in (await keeper.open(path)).main.text
    await world.work()
    drafted = await readers["berta"].open(path)
    assert "Objections are heard until" in drafted.main.text
    assert "€1,333.33" in drafted.main.text
    await readers["berta"].send(path, f"{path}/objections", text=OBJECTION)
    seen = await readers["anna"].open(path)
    assert OBJECTION in seen.main.text
    assert "An objection waits for its answer. Any owner or worker-owner can" in seen.main.text
    (answer,) = [
        each.attributes["action"]
        for each in seen.main.all("form")
        if "/objections/" in each.attributes["action"]
    ]
    await readers["anna"].send(path, answer, answer="It was on 2 April.", kept="1")
    assert "anna answered: It was on 2 April." in (await readers["berta"].open(path)).main.text
    assert not (await readers["anna"].open(path)).main.all("input", name="outcome_hash")
    await sign_by_two(world, made, path)
    keeper = Reader(world, made.owner)
    locked = await keeper.open(path)
    assert "Final." in locked.main.text
    assert "One hash over 4 entries" in locked.main.text
    assert not locked.main.all("form")
    assert "Locked" in (await Reader(world, made.owner).open(listed)).main.text


async def sign_by_two(world: World, made: Cooperative, path: str) -> None:
    """Let a month go by, and two worker-owners sign on pages."""
    with clock.moved(AFTER_OBJECTIONS):
        await made.sign_in_again()
        readers = {name: Reader(world, person) for name, person in made.members.items()}
        await readers["anna"].send(path, f"{path}/signatures")
        waits = await readers["berta"].open(path)
        assert "A second signature, of another worker-owner, makes it final" in waits.main.text
        signed = await readers["anna"].open(path)
        assert "You have signed. Now another worker-owner signs" in signed.main.text
        assert not signed.main.all("input", name="outcome_hash"), "nobody signs twice"
        await readers["berta"].send(path, f"{path}/signatures")
        assert "It is being locked now" in (await readers["anna"].open(path)).main.text
        await world.work()


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
    assert "Taken back, to be put right" in (await keeper.open(path)).main.text


async def test_each_open_point_says_what_is_open_and_leads_to_where_it_is_mended(
    world: World,
) -> None:
    made = await cooperative(world, "anna", "berta")
    guest, keeper = await world.sign_up("guest"), Reader(world, made.owner)
    for _ in range(2):
        need = await world.open_need(made.owner, made.organisation)
        await world.submitted_claim(guest, made.owner, need)
    await made.give(UUID(guest.id), 600)
    disputed = await made.give(made.id_of("berta"), 60)
    body = {"reason": "It was two hours"}
    await made.members["berta"].post(f"/entries/{disputed}/disputes", body, key="dispute")
    before = await unruled_month(made)
    period = await made.open(LAST, -100)
    claims = f"/organisations/{made.organisation['id']}/claims"
    book = f"/books/{made.book_id}"
    page = await keeper.open(f"/periods/{period['id']}")
    assert points_of(page) == {
        "Fine Its last day, 31 Mar 2026, is past.": [],
        "Missing The period before it, until 31 Dec 2025, is not locked yet.": [before],
        "Fine Rules hold for it.": [],
        "Fine What was earned or lost is entered: −€1.00.": [],
        "Open 2 claims with work of its days wait for confirmation.": [claims],
        "Open 1 thing is in dispute: what is disputed does not count until it is settled.": [
            f"{book}/disputes",
            claims,
        ],
        "Open Of 1 person who worked the book does not know what they were on that day": [
            f"{book}/people"
        ],
    }
    assert "something that is needed is still missing" in page.main.text
    page = await keeper.open(before)
    assert points_of(page)[UNRULED] == [f"{book}/rules"]
    with clock.frozen(datetime(2026, 3, 31, 23, 59, tzinfo=UTC)):
        page = await keeper.open(f"/periods/{period['id']}")
    last = "Missing Its last day is 31 Mar 2026: it can be frozen from the day after."
    assert points_of(page)[last] == []
    assert "Its days run until 31 Mar 2026. After that day an owner" in page.main.text
    for language in LANGUAGES:
        said = (await keeper.open(f"/periods/{period['id']}?lang={language}")).main.text
        assert not re.search(r"period\.[a-z]", said), said


async def unruled_month(made: Cooperative) -> str:
    """Leave the period before the first rules, from when one could be opened without any."""
    first, last = FIRST - timedelta(days=31), FIRST - timedelta(days=1)
    period = Period(
        id=private_id(), book_id=made.book_id, number=1, starts_on=first, ends_on=last,
        surplus=100, created_by=UUID(made.owner.id),
    )  # fmt: skip
    async with transaction(made.world.runtime.sessions) as session:
        session.add(period)
    return f"/periods/{period.id}"


def points_of(page: Page) -> dict[str, list[str]]:
    """Return the points of a checklist, each up to its second sentence, and where it leads."""
    return {
        point.text.split(" If ")[0]
        .split(": the rules")[0]
        .removesuffix(" " + " · ".join(a.text for a in point.all("a"))): [
            a.attributes["href"] for a in point.all("a")
        ]
        for point in page.main.one("section", aria_labelledby="checks").all("li")
    }
