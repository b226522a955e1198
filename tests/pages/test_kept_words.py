"""A form that was refused still holds what was typed: nothing that somebody wrote is lost."""

from datetime import date, timedelta
from typing import Any

from app.infra import clock
from tests.factories.disputing import house_of
from tests.factories.governing import cooperative, noon
from tests.factories.world import World
from tests.pages.reading import Page, Reader, target_of

TODAY = date(2026, 3, 15)
WORDS = "I was there from nine to ten, ask whoever had the keys"


def typed(page: Page) -> list[str]:
    """Return what stands in the large fields of a page."""
    return [area.text for area in page.main.all("textarea") if area.text]


async def test_a_refused_judgement_and_offer_come_back_as_they_were(world: World) -> None:
    house = await house_of(world, owners=3)
    worker = Reader(world, house.worker)
    begin = f"/entries/{house.entry_id}/dispute"
    here = target_of(await worker.send(begin, begin, reason=WORDS))
    refused = await worker.send(here, f"{here}/offer", status=422, hours="77", minutes="5")
    assert refused.form(f"{here}/offer")["hours"] == "77"
    assert refused.form(f"{here}/offer")["minutes"] == "5"
    await Reader(world, house.owner).send(here, f"{here}/panel")
    judges = await house.judges({"id": here.rpartition("/")[2]})
    judge = Reader(world, judges[0])
    many: dict[str, Any] = {"hours": "88", "minutes": "9", "reason": WORDS}
    refused = await judge.send(here, f"{here}/judgement", status=422, **many)
    sent = refused.form(f"{here}/judgement")
    assert (sent["hours"], sent["minutes"], sent["reason"]) == ("88", "9", WORDS)
    # The other two decide first: what the third wrote meanwhile is not lost either.
    late = {**(await Reader(world, judges[2]).open(here)).form(f"{here}/judgement"), **many}
    for one in judges[:2]:
        words: dict[str, Any] = {"hours": "1", "minutes": "0", "reason": "As logged"}
        await Reader(world, one).send(here, f"{here}/judgement", **words)
    refused = await Reader(world, judges[2]).submit(f"{here}/judgement", late, status=409)
    assert not refused.main.all("form", action=f"{here}/judgement")
    assert typed(refused) == [WORDS]


async def test_who_disputes_what_another_disputed_meanwhile_keeps_the_reason(world: World) -> None:
    house = await house_of(world, owners=2)
    first, second = (Reader(world, one) for one in house.owners)
    begin = f"/entries/{house.entry_id}/dispute"
    fields = (await second.open(begin)).form(begin)
    await first.send(begin, begin, reason="Nobody was there")
    refused = await second.submit(begin, {**fields, "reason": WORDS}, status=409)
    assert typed(refused) == [WORDS]
    assert refused.link("See the dispute")


async def test_a_refused_proposal_comes_back_with_its_words(world: World) -> None:
    house = await house_of(world, owners=3)
    dispute = await house.dispute(house.worker)
    here = f"/disputes/{dispute['id']}"
    await house.owner.post(f"{here}/panel", expect=200)
    for person in (await house.judges(dispute))[:2]:
        body = {"minutes": 20, "reason": "As logged"}
        await person.post(f"{here}/judgements", body, expect=200)
    await house.worker.post(f"{here}/reappeal", {"reason": "No"}, expect=200)
    mate = Reader(world, house.owners[0])
    action = f"/books/{dispute['book_id']}/decisions"
    fields = (await mate.open(here)).form(action)
    said = {**fields, "hours": "99", "minutes": "1", "words": WORDS, "days": "9"}
    refused = await mate.submit(action, said, status=422)
    again = refused.form(action)
    assert {name: again[name] for name in ("hours", "minutes", "words", "days")} == {
        "hours": "99", "minutes": "1", "words": WORDS, "days": "9",
    }  # fmt: skip
    assert (again["subject"], again["subject_id"]) == ("appeal", dispute["id"])
    decision = await mate.submit(action, {**again, "hours": "1", "minutes": "0"})
    assert target_of(decision).startswith("/decisions/")


async def test_an_admission_and_a_probation_keep_what_was_typed(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("y", "z"))
        a, z = Reader(world, coop.people["a"]), Reader(world, coop.people["z"])
        people = f"{coop.path}/people"
        later = (TODAY + timedelta(days=9)).isoformat()
        refused = await a.send(
            people, f"{coop.path}/probations", status=422, handle="zzz", since=later
        )
        assert "This day is still to come." in refused.main.one(id="problems").text
        form = refused.form(f"{coop.path}/probations")
        assert (form["handle"], form["since"]) == ("zzz", later)
        await coop.begin_probation(coop.people["z"], "2025-03-15")
        await coop.slips(coop.people["z"], 305 * 60, TODAY - timedelta(days=200))
        await coop.slips(coop.people["z"], 300 * 60, TODAY)
        await coop.people["z"].post(f"{coop.path}/admissions", {"words": "Hello"}, key="ask")
        standing = f"{coop.path}/standing"
        fields = (await z.open(standing)).form(f"{standing}/ask/withdraw")
        refused = await z.submit(f"{standing}/ask", {**fields, "words": WORDS}, status=409)
        assert typed(refused) == [WORDS]
        decisions = f"{coop.path}/decisions"
        refused = await a.send(decisions, decisions, status=422, words=WORDS, days="61")
        assert (refused.form(decisions)["words"], refused.form(decisions)["days"]) == (WORDS, "61")
