"""Disputes: both sides agree, or two who are no party decide; hours are booked once, by people."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.domain.access import SYSTEM
from app.domain.administration.invariants import count_violations
from app.domain.claims import panels
from app.domain.claims.rules import DISPUTE_WINDOW, PANEL_ANSWER, draw_key
from app.infra import clock
from app.infra.database import transaction
from app.models.claims import PanelCause
from tests.factories.uploads import picture, upload
from tests.factories.world import Json, Person, World, work_day


@dataclass
class Dispute:
    """An organisation with two members, a worker, and 90 minutes that wait for an answer."""

    world: World
    owner: Person
    colleague: Person
    worker: Person
    claim: Json

    @property
    def path(self) -> str:
        """The claim's address."""
        return f"/claims/{self.claim['id']}"

    @property
    def everybody(self) -> dict[str, Person]:
        """All who have an account, by id."""
        return {person.id: person for person in self.world.people if person.me}

    async def rows(self, statement: str, **values: object) -> list[Any]:
        """Ask the database itself."""
        async with self.world.runtime.engine.connect() as connection:
            return list((await connection.execute(text(statement), values)).all())

    async def judges(self, state: str = "drawn") -> list[Person]:
        """Return those who sit on the panel, in the order of the draw."""
        found = await self.rows(
            "SELECT account_id FROM panel_seats WHERE state = :state ORDER BY number", state=state
        )
        return [self.everybody[str(row[0])] for row in found]

    async def before_panel(self) -> Json:
        """Dispute the hours as the owner and bring them before a panel as the worker."""
        await self.owner.move(self.path, "disputed", "the menu is missing")
        await self.worker.move(self.path, "panel_review")
        panel = (await self.rows("SELECT id FROM panels WHERE closed_at IS NULL"))[0]
        return {"id": str(panel[0]), "path": f"/panels/{panel[0]}"}

    async def came_before(self) -> None:
        """Let all who are here have come, and taken their seats, before the claim."""
        async with self.world.runtime.engine.begin() as connection:
            for table in ("accounts", "memberships"):
                back = f"UPDATE {table} SET created_at = created_at - interval '1 day'"  # noqa: S608
                await connection.execute(text(back))

    async def minutes(self) -> int:
        """What the book says that the worker gave."""
        return int((await self.worker.get("/me/contributions"))["total_minutes"])

    async def sound(self) -> None:
        """Everything that must hold holds."""
        async with transaction(self.world.runtime.sessions) as session:
            found = await count_violations(session)
        assert {name: count for name, count in found.items() if count} == {}


@pytest.fixture
async def dispute(world: World) -> Dispute:
    owner, colleague = await world.sign_up("owner"), await world.sign_up("colleague")
    worker = await world.sign_up("worker", email="worker@example.org")
    organisation = await world.organisation(owner)
    seat = {"handle": "colleague", "role": "member", "worker_owner": False}
    await owner.post(f"/organisations/{organisation['id']}/members", seat)
    need = await world.open_need(owner, organisation, places=2)
    claim = await world.submitted_claim(worker, owner, need, 90)
    return Dispute(world, owner, colleague, worker, claim)


async def decide(judge: Person, panel: Json, minutes: int, *, expect: int = 200) -> Json:
    body = {"minutes": minutes, "reason": "as agreed"}
    return await judge.post(f"{panel['path']}/decision", body, expect=expect)


async def test_two_sides_agree_on_fewer_minutes(dispute: Dispute) -> None:
    await dispute.owner.move(dispute.path, "disputed", "half of it was another task")
    offer = f"{dispute.path}/settlement"
    seen = await dispute.worker.post(offer, {"minutes": 80}, expect=200)
    assert (seen["offer"], seen["awaited_of"]) == ({"minutes": 80, "by": "worker"}, "organisation")
    await dispute.worker.post(offer, {"minutes": 80}, expect=200)
    assert await dispute.minutes() == 0, "nobody agrees with themselves"
    seen = await dispute.owner.post(offer, {"minutes": 60}, expect=200)
    assert (seen["state"], seen["awaited_of"]) == ("disputed", "worker")
    agreed = await dispute.worker.post(offer, {"minutes": 60}, expect=200)
    assert (agreed["state"], agreed["resolution"], agreed["offer"]) == ("confirmed", "partly", None)
    assert await dispute.minutes() == 60
    recorded = await dispute.rows("SELECT recorded_by FROM entries")
    assert [str(row[0]) for row in recorded] == [dispute.owner.id], "a member answers for it"
    await dispute.sound()


