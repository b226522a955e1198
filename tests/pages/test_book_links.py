"""Each step of keeping a book is reached by links from its home: nobody types an address."""

from uuid import UUID

from tests.factories.periods import cooperative
from tests.factories.world import World
from tests.pages.reading import Page, Reader, target_of


def leads(page: Page, path: str) -> bool:
    """Say whether a page links to an address."""
    return any(link.attributes.get("href") == path for link in page.main.all("a"))


async def test_from_a_book_to_its_periods_and_back(world: World) -> None:
    made = await cooperative(world, "anna", "berta")
    await made.give(made.id_of("anna"), 600)
    keeper = Reader(world, made.owner)
    home = await keeper.open(f"/books/{made.book_id}")
    periods = f"/books/{made.book_id}/periods"
    (task,) = [one for one in home.main.all("li") if "No period runs" in one.text]
    assert task.one("a").attributes["href"] == periods, "the task leads to where it is done"
    form = (await keeper.open(periods)).form(periods)
    days = {"starts_on": "2026-01-01", "ends_on": "2026-03-31"}
    period = target_of(await keeper.submit(periods, {**form, **days})).partition("?")[0]
    assert leads(await keeper.open(f"/books/{made.book_id}"), periods)
    statement = f"{period}/statement"
    assert leads(await keeper.open(period), statement)
    assert leads(await keeper.open(statement), period)
    # Whoever only works here finds the way from their statement to where they may object.
    own = f"{period}/statements/{made.id_of('anna')}"
    assert leads(await Reader(world, made.members["anna"]).open(own), period)


async def test_from_an_entry_to_its_correction_and_its_dispute(world: World) -> None:
    made = await cooperative(world, "anna", "berta")
    entry = f"/entries/{await made.give(made.id_of('anna'), 600)}"
    anna, berta = (Reader(world, made.members[name]) for name in ("anna", "berta"))
    assert leads(await berta.open(f"/books/{made.book_id}"), f"/books/{made.book_id}/disputes")
    seen = await berta.open(entry)
    assert leads(seen, f"{entry}/correction")
    assert leads(seen, f"{entry}/dispute")
    begin = f"{entry}/dispute"
    dispute = target_of(await anna.send(begin, begin, reason="It was an hour more"))
    dispute = dispute.partition("?")[0]
    disputed = await berta.open(entry)
    assert leads(disputed, dispute)
    assert not leads(disputed, f"{entry}/correction"), "what is disputed is not corrected"
    assert not leads(disputed, f"{entry}/dispute")


async def test_nobody_is_led_to_a_standing_that_they_have_not_got(world: World) -> None:
    """Whoever works in a book without being a member is told how standing begins instead."""
    made = await cooperative(world, "anna", "berta")
    guest = await world.sign_up("guest")
    for name in (guest, made.members["anna"]):
        await made.give(UUID(name.id), 600)
    book = f"/books/{made.book_id}"
    standing, beginning = f"{book}/standing", "begins with membership"
    own = await Reader(world, guest).open(book)
    assert not leads(own, standing)
    assert beginning in own.main.text
    await Reader(world, guest).open(standing, status=404)
    body = {"handle": "guest", "role": "member"}
    await made.owner.post(f"/organisations/{made.organisation['id']}/members", body)
    theirs = await Reader(world, guest).open(f"{book}/workers/{guest.id}")
    assert leads(theirs, standing)
    assert beginning not in theirs.main.text
    await Reader(world, guest).open(standing)
    seen = await Reader(world, made.members["anna"]).open(f"{book}/workers/{guest.id}")
    assert leads(seen, f"{standing}/{guest.id}")
