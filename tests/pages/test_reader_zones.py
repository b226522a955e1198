"""Times on pages, as the clock of whoever reads them shows them."""

from datetime import UTC, datetime
from typing import Any

from app.infra import clock
from tests.factories.governing import cooperative
from tests.factories.world import Person, World
from tests.pages.reading import Reader, target_of

LATE = datetime(2026, 3, 15, 22, 30, tzinfo=UTC)
DRAFT: dict[str, Any] = {"title": "Other rules", "reason": "Fairer.", "valid_from": "2026-07-01"}


async def live_in(person: Person, zone: str) -> None:
    """Let somebody name their zone."""
    profile = {
        "about": "", "skills": [], "tags": [], "languages": ["en"],
        "hours_per_week": 5, "time_zone": zone, "findable": False,
    }  # fmt: skip
    answer = await person.ask("PUT", "/me/profile", json=profile)
    assert answer.status_code == 200, answer.text


async def test_a_decision_names_the_zone_that_its_times_are_in(world: World) -> None:
    with clock.frozen(LATE):
        coop = await cooperative(world, owners=("a", "b", "c"))
        await live_in(coop.people["a"], "Europe/Athens")
        await live_in(coop.people["b"], "America/New_York")
        a, b, c = (Reader(world, coop.people[name]) for name in "abc")
        rules = f"{coop.path}/rules"
        draft = target_of(await a.send(f"{rules}/new", f"{rules}/new", **DRAFT))
        decision = target_of(await b.send(draft, f"{coop.path}/decisions", days="2"))
        for reader, opened, ends in (
            (a, "16 Mar 2026, 00:30 (Europe/Athens)", "18 Mar 2026, 00:30 (Europe/Athens)"),
            (b, "15 Mar 2026, 18:30 (America/New York)", "17 Mar 2026, 18:30 (America/New York)"),
            (c, "15 Mar 2026, 22:30 (UTC)", "17 Mar 2026, 22:30 (UTC)"),
        ):
            page = await reader.open(decision)
            assert f"Votes are taken until {ends}" in page.main.text
            assert f"The worker-owners of {opened}" in page.main.text
            page = await reader.open(f"{coop.path}/decisions")
            assert f"Votes are taken until {ends}" in page.main.text
            assert ends.partition(",")[0] in page.main.all("ul", class_="stack")[-1].text
        for reader in (a, b):
            await reader.send(decision, f"{decision}/vote", choice="yes")
        assert "Closed on 16 Mar 2026, 00:30 (Europe/Athens)" in (await a.open(decision)).main.text
        assert "Closed on 15 Mar 2026, 22:30 (UTC)" in (await c.open(decision)).main.text


async def test_messages_are_dated_by_the_readers_clock(world: World) -> None:
    with clock.frozen(LATE):
        owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
        need = await world.open_need(owner, await world.organisation(owner))
        claim = await worker.post(f"/needs/{need['id']}/claims", {"note": "I can do this"})
        await live_in(worker, "Europe/Athens")
        path = f"/claims/{claim['id']}/messages"
        await owner.post(path, {"body": "Good evening"}, key="evening")
        assert "16 Mar 2026, 00:30" in (await Reader(world, worker).open(path)).main.text
        assert "15 Mar 2026, 22:30" in (await Reader(world, owner).open(path)).main.text


async def test_all_times_of_a_claim_are_in_one_zone_that_is_named(world: World) -> None:
    with clock.frozen(LATE):
        owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
        organisation = await world.organisation(owner)
        home = f"/organisations/{organisation['id']}"
        await owner.change(home, {"time_zone": "Europe/Athens"}, organisation["version"])
        need = await world.open_need(owner, organisation)
        claim = await world.submitted_claim(worker, owner, need)
        await world.confirm(owner, claim, 60)
        await live_in(owner, "America/New_York")
        path = f"/claims/{claim['id']}"
        # Who named a zone reads in it; others in that of the organisation, whose days count.
        for person, now in (
            (owner, "15 Mar 2026, 18:30 (America/New York)"),
            (worker, "16 Mar 2026, 00:30 (Europe/Athens)"),
        ):
            page = await Reader(world, person).open(path)
            steps = page.main.one("ol", class_="history").all("time")
            assert {each.text for each in steps} == {now}