async def test_only_the_two_sides_settle_and_within_what_was_logged(dispute: Dispute) -> None:
    offer = f"{dispute.path}/settlement"
    early = await dispute.worker.post(offer, {"minutes": 60}, expect=409)
    assert early["code"] == "settlement_state"
    await dispute.worker.move(dispute.path, "disputed", "nobody says why")
    over = await dispute.worker.post(offer, {"minutes": 91}, expect=422)
    assert over["errors"][0]["pointer"] == "/minutes"
    stranger = await dispute.world.sign_up("stranger")
    await stranger.post(offer, {"minutes": 60}, expect=404)
    steward = await dispute.world.set_up()
    assert (await steward.post(offer, {"minutes": 60}, expect=403))["code"] == (
        "settlement_parties_only"
    )
    none = await dispute.owner.post(offer, {"minutes": 0}, expect=200)
    assert none["offer"]["minutes"] == 0
    ended = await dispute.worker.post(offer, {"minutes": 0}, expect=200)
    assert (ended["state"], ended["confirmation"]) == ("rejected", None)
    assert await dispute.rows("SELECT 1 FROM entries") == [], "nothing is written of nothing"
    await dispute.sound()


async def test_a_panel_is_drawn_as_anybody_can_check(dispute: Dispute) -> None:
    await dispute.before_panel()
    seats = await dispute.rows(
        "SELECT seed, number, account_id::text, tier, pool_size, pool_head FROM panel_seats "
        "JOIN panels ON panels.id = panel_id ORDER BY number"
    )
    assert [(seat.tier, seat.pool_size) for seat in seats] == [("organisation", 1), ("stewards", 1)]
    for seat in seats:
        keys = [draw_key(seat.seed, seat.number, UUID(one)) for one in seat.pool_head]
        assert keys == sorted(keys)
        assert seat.account_id == seat.pool_head[0]
    steward = await dispute.world.set_up()
    assert [seat.account_id for seat in seats] == [dispute.colleague.id, steward.id]
    assert [p["need"]["title"] for p in (await steward.get("/me/panels"))["items"]] == [
        dispute.claim["need"]["title"]
    ]
    assert (await dispute.owner.get("/me/panels"))["items"] == []


async def test_two_who_decide_alike_close_it_with_one_entry(dispute: Dispute) -> None:
    panel = await dispute.before_panel()
    first, second = await dispute.judges()
    seen = await decide(first, panel, 60)
    assert (seen["closed"], seen["my_minutes"]) == (False, 60)
    assert (await second.get(panel["path"]))["others"] == [], "each decides for themselves"
    assert await dispute.minutes() == 0
    assert (await decide(second, panel, 60))["closed"]
    claim = await dispute.worker.get(dispute.path)
    assert (claim["state"], claim["resolution"]) == ("confirmed", "partly")
    (told,) = claim["panels"]
    assert [(one["by"], one["minutes"]) for one in told["judgements"]] == [
        (first.me["account"]["display_name"], 60),
        (second.me["account"]["display_name"], 60),
    ]
    entries = await dispute.rows("SELECT claim_id::text, panel_id::text FROM entries")
    assert [tuple(entry) for entry in entries] == [(dispute.claim["id"], panel["id"])]
    assert (await decide(second, panel, 90, expect=409))["code"] == "panel_closed"
    await dispute.sound()


async def test_a_panel_gives_no_more_than_the_day_has_room_for(dispute: Dispute) -> None:
    """Another book wrote 23 hours of that day down while the two sides differed."""
    panel = await dispute.before_panel()
    house = await dispute.world.organisation(dispute.owner, name="Second House")
    home = f"/organisations/{house['id']}"
    member = {"handle": "worker", "role": "member", "worker_owner": False}
    await dispute.owner.post(f"{home}/members", member)
    book = await dispute.owner.post(f"{home}/ownership", {"currency": "EUR"}, key="own")
    slip = {"worker": "worker", "worked_on": work_day(), "minutes": 1380, "stream": "care"}
    await dispute.owner.post(f"/books/{book['id']}/slips", {"slips": [slip]}, key="slip")
    first, second = await dispute.judges()
    refused = await decide(first, panel, 61, expect=409)
    assert (refused["code"], refused["day"], refused["minutes_max"]) == (
        "claim_day_full",
        work_day(),
        60,
    )
    await decide(first, panel, 60)
    assert (await decide(second, panel, 90, expect=409))["code"] == "claim_day_full"
    await decide(second, panel, 60)
    assert await dispute.minutes() == 60 + 1380
    await dispute.sound()


