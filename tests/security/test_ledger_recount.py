"""What the check of an export counts once more, each by itself: votes, signers, money, receipts.

A forged body no longer fits its leaf, and that alone is found. Here that first half is left out:
the figures give each forgery away, also where every hash was made anew.
"""

import copy
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from secrets import token_hex
from uuid import UUID

from sqlalchemy import text

from app import verifier, verifier_book
from app.infra import clock
from app.infra.database import transaction
from tests.factories import books
from tests.factories.exports import exported
from tests.factories.governing import cooperative, noon
from tests.factories.periods import FIRST, LAST
from tests.factories.periods import cooperative as closing_cooperative
from tests.factories.world import Json, World

TODAY = date(2026, 3, 15)
Placed = list[tuple[int, Json]]
Forgery = Callable[[Json], object]


def _placed(export: Json) -> Placed:
    return [
        (10**6 if each["position"] is None else each["position"], each["body"])
        for each in export["records"]
    ]


def _all(export: Json, kind: str) -> list[Json]:
    return [each["body"] for each in export["records"] if each["body"]["type"] == kind]


def _found(export: Json, forge: Forgery, check: Callable[[Json], Iterable[str]]) -> str:
    forged = copy.deepcopy(export)
    forge(forged)
    return " ".join(check(forged))


def _decision(subject: str) -> Callable[[Json], Json]:
    return lambda file: next(one for one in _all(file, "decision") if one["subject"] == subject)


_ADMISSION = _decision("admission")


def _say(file: Json, choice: str) -> None:
    """Let one who said yes say something else, and the outcome count it."""
    body = _ADMISSION(file)
    next(vote for vote in body["votes"] if vote["choice"] == "yes")["choice"] = choice
    for each in ("yes", "no", "abstain"):
        body["outcome"][each] = sum(vote["choice"] == each for vote in body["votes"])


def _owner(file: Json) -> Json:
    """The status of the one who was admitted."""
    return next(one for one in _all(file, "status") if one["decision"])


VOTES: dict[str, tuple[Forgery, str]] = {
    "a no is counted as nothing": (
        lambda file: _ADMISSION(file)["outcome"].update(yes=3), "not counted right",
    ),
    "it passed with too few": (lambda file: _say(file, "no"), "against its own rule"),
    "it failed with enough": (
        lambda file: _ADMISSION(file)["outcome"].update(passed=False), "against its own rule",
    ),
    "somebody votes twice": (
        lambda file: _ADMISSION(file)["votes"].append(_ADMISSION(file)["votes"][0]),
        "people who had none",
    ),
    "a stranger votes": (
        lambda file: _ADMISSION(file)["votes"][0].update(account=token_hex(16)),
        "people who had none",
    ),
    "a vote after the end": (
        lambda file: _ADMISSION(file)["votes"][0].update(voted_at="2099-01-01T00:00:00.000000Z"),
        "had none then",
    ),
    "one who would say no is not asked": (
        lambda file: _ADMISSION(file)["roll"].pop(), "not put to the worker-owners",
    ),
    "somebody on probation is asked": (
        lambda file: _ADMISSION(file)["roll"].append(_owner(file)["account"]),
        "not put to the worker-owners",
    ),
    "an easier rule": (
        lambda file: _ADMISSION(file)["rule"].update(threshold="1/3"), "another rule",
    ),
    "a smaller quorum": (
        lambda file: _ADMISSION(file)["rule"].update(quorum="1/100"), "another rule",
    ),
    "admitted by a vote about something else": (
        lambda file: _ADMISSION(file).update(subject="conversion"), "did not say so",
    ),
    "admitted by a vote that failed": (
        lambda file: _ADMISSION(file)["outcome"].update(passed=False), "did not say so",
    ),
    "admitted by no vote": (
        lambda file: file["records"].append(
            {"position": 10**6, "body": {**_owner(file), "id": "other", "decision": None}}
        ),
        "no founder",
    ),
    "a gift recognised by a vote that was never held": (
        lambda file: next(
            one for one in _all(file, "entry") if one["kind"] == "conversion"
        ).update(decision=token_hex(16)),
        "did not say so",
    ),
}  # fmt: skip


