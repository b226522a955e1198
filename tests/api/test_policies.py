"""The rules of a book: adopted by decision before the days they rule, drafted and tried before."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.domain.access import SYSTEM, Actor
from app.domain.policies import actions
from app.domain.policies.document import Policy
from app.domain.policies.queries import policy_on
from app.errors import AppError
from app.infra import clock, ids
from app.infra.database import transaction
from app.models.governance import DecisionOutcome
from app.models.ledger import BookStatusKind, LedgerAccountKind, WorkStream
from app.models.periods import PeriodState
from tests.factories.cooperative import (
    PAPER,
    Cooperative,
    found_cooperative,
    paper_cooperative,
)
from tests.factories.world import Json, Person, World

TODAY = date(2026, 4, 20)
NEXT = date(2026, 7, 1)
QUARTER = {"first_day": "2026-01-01", "last_day": "2026-03-31"}


@pytest.fixture(autouse=True)
def spring() -> Iterator[None]:
    """A day on which everything in these tests happens."""
    with clock.frozen(datetime(2026, 4, 20, 9, tzinfo=UTC)):
        yield


@pytest.fixture
async def coop(world: World) -> Cooperative:
    """A co-operative with one worker-owner."""
    found = await found_cooperative(world)
    await found.join("ana")
    return found


def draft(**changes: Any) -> Json:
    return {
        "title": "Care counts double",
        "reason": "It was forgotten.",
        "valid_from": NEXT.isoformat(),
        "document": Policy(weights={"care": "2/1"}).document(),  # type: ignore[arg-type]
        **changes,
    }


def acting(person: Person) -> Actor:
    return Actor(account_id=UUID(person.id))


async def refused(coop: Cooperative, valid_from: date) -> str:
    with pytest.raises(AppError) as error:
        await coop.adopt(valid_from)
    return error.value.code


def by_name(preview: Json) -> dict[str, Json]:
    return {worker["name"]: worker for worker in preview["workers"]}


async def test_rules_hold_from_their_day_until_the_next_ones(coop: Cooperative) -> None:
    first = await coop.adopt(date(2026, 1, 1), **PAPER)
    second = await coop.adopt(NEXT, members_share="1/2")
    instead = await coop.adopt(NEXT, members_share="1/3")
    assert [first.version, second.version, instead.version] == [1, 2, 3]
    async with transaction(coop.world.runtime.sessions) as session:
        held = [
            await policy_on(session, coop.book_id, day)
            for day in (date(2025, 12, 31), date(2026, 1, 1), NEXT - timedelta(1), NEXT)
        ]
        pending = await session.execute(
            text("SELECT subject FROM log_pending WHERE kind = 'policy' ORDER BY id")
        )
        logged = list(pending.scalars())
    assert [row and row.version for row in held] == [None, 1, 1, 3]
    assert logged == [first.id, second.id, instead.id]
    listed = (await coop.people["ana"].get(f"/books/{coop.book_id}/policies"))["items"]
    assert [row["version"] for row in listed] == [3, 2, 1]
    one = await coop.people["ana"].get(f"/policies/{first.id}")
    assert one["document"] == Policy.model_validate(PAPER).document()
    assert one["document_hash"] == Policy.model_validate(PAPER).hash().hex()


async def test_nobody_changes_the_rules_of_work_that_is_done(coop: Cooperative) -> None:
    await coop.adopt(date(2026, 1, 1), **PAPER)
    assert await refused(coop, TODAY) == "policy_day_past"
    await coop.adopt(TODAY + timedelta(1))
    await coop.period(1, date(2026, 4, 1), date(2026, 6, 30))
    for day in (TODAY + timedelta(1), date(2026, 6, 30)):
        assert await refused(coop, day) == "policy_day_begun"
    await coop.adopt(NEXT)
    assert await refused(coop, date(2036, 1, 1)) == "policy_day_far"


async def test_an_open_period_can_get_the_first_rules_of_a_book(coop: Cooperative) -> None:
    """Where there were none, none are taken away; once closing began, it is too late."""
    period = await coop.period(1, date(2026, 1, 1), date(2026, 3, 31))
    async with transaction(coop.world.runtime.sessions) as session:
        await session.execute(
            text("UPDATE periods SET state = :frozen WHERE id = :id"),
            {"frozen": PeriodState.FROZEN, "id": period},
        )
    assert await refused(coop, date(2026, 1, 1)) == "policy_day_begun"
    async with transaction(coop.world.runtime.sessions) as session:
        await session.execute(
            text("UPDATE periods SET state = :reopened WHERE id = :id"),
            {"reopened": PeriodState.REOPENED, "id": period},
        )
    assert await refused(coop, date(2026, 3, 31)) == "policy_day_begun"
    assert (await coop.adopt(date(2026, 4, 1))).version == 1


async def test_the_first_rules_may_rule_an_open_period(coop: Cooperative) -> None:
    await coop.period(1, date(2026, 1, 1), date(2026, 6, 30))
    assert (await coop.adopt(date(2026, 1, 1), **PAPER)).version == 1
    assert await refused(coop, date(2026, 1, 1)) == "policy_day_begun"


async def test_a_decision_adopts_once(coop: Cooperative) -> None:
    decision = await coop.decision(ids.private_id())
    seen = set()
    for _ in range(2):
        async with transaction(coop.world.runtime.sessions) as session:
            row = await actions.adopt_policy(
                session, SYSTEM, coop.book_id, Policy(), NEXT, decision
            )
            seen.add((row.id, row.version))
    assert len(seen) == 1


async def test_a_draft_is_its_authors_until_it_is_put_to_the_vote(coop: Cooperative) -> None:
    ana, bel = coop.people["ana"], await coop.join("bel")
    drafts = f"/books/{coop.book_id}/policy-drafts"
    made = await ana.post(drafts, draft(), key="one")
    assert (made["state"], made["author"], made["version"]) == ("open", "ana", 1)
    path = f"/policy-drafts/{made['id']}"
    first = {"If-Match": '"1"'}
    others = await bel.ask("PUT", path, json=draft(title="Mine"), headers=first)
    assert (others.status_code, others.json()["code"]) == (403, "policy_draft_others")
    changed = await ana.ask("PUT", path, json=draft(title="Care twice"), headers=first)
    assert (changed.status_code, changed.json()["title"]) == (200, "Care twice")
    stale = await ana.ask("PUT", path, json=draft(), headers=first)
    assert stale.status_code == 412
    decision = await coop.decision(UUID(made["id"]))
    async with transaction(coop.world.runtime.sessions) as session:
        await actions.propose_draft(session, acting(bel), UUID(made["id"]), decision)
    proposed = await ana.ask("PUT", path, json=draft(), headers={"If-Match": '"3"'})
    assert (proposed.status_code, proposed.json()["code"]) == (409, "policy_draft_closed")
    async with transaction(coop.world.runtime.sessions) as session:
        adopted = await actions.adopt_draft(session, SYSTEM, UUID(made["id"]))
        again = await actions.adopt_draft(session, SYSTEM, UUID(made["id"]))
    assert adopted.id == again.id
    now = await bel.get(path)
    assert (now["state"], now["policy_id"]) == ("adopted", str(adopted.id))
    assert (await bel.get(f"/policies/{adopted.id}"))["document"]["weights"]["care"] == "2/1"


async def test_what_was_refused_goes_back_to_its_author(coop: Cooperative) -> None:
    ana = coop.people["ana"]
    made = await ana.post(f"/books/{coop.book_id}/policy-drafts", draft(), key="one")
    draft_id = UUID(made["id"])
    decision = await coop.decision(draft_id)
    async with transaction(coop.world.runtime.sessions) as session:
        await actions.propose_draft(session, acting(ana), draft_id, decision)
        await actions.release_draft(session, draft_id)
    path = f"/policy-drafts/{made['id']}"
    now = await ana.get(path)
    assert (now["state"], now["decision_id"]) == ("open", None)
    headers = {"If-Match": f'"{now["version"]}"'}
    assert (await ana.ask("DELETE", path, headers=headers)).status_code == 204
    assert (await ana.get(f"/books/{coop.book_id}/policy-drafts"))["items"] == []
    with pytest.raises(AppError, match="policy_draft_closed"):
        async with transaction(coop.world.runtime.sessions) as session:
            await actions.propose_draft(session, acting(ana), draft_id, decision)


async def test_what_passed_too_late_to_hold_goes_back_as_well(coop: Cooperative) -> None:
    """A yes that came after its own first day adopts nothing, and does not lock the draft up."""
    ana = coop.people["ana"]
    await coop.adopt(date(2026, 1, 1), **PAPER)
    made = await ana.post(
        f"/books/{coop.book_id}/policy-drafts", draft(valid_from="2026-04-25"), key="one"
    )
    draft_id, path = UUID(made["id"]), f"/policy-drafts/{made['id']}"
    decision = await coop.decision(draft_id)
    async with transaction(coop.world.runtime.sessions) as session:
        await actions.propose_draft(session, acting(ana), draft_id, decision)
    assert (await ana.get(path))["state"] == "proposed"
    with clock.frozen(datetime(2026, 4, 25, tzinfo=UTC)):
        with pytest.raises(AppError, match="policy_day_past"):
            async with transaction(coop.world.runtime.sessions) as session:
                await actions.adopt_draft(session, SYSTEM, draft_id)
        outcome = DecisionOutcome(
            decision_id=decision, passed=True, yes=1, no=0, abstain=0, refused="policy_day_past"
        )
        async with transaction(coop.world.runtime.sessions) as session:
            session.add(outcome)
        now = await ana.get(path)
        assert now["state"] == "open"
        later = draft(valid_from="2026-10-01")
        headers = {"If-Match": f'"{now["version"]}"'}
        changed = await ana.ask("PUT", path, json=later, headers=headers)
        assert (changed.status_code, changed.json()["state"]) == (200, "open")
        assert changed.json()["decision_id"] is None


async def test_drafts_are_of_cooperatives_and_name_what_is_wrong(coop: Cooperative) -> None:
    ana = coop.people["ana"]
    drafts = f"/books/{coop.book_id}/policy-drafts"
    wrong = draft(document={"members_share": "0.2"})
    answer = await ana.ask("POST", drafts, json=wrong, headers={"Idempotency-Key": "a"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/document/members_share"
    early = draft(valid_from="2026-06-30")
    await coop.adopt(date(2026, 4, 1))
    await coop.period(1, date(2026, 4, 1), date(2026, 6, 30))
    answer = await ana.ask("POST", drafts, json=early, headers={"Idempotency-Key": "b"})
    assert (answer.status_code, answer.json()["code"]) == (422, "policy_day_begun")
    assert "2026-07-01" in answer.json()["detail"]
    assert (await ana.post(drafts, draft(), key="c"))["state"] == "open"
    async with transaction(coop.world.runtime.sessions) as session:
        await session.execute(text("UPDATE books SET ownership_since = NULL"))
    answer = await ana.ask("POST", drafts, json=draft(), headers={"Idempotency-Key": "d"})
    assert (answer.status_code, answer.json()["code"]) == (409, "ownership_off")


async def test_drafts_come_page_by_page(coop: Cooperative) -> None:
    ana = coop.people["ana"]
    drafts = f"/books/{coop.book_id}/policy-drafts"
    for number in range(3):
        await ana.post(drafts, draft(title=f"Draft {number}"), key=str(number))
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await ana.get(drafts, limit=2, **cursor)
        seen += [item["title"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(seen) == ["Draft 0", "Draft 1", "Draft 2"]
    for path in (drafts, f"/books/{coop.book_id}/policies"):
        answer = await ana.ask("GET", path, params={"cursor": "bm9uc2Vuc2U"})
        assert answer.status_code == 422


async def test_t1_before_the_vote_worker_by_worker(world: World) -> None:
    """Old beside new on the same days: the paper's figures, and what others would make of them."""
    coop = await paper_cooperative(world)
    await coop.adopt(date(2026, 1, 1), **PAPER)
    path = f"/books/{coop.book_id}/policy-preview"
    other = Policy.model_validate({**PAPER, "eligible": ["probationary", "worker_owner"]})
    question = {"document": other.document(), "surplus": 1_000_001, **QUARTER}
    seen = await coop.people["ana"].post(path, question, expect=200)
    assert (seen["old"]["pool"], seen["old"]["reserve_change"]) == (200_000, 800_001)
    assert seen["policy_version"] == 1
    workers = by_name(seen)
    old = {name: worker["old"]["amount"] for name, worker in workers.items()}
    assert old == {"ana": 122_480, "bel": 66_655, "cas": 10_865, "dor": 0, "pau": 0}
    assert workers["dor"]["old"]["reason"] == "below_minimum"
    assert (workers["pau"]["old"]["reason"], workers["pau"]["new"]["reason"]) == (
        "not_eligible",
        "counts",
    )
    assert sum(worker["new"]["amount"] for worker in workers.values()) == 200_000
    assert sum(worker["change"] for worker in workers.values()) == 0
    assert workers["pau"]["change"] > 0 > workers["ana"]["change"]