async def test_a_third_is_drawn_where_two_differ(dispute: Dispute) -> None:
    other = await dispute.world.sign_up("elsewhere")
    await dispute.world.organisation(other, "Other house")
    await dispute.came_before()
    late = await dispute.world.sign_up("late")
    await dispute.world.organisation(late, "Made for this dispute")
    panel = await dispute.before_panel()
    first, second = await dispute.judges()
    await decide(first, panel, 90)
    await decide(second, panel, 0)
    (third,) = await dispute.judges()
    assert third is other, "whoever comes after the claim judges no part of it"
    assert {one["minutes"] for one in (await third.get(panel["path"]))["others"]} == {90, 0}
    await decide(third, panel, 0)
    claim = await dispute.worker.get(dispute.path)
    assert (claim["state"], claim["resolution"]) == ("rejected", "rejected")
    assert await dispute.minutes() == 0
    need = await dispute.owner.get(f"/needs/{claim['need']['id']}")
    assert need["taken"] == 0, "its place is free again"
    await dispute.sound()


async def test_rejecting_or_cutting_wants_a_reason(dispute: Dispute) -> None:
    panel = await dispute.before_panel()
    judge = (await dispute.judges())[0]
    for minutes in (0, 30):
        body = {"minutes": minutes, "reason": ""}
        refused = await judge.post(f"{panel['path']}/decision", body, expect=422)
        assert refused["errors"][0]["pointer"] == "/reason"
    await judge.post(f"{panel['path']}/decision", {"minutes": 91}, expect=422)


async def test_whoever_declines_or_is_late_is_replaced_and_no_party_ever_sits(
    dispute: Dispute,
) -> None:
    double = await dispute.world.sign_up("double", email="Worker@example.org")
    helper = await dispute.world.sign_up("helper")
    for owner, name in ((double, "Twin house"), (helper, "Third house")):
        await dispute.world.organisation(owner, name)
    await dispute.came_before()
    panel = await dispute.before_panel()
    first, second = await dispute.judges()
    assert (await first.ask("POST", f"{panel['path']}/refusal")).status_code == 204
    assert await dispute.judges() == [second, helper], "a second account of the worker is no help"
    assert (await first.ask("GET", panel["path"])).status_code == 404
    for person in (dispute.worker, dispute.owner, double):
        assert (await person.ask("GET", panel["path"])).status_code == 404
        await decide(person, panel, 90, expect=404)
    with clock.moved(PANEL_ANSWER + timedelta(seconds=1)):
        async with transaction(dispute.world.runtime.sessions) as session:
            assert [str(one) for one in await panels.panels_to_redraw(session)] == [panel["id"]]
            await panels.redraw(session, UUID(panel["id"]))
    assert await dispute.judges("missed") == [second, helper]
    assert await dispute.judges() == [], "nobody is left who is no party: it waits"
    newcomer = await dispute.world.sign_up("newcomer")
    await dispute.world.organisation(newcomer, "Fourth house")
    async with transaction(dispute.world.runtime.sessions) as session:
        await panels.redraw(session, UUID(panel["id"]))
    assert await dispute.judges() == [], "a house that came after the claim has no judges in it"
    async with dispute.world.runtime.engine.begin() as connection:
        promoted = text("UPDATE accounts SET steward = true WHERE handle = 'newcomer'")
        await connection.execute(promoted)
    async with transaction(dispute.world.runtime.sessions) as session:
        await panels.redraw(session, UUID(panel["id"]))
    assert await dispute.judges() == [newcomer]
    await dispute.sound()


async def test_no_side_brings_its_own_judges(dispute: Dispute) -> None:
    """Whoever came after the claim, and whom the stewards limited, is not drawn."""
    home = (await dispute.owner.get("/me"))["memberships"][0]["organisation"]["id"]
    for name in ("puppet", "doll"):
        await dispute.world.sign_up(name)
        seat = {"handle": name, "role": "member", "worker_owner": False}
        await dispute.owner.post(f"/organisations/{home}/members", seat)
    steward = await dispute.world.set_up()
    limited = {"to": "limited", "reason": "Insults"}
    await steward.post(f"/accounts/{dispute.colleague.id}/transitions", limited, expect=200)
    await dispute.before_panel()
    assert [judge.id for judge in await dispute.judges()] == [steward.id]