async def test_every_vote_is_counted_once_more(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("z",))
        a, b, c, z = (coop.people[name] for name in "abcz")
        await coop.begin_probation(z, "2025-03-15")
        await coop.slips(z, 305 * 60, TODAY - timedelta(days=200))
        (gift, *_) = await coop.slips(z, 60, TODAY - timedelta(days=40), stream="gift")
        await coop.slips(z, 300 * 60, TODAY)
        asked = {"account_id": z.id, "entry_ids": [gift]}
        conversion = await z.post(f"{coop.path}/conversions", asked, key="g")
        await a.post(f"/conversions/{conversion['id']}/signatures", key="s", expect=200)
        about = await coop.motion(a, "conversion", conversion["id"])
        for person in (a, b):
            await coop.vote(person, about, "yes")
        await z.post(f"{coop.path}/admissions", key="z")
        (ask,) = (await coop.owner.get(f"{coop.path}/admissions"))["items"]
        decision = await coop.motion(a, "admission", ask["id"])
        for person, said in ((c, "no"), (a, "yes")):
            await coop.vote(person, decision, said)
    with clock.frozen(noon(TODAY) + timedelta(hours=1)):
        done = await coop.vote(b, decision, "yes")
        assert done["outcome"]["passed"]
        export = await exported(world, UUID(coop.book_id))

    def check(file: Json) -> Iterable[str]:
        return verifier_book.check_decisions(_placed(file))

    assert list(check(export)) == []
    assert verifier.verify(export, verifier.Outside()).problems == []
    for name, (forge, said) in VOTES.items():
        assert said in _found(export, forge, check), name


def _of_kind(file: Json, kind: str) -> Json:
    return next(one for one in _all(file, "entry") if one["kind"] == kind)


def _lock(file: Json) -> Json:
    (lock,) = _all(file, "lock")
    return lock


PERIODS: dict[str, tuple[Forgery, str]] = {
    "an allocation of no period": (
        lambda file: _of_kind(file, "allocation").update(period=None), "no locked period says",
    ),
    "a surplus of a period that is none": (
        lambda file: _of_kind(file, "surplus").update(period=token_hex(16)),
        "no locked period says",
    ),
    "an allocation that the lock does not name": (
        lambda file: _lock(file)["closing_entries"].pop(), "no locked period says",
    ),
    "work that becomes an allocation": (
        lambda file: _of_kind(file, "slip").update(kind="allocation"), "no locked period says",
    ),
    "money by a slip": (
        lambda file: _of_kind(file, "slip")["postings"][0].update(unit="EUR"), "is none that may",
    ),
    "money in another currency": (
        lambda file: [
            posting.update(unit="USD") for posting in _of_kind(file, "surplus")["postings"]
        ],
        "is none that may",
    ),
    "a stranger signed": (
        lambda file: _lock(file)["signatures"][0].update(account=token_hex(16)),
        "worker-owners that day",
    ),
    "a worker-owner who was none yet": (
        lambda file: next(
            one for one in _all(file, "status")
            if one["account"] == _lock(file)["signatures"][1]["account"]
        ).update(since="2099-01-01"),
        "worker-owners that day",
    ),
    "who left before they signed": (
        lambda file: file["records"].append({"position": 10**6, "body": {
            **next(one for one in _all(file, "status")
                   if one["account"] == _lock(file)["signatures"][1]["account"]),
            "id": "gone", "status": "left",
        }}),
        "worker-owners that day",
    ),
}  # fmt: skip


async def test_signers_and_closing_entries_are_looked_at_once_more(world: World) -> None:
    made = await closing_cooperative(world, "anna", "berta")
    await made.give(made.id_of("anna"), 6000)
    await made.give(made.id_of("berta"), 1200)
    async with transaction(world.runtime.sessions) as session:
        for waiting in (
            "SELECT 'status', status_id FROM book_statuses", "SELECT 'policy', id FROM policies"
        ):  # fmt: skip
            await session.execute(text(f"INSERT INTO log_pending (kind, subject) {waiting}"))
    locked = await made.close(await made.open(LAST, 1_000_001, FIRST))
    assert locked["state"] == "locked"
    export = await exported(world, made.book_id)

    def check(file: Json) -> Iterable[str]:
        return verifier_book.check_periods(file["book"], _placed(file), file["statements"])

    assert list(check(export)) == []
    for name, (forge, said) in PERIODS.items():
        assert said in _found(export, forge, check), name