async def test_t2_a_loss_before_the_vote(world: World) -> None:
    coop = await paper_cooperative(world)
    await coop.adopt(date(2026, 1, 1), **PAPER)
    await coop.holds(LedgerAccountKind.RESERVE, UUID(coop.organisation["id"]), 500_000)
    for name, amount in {"ana": 250_000, "bel": 130_000, "cas": 20_000}.items():
        await coop.holds(LedgerAccountKind.CAPITAL, UUID(coop.people[name].id), amount)
    question = {"document": PAPER, "surplus": -1_200_000, **QUARTER}
    seen = await coop.people["ana"].post(
        f"/books/{coop.book_id}/policy-preview", question, expect=200
    )
    assert seen["old"] == seen["new"]
    assert (seen["new"]["members_loss"], seen["new"]["reserve_after"]) == (700_000, 0)
    after = {name: worker["new"]["capital_after"] for name, worker in by_name(seen).items()}
    assert after == {"ana": -178_679, "bel": -103_294, "cas": -18_027, "dor": 0, "pau": 0}


async def test_a_preview_takes_the_status_of_the_day_of_the_work(coop: Cooperative) -> None:
    """R2: what somebody became later does not change what their earlier work counts for."""
    zoe = await coop.join("zoe", BookStatusKind.PROBATIONARY)
    await coop.become(zoe, BookStatusKind.WORKER_OWNER, date(2026, 2, 10))
    await coop.worked(zoe, 600, date(2026, 2, 9))
    await coop.worked(zoe, 120, date(2026, 2, 10), WorkStream.GIFT)
    await coop.worked(zoe, 60, date(2026, 4, 1))
    guest = await coop.join("guest", None)
    await coop.worked(guest, 60, date(2026, 2, 10))
    path = f"/books/{coop.book_id}/policy-preview"
    seen = await coop.people["ana"].post(path, {"document": {}, **QUARTER}, expect=200)
    zoes = by_name(seen)["zoe"]["new"]
    assert (zoes["given"], zoes["counted"], zoes["weighted"]) == (720, 120, "120/1")
    assert by_name(seen)["guest"]["new"]["reason"] == "not_eligible"
    assert (seen["old"], seen["policy_version"]) == (None, None)