async def test_silence_brings_two_people_and_never_hours(dispute: Dispute) -> None:
    async with transaction(dispute.world.runtime.sessions) as session:
        claim_id = UUID(dispute.claim["id"])
        await panels.open_panel(session, SYSTEM, claim_id, PanelCause.UNANSWERED)
    claim = await dispute.worker.get(dispute.path)
    assert (claim["state"], claim["awaited_of"]) == ("panel_review", "panel")
    assert await dispute.minutes() == 0
    # The organisation may still wake up and confirm all of it, unless it sits on the panel.
    judges = await dispute.judges()
    assert {judge.id for judge in judges} == {dispute.owner.id, dispute.colleague.id}
    path = f"{dispute.path}/confirmation"
    refused = await dispute.owner.post(path, {"minutes": 90}, expect=403, key="k")
    assert refused["code"] == "panel_member_decides_there"
    late = await dispute.world.sign_up("late")
    need = await dispute.owner.get(f"/needs/{claim['need']['id']}")
    seat = {"handle": "late", "role": "member", "worker_owner": False}
    await dispute.owner.post(f"/organisations/{need['organisation']['id']}/members", seat)
    await late.post(path, {"minutes": 90}, key="late")
    assert await dispute.minutes() == 90
    assert await dispute.rows("SELECT 1 FROM panels WHERE closed_at IS NULL") == []
    await dispute.sound()


@pytest.mark.parametrize("who", ["worker", "owner"])
async def test_confirmed_hours_are_disputed_for_thirty_days(dispute: Dispute, who: str) -> None:
    await dispute.world.confirm(dispute.owner, dispute.claim, 80)
    person = getattr(dispute, who)
    with clock.moved(DISPUTE_WINDOW + timedelta(seconds=1)):
        late = await person.ask(
            "POST", f"{dispute.path}/transitions", json={"to": "disputed", "reason": "late"}
        )
        assert late.status_code in {401, 409}
    async with dispute.world.runtime.engine.begin() as connection:
        await connection.execute(
            text("UPDATE claims SET confirmed_at = confirmed_at - interval '31 days'")
        )
    seen = await person.get(dispute.path)
    assert "disputed" not in seen["possible_transitions"]
    await person.move(dispute.path, "disputed", "too late", expect=409)
    async with dispute.world.runtime.engine.begin() as connection:
        await connection.execute(
            text("UPDATE claims SET confirmed_at = confirmed_at + interval '31 days'")
        )
    again = await person.move(dispute.path, "disputed", "a line was forgotten")
    assert await dispute.minutes() == 80, "what is booked stays until people decide otherwise"
    assert "withdrawn" not in again["possible_transitions"]
    await dispute.sound()
    offer = f"{dispute.path}/settlement"
    await dispute.owner.post(offer, {"minutes": 70}, expect=200)
    agreed = await dispute.worker.post(offer, {"minutes": 70}, expect=200)
    assert (agreed["state"], agreed["confirmation"]["minutes"]) == ("confirmed", 70)
    assert await dispute.minutes() == 70
    entries = await dispute.rows("SELECT kind, entry_id, corrects FROM entries ORDER BY id")
    assert [entry.kind for entry in entries] == ["contribution", "correction", "correction"]
    assert [e.corrects for e in entries] == [None, entries[0].entry_id, entries[1].entry_id]
    await dispute.sound()
    # Disputed again with the same outcome: the book stays as it is.
    await person.move(dispute.path, "disputed", "once more")
    await dispute.owner.post(offer, {"minutes": 70}, expect=200)
    await dispute.worker.post(offer, {"minutes": 70}, expect=200)
    assert len(await dispute.rows("SELECT 1 FROM entries")) == 3
    await dispute.sound()