async def test_only_worker_owners_of_the_book_sign(world: World) -> None:
    """Not those whom the organisation's list calls so: the log would not say that they were."""
    made = await closing_cooperative(world, "anna", "berta")
    await made.give(made.id_of("anna"), 6000)
    friend = await world.sign_up("friend")
    body = {"handle": "friend", "role": "member"}
    await made.owner.post(f"/organisations/{made.organisation['id']}/members", body)
    async with transaction(world.runtime.sessions) as session:
        called = "UPDATE memberships SET worker_owner = true WHERE account_id = CAST(:id AS uuid)"
        await session.execute(text(called), {"id": friend.id})
    made.members["friend"] = friend
    drafted = await made.draw_up(await made.open(LAST, 1000, FIRST))
    with clock.moved(timedelta(days=31)):
        await made.sign_in_again()
        refused = await made.sign(drafted, "friend", expect=403)
        assert refused["code"] == "period_sign_refused"
        await made.sign(drafted, "anna")


def _receipt(file: Json) -> Json:
    (receipt,) = file["receipts"].values()
    found: Json = receipt
    return found


def _hours(file: Json) -> None:
    _receipt(file)["document"]["credentialSubject"]["hours"] = "200"


def _minutes(file: Json) -> None:
    for posting in _of_kind(file, "receipt")["postings"]:
        posting["amount"] *= 2


RECEIPTS: dict[str, tuple[Forgery, str]] = {
    "other hours": (_hours, "not signed by the key"),
    "other minutes": (_minutes, "does not say as much"),
    "another key": (lambda file: _receipt(file).update(key="AAAA" * 10 + "AAA="), "not signed"),
    "no key": (lambda file: _receipt(file).update(key="AAAA"), "not signed"),
    "no signature": (lambda file: _receipt(file)["document"].pop("proof"), "not signed"),
    "a longer signature": (
        lambda file: _receipt(file)["document"]["proof"].update(proofValue="z" + "z" * 90),
        "not signed",
    ),
    "no receipt": (lambda file: file["receipts"].clear(), "is missing"),
}


async def test_receipts_are_held_against_their_signatures(world: World) -> None:
    coop = await books.cooperative(world)
    receipt = await books.issuer(world).receipt(coop.worker, 125)
    offers = f"{coop.path}/receipts"
    await coop.worker.post(offers, {"receipt_id": str(receipt.id)}, key="o")
    await coop.keeper.post(f"{offers}/{receipt.id}/decision", {"take": True}, expect=200)
    export = await exported(world, coop.book["id"])

    def check(file: Json) -> Iterable[str]:
        return verifier_book.check_receipts(_all(file, "entry"), file["receipts"])

    assert list(check(export)) == []
    for name, (forge, said) in RECEIPTS.items():
        assert said in _found(export, forge, check), name
        forged = copy.deepcopy(export)
        forge(forged)
        assert verifier.verify(forged, verifier.Outside()).code == verifier.BROKEN, name


async def test_a_forged_fork_lends_no_other_history(world: World) -> None:
    """Who has the database declares a fork, so that another log's checkpoint would seem to fit."""
    coop = await books.cooperative(world)
    await coop.write(coop.slip(minutes=90))
    export = await exported(world, coop.book["id"])
    kept = verifier.read_checkpoint(export["log"]["checkpoints"][-1])
    size = export["log"]["size"]

    def forked(common: int, root: str, continues: str) -> Json:
        file = copy.deepcopy(export)
        body = {
            "type": "fork", "version": 1, "id": "f", "number": 1, "continues": continues,
            "origin": file["log"]["origin"], "common": {"size": common, "root": root},
            "abandoned": {"size": size + 5, "root": "00" * 32}, "declared_by": "x",
            "declared_at": "2026-01-01T00:00:00.000000Z", "reason_hash": "00" * 32,
        }  # fmt: skip
        file["records"].append({"position": None, "body": body})
        return file

    # A state of another log, which was called otherwise; the fork says that this one continues it.
    other = "elsewhere.example/ledger"
    strange = verifier.Checkpoint("", other, size + 5, bytes(32), [])
    plain = verifier.verify(export, verifier.Outside(kept=[strange]))
    assert any("of another log" in problem for problem in plain.problems)
    for common, root, said in (
        (size, kept.root.hex(), "were given up"),
        (size, "11" * 32, "never had"),
        (size + 5, "00" * 32, "never had"),
        (10**9, "00" * 32, "never had"),
    ):
        report = verifier.verify(forked(common, root, other), verifier.Outside(kept=[strange]))
        assert report.code == verifier.BROKEN
        assert any(said in problem for problem in report.problems), (common, root)
    # One that says what is true is told to whoever reads, and vouches for nothing.
    report = verifier.verify(forked(size, kept.root.hex(), other), verifier.Outside())
    assert report.code == verifier.UNPROVEN
    assert any("fork was declared" in remark for remark in report.remarks)
