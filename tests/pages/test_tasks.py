"""What there is to do: asks that nobody has put to the vote, votes that end soon, what is due."""

from collections.abc import Iterator
from datetime import date, timedelta
from secrets import token_hex

import pytest

from app.infra import clock
from tests.factories.disputing import house_of
from tests.factories.governing import Cooperative, back, cooperative, give_capital, noon
from tests.factories.world import Person, World
from tests.pages.reading import Reader

TODAY = date(2026, 3, 15)
GOVERNED = {
    "admission", "may_ask", "cosign", "conversion", "appeal", "judge", "exit_due", "exit_open",
    "vote", "vote_soon",
}  # fmt: skip


@pytest.fixture
def spring() -> Iterator[None]:
    with clock.frozen(noon(TODAY)):
        yield


async def tasks(person: Person, book: str) -> dict[str, str]:
    """Return what somebody has to do in a book, with the page of each."""
    found = (await person.get(f"{book}/tasks"))["items"]
    return {one["code"]: one["path"] for one in found if one["code"] in GOVERNED}


async def on_page(world: World, person: Person, book: str) -> dict[str, str]:
    """Return the same as the book's page has it, and see that each page opens."""
    reader = Reader(world, person)
    page = await reader.open(book)
    found = {
        item.all("span")[0].text: item.one("a").attributes["href"]
        for block in page.main.all("ul", class_="tasks")
        for item in block.all("li")
        if item.all("a")
    }
    for path in found.values():
        await reader.open(path)
    return found


@pytest.mark.usefixtures("spring")
async def test_who_has_what_is_asked_and_who_then_asked(world: World) -> None:
    coop = await cooperative(world, members=("z",))
    a, z = coop.people["a"], coop.people["z"]
    await coop.begin_probation(z, "2025-03-15")
    assert await tasks(z, coop.path) == {}
    await coop.slips(z, 305 * 60, TODAY - timedelta(days=200))
    await coop.slips(z, 300 * 60, TODAY)
    assert await tasks(z, coop.path) == {"may_ask": f"{coop.path}/standing"}
    assert "You have what is asked" in (await Reader(world, z).open(coop.path)).main.text
    await z.post(f"{coop.path}/admissions", {"words": "A year with you"}, key="ask")
    assert await tasks(z, coop.path) == {}
    ask = (await a.get(f"{coop.path}/admissions"))["items"][0]["id"]
    where = f"{coop.path}/decisions#ask-{ask}"
    assert await tasks(a, coop.path) == {"admission": where}
    shown = await on_page(world, a, coop.path)
    text = "zzz asked on 15 Mar 2026 to become a worker-owner. Nobody has put it to the vote yet."
    assert shown[text] == where
    decision = await coop.motion(a, "admission", ask, days=7)
    there = f"/decisions/{decision['id']}"
    assert await tasks(a, coop.path) == {"vote": there}
    with clock.frozen(noon(TODAY + timedelta(days=4))):
        assert await tasks(a, coop.path) == {"vote_soon": there}
        told = await on_page(world, a, coop.path)
        assert told["A vote ends on 22 Mar 2026, and yours is still missing."] == there
        await coop.vote(a, decision, "yes")
        assert await tasks(a, coop.path) == {}
        assert await tasks(coop.people["b"], coop.path) == {"vote_soon": there}


async def _asked_about_a_gift(coop: Cooperative, person: Person) -> str:
    await coop.begin_probation(person, "2025-03-15")
    gifts = await coop.slips(person, 120, TODAY, stream="gift")
    body = {"account_id": person.id, "entry_ids": gifts}
    made = await person.post(f"{coop.path}/conversions", body, key="gift")
    return str(made["id"])


@pytest.mark.usefixtures("spring")
async def test_gift_work_waits_for_a_signature_and_then_for_a_vote(world: World) -> None:
    coop = await cooperative(world, members=("z",))
    a, z = coop.people["a"], coop.people["z"]
    asked = await _asked_about_a_gift(coop, z)
    here = f"/conversions/{asked}"
    assert await tasks(a, coop.path) == {"cosign": here}
    assert await tasks(z, coop.path) == {}
    await a.post(f"{here}/signatures", key="sign", expect=200)
    assert await tasks(a, coop.path) == {"conversion": here}
    assert "Both sides signed for gift work by zzz" in str(await on_page(world, a, coop.path))
    decision = await coop.motion(a, "conversion", asked)
    assert await tasks(a, coop.path) == {"vote": f"/decisions/{decision['id']}"}


@pytest.mark.usefixtures("spring")
async def test_an_exit_stands_there_until_its_instalments_are_paid(world: World) -> None:
    coop = await cooperative(world)
    a, b, c = (coop.people[name] for name in "abc")
    await give_capital(coop, "ccc", 1001)
    await b.post(f"{coop.path}/exits", key="b")
    # Where nothing is to be paid, nothing waits for anybody.
    assert await tasks(a, coop.path) == {}
    made = await c.post(f"{coop.path}/exits", key="c")
    assert await tasks(a, coop.path) == {"exit_open": f"/exits/{made['id']}"}
    assert await tasks(c, coop.path) == {}
    with clock.frozen(noon(TODAY + timedelta(days=31))):
        await back(a)
        assert await tasks(a, coop.path) == {"exit_due": f"/exits/{made['id']}"}
        assert "an instalment is due since 15 Apr 2026" in str(await on_page(world, a, coop.path))


async def test_a_seat_on_a_panel_and_what_was_brought_before_all(world: World) -> None:
    house = await house_of(world, owners=4)
    dispute = await house.dispute(house.worker)
    here, book = f"/disputes/{dispute['id']}", f"/books/{dispute['book_id']}"
    await house.owner.post(f"{here}/panel", expect=200)
    judges = await house.judges(dispute)
    assert await tasks(judges[0], book) == {"judge": here}
    for one in judges[:2]:
        body = {"minutes": 30, "reason": "As logged"}
        await one.post(f"{here}/judgements", body, expect=200)
    assert await tasks(judges[0], book) == {}
    await house.worker.post(f"{here}/reappeal", {"reason": "No"}, expect=200)
    assert await tasks(judges[0], book) == {"appeal": here}
    # Whoever is a party leaves it to the others.
    assert await tasks(house.worker, book) == {}
    assert "Nobody has put it to the vote yet" in str(await on_page(world, judges[0], book))
    motion = {"subject": "appeal", "subject_id": dispute["id"], "minutes": 60}
    made = await judges[0].post(f"{book}/decisions", motion, key=token_hex(8))
    assert await tasks(judges[0], book) == {"vote": f"/decisions/{made['id']}"}