async def test_confirmed_hours_that_a_panel_rejects_are_taken_back(dispute: Dispute) -> None:
    await dispute.world.confirm(dispute.owner, dispute.claim, 90)
    await dispute.owner.move(dispute.path, "disputed", "it was somebody else's work")
    await dispute.owner.move(dispute.path, "panel_review")
    found = await dispute.rows("SELECT id FROM panels WHERE closed_at IS NULL")
    panel = {"path": f"/panels/{found[0][0]}"}
    for judge in await dispute.judges():
        await decide(judge, panel, 0)
    claim = await dispute.worker.get(dispute.path)
    assert (claim["state"], claim["confirmation"]) == ("rejected", None)
    assert await dispute.minutes() == 0
    assert len(await dispute.rows("SELECT 1 FROM entries")) == 2
    await dispute.sound()


async def picture_of(dispute: Dispute) -> Json:
    """Let the worker upload a picture for the thread."""
    on = {"claim_id": dispute.claim["id"]}
    answer = await upload(dispute.worker, on, "menu.png", picture())
    assert answer.status_code == 201, answer.text
    sent: Json = answer.json()
    return sent


async def judged(dispute: Dispute) -> tuple[Person, Person]:
    """Let the colleague and a steward decide, with a word and a file before it."""
    await dispute.came_before()
    steward = await dispute.world.set_up()
    panel = await dispute.before_panel()
    thread = f"{dispute.path}/messages"
    sent = await picture_of(dispute)
    before = {"body": "See the menu", "file_ids": [sent["id"]]}
    await dispute.worker.post(thread, before, key="before")
    assert await dispute.judges() == [dispute.colleague, steward]
    for judge in (dispute.colleague, steward):
        assert (await judge.get(thread))["side"] == "panel"
        await judge.post(thread, {"body": "We have looked"}, key=f"asks-{judge.id}")
        await decide(judge, panel, 60)
    return dispute.colleague, steward


async def test_who_judged_reads_what_was_there_and_writes_no_more(dispute: Dispute) -> None:
    _, steward = await judged(dispute)
    thread = f"{dispute.path}/messages"
    with clock.moved(timedelta(minutes=1)):
        sent = await picture_of(dispute)
        late = {"body": "Between the two of us", "file_ids": [sent["id"]]}
        said = await dispute.worker.post(thread, late, key="late")
        seen = await steward.get(thread)
        assert [one["body"] for one in seen["items"]] == [
            "We have looked", "We have looked", "See the menu",
        ]  # fmt: skip
        assert (seen["may_write"], seen["unread"]) == (False, 0)
        refused = await steward.post(thread, {"body": "And yet"}, expect=409, key="x")
        assert refused["code"] == "panel_closed"
        mine = f"{thread}/{seen['items'][0]['id']}"
        body = {"body": "We have looked, and more"}
        assert (await steward.change(mine, body, 1, expect=409))["code"] == "panel_closed"
        old = seen["items"][-1]["files"][0]["id"]
        assert (await steward.ask("GET", f"/files/{old}")).status_code == 200
        assert (await steward.ask("GET", f"/files/{sent['id']}")).status_code == 404
        assert (await dispute.owner.ask("GET", f"/files/{sent['id']}")).status_code == 200
        report = {"about": "message", "id": said["id"], "kind": "other", "words": "Look"}
        assert (await steward.ask("POST", "/reports", json=report)).status_code == 404
        report["id"] = seen["items"][-1]["id"]
        assert (await steward.ask("POST", "/reports", json=report)).status_code == 201
        # What somebody changes now says something that the panel never read.
        first = f"{thread}/{seen['items'][-1]['id']}"
        await dispute.worker.change(first, {"body": "See the new menu"}, 1)
        assert len((await steward.get(thread))["items"]) == 2
        assert (await steward.ask("GET", f"/files/{old}")).status_code == 404


async def test_a_member_who_judged_is_a_member_again_and_once_removed_reads_the_past(
    dispute: Dispute,
) -> None:
    colleague, _ = await judged(dispute)
    thread = f"{dispute.path}/messages"
    with clock.moved(timedelta(minutes=1)):
        await dispute.worker.post(thread, {"body": "Thanks to you all"}, key="late")
        seen = await colleague.get(thread)
        assert (seen["side"], len(seen["items"]), seen["may_write"]) == ("organisation", 4, True)
        home = (await dispute.rows("SELECT id FROM organisations"))[0][0]
        members = f"/organisations/{home}/members/{colleague.id}"
        assert (await dispute.owner.ask("DELETE", members)).status_code == 204
        seen = await colleague.get(thread)
        assert (seen["side"], len(seen["items"]), seen["may_write"]) == ("panel", 3, False)
        await colleague.post(thread, {"body": "One more"}, expect=409, key="more")