async def test_a_preview_of_a_period_has_its_days_and_its_surplus(coop: Cooperative) -> None:
    ana = coop.people["ana"]
    await coop.worked(ana, 600, date(2026, 3, 31))
    await coop.worked(ana, 60, date(2026, 4, 1))
    period = await coop.period(1, date(2026, 1, 1), date(2026, 3, 31), surplus=10_000)
    path = f"/books/{coop.book_id}/policy-preview"
    for question in ({"period_id": str(period)}, {}):
        seen = await ana.post(path, {"document": {}, **question}, expect=200)
        assert (seen["period_id"], seen["surplus"]) == (str(period), 10_000)
        assert by_name(seen)["ana"]["new"]["amount"] == 2_000
        assert by_name(seen)["ana"]["new"]["counted"] == 600
    other = await ana.ask("POST", path, json={"document": {}, "period_id": str(ids.private_id())})
    assert (other.status_code, other.json()["code"]) == (404, "period_not_found")
    backwards = {"first_day": "2026-03-31", "last_day": "2026-01-01"}
    answer = await ana.ask("POST", path, json={"document": {}, **backwards})
    assert (answer.status_code, answer.json()["code"]) == (422, "preview_days")


async def test_only_those_who_read_the_book_see_its_rules(coop: Cooperative) -> None:
    policy = await coop.adopt(NEXT)
    ana = coop.people["ana"]
    made = await ana.post(f"/books/{coop.book_id}/policy-drafts", draft(), key="one")
    member = await coop.join("member", None)
    outsider: Person = await coop.world.sign_up("outsider")
    for path in (
        f"/books/{coop.book_id}/policies",
        f"/policies/{policy.id}",
        f"/books/{coop.book_id}/policy-drafts",
        f"/policy-drafts/{made['id']}",
    ):
        answers = [(await each.ask("GET", path)).status_code for each in (ana, member, outsider)]
        assert answers == [200, 403, 404], path
