"""The second half of verifier.py: whether a book's own figures hold, computed once more.

The first half says whether these are the records that the log took up; this one counts: entries and
balances, votes, locked periods with every worker's part, receipts. The arithmetic is that of
docs/ledger/policies.md, written a second time on purpose: no mistake of one hides in the other.
"""

import base64
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from itertools import dropwhile
from math import ceil
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Json = dict[str, Any]
Placed = tuple[int, Json]  # the place in the log, and what stands there
WHOSE = ("kind", "holder", "stream")
KINDS = ("entry", "status", "policy", "decision")
# What a decision may have brought about, and which kind of decision it takes.
SUBJECTS = {
    "status": "admission", "policy": "policy", "conversion": "conversion", "ruling": "appeal",
}  # fmt: skip
TWO_THIRDS: Json = {"threshold": "2/3", "base": "yes_no", "more_than": False, "quorum": "1/2"}
NEVER: Json = {"subject": "", "outcome": {"passed": False}}
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
CLOSING = {"surplus", "allocation", "loss"}


def sha256(data: bytes) -> bytes:
    """Hash bytes."""
    return hashlib.sha256(data).digest()


def canonical(value: Any) -> bytes:
    """Write JSON in its one spelling (RFC 8785): it has no decimals, and our names are ASCII."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def roots_at(leaves: Iterable[bytes], sizes: set[int]) -> dict[int, bytes]:
    """Say which root a Merkle tree over these leaves had at each of these sizes (RFC 6962)."""
    found = {0: sha256(b"")}
    stack: list[tuple[int, bytes]] = []  # complete subtrees from left to right: height, hash
    for size, leaf in enumerate(leaves, 1):
        stack.append((0, sha256(b"\x00" + leaf)))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            height, right = stack.pop()
            stack[-1] = (height + 1, sha256(b"\x01" + stack[-1][1] + right))
        if size in sizes:
            root = stack[-1][1]
            for _, left in reversed(stack[:-1]):
                root = sha256(b"\x01" + left + root)
            found[size] = root
    return found


def check_entries(book: Json, entries: Iterable[Json]) -> Iterator[str]:
    """Each entry sums to zero in each unit, and each account belongs to one holder."""
    whose: dict[str, list[Any]] = {}
    corrected: set[str | None] = {None}
    known = {None, *(entry["id"] for entry in entries)}
    for entry in entries:
        name, postings = f"The entry {entry['id']}", entry["postings"]
        sums: dict[str, int] = defaultdict(int)
        for posting in postings:
            sums[posting["unit"]] += posting["amount"]
            holder = [posting[each] for each in WHOSE]
            if whose.setdefault(posting["account"], holder) != holder:
                yield f"{name} says that an account is somebody else's than before."
            if posting["book"] != book["id"]:
                yield f"{name} touches an account of another book."
        if any(sums.values()) or len(postings) < 2 or len(postings) != entry["posting_count"]:
            yield f"{name} does not sum to zero, or misses a side."
        if entry["corrects"] not in known or entry["corrects"] in corrected - {None}:
            yield f"{name} corrects what is not there, or was corrected before."
        corrected.add(entry["corrects"])


def check_balances(entries: Iterable[Json], balances: Iterable[Json]) -> Iterator[str]:
    """What pages show as balances is what the entries sum to; the organisation's side has none."""
    left: dict[tuple[str, str], int] = defaultdict(int)
    whose: dict[str, Json] = {}
    for posting in (posting for entry in entries for posting in entry["postings"]):
        whose[posting["account"]] = posting
        if posting["kind"] != "organisation":
            left[posting["account"], posting["unit"]] += posting["amount"]
    shown = Counter((each["account"], each["unit"]) for each in balances)
    for each in balances:
        known, place = whose.get(each["account"], each), (each["account"], each["unit"])
        if shown[place] > 1 or any(each[name] != known[name] for name in WHOSE):
            yield f"The balance of {each['account']} stands there twice, or under a wrong name."
        left[place] -= each["amount"]
    for (account, unit), amount in sorted(left.items()):
        if amount:
            yield f"The balance of {account} is {-amount} {unit} off what its entries say."


def check_decisions(placed: list[Placed]) -> Iterator[str]:
    """Count every vote once more; what names a decision is what was decided."""
    of = {kind: [body for _, body in placed if body["type"] == kind] for kind in KINDS}
    decided: dict[str, Json] = {body["id"]: body for body in of["decision"]}
    for body in of["decision"]:
        for wrong in _wrong_in_vote(body, of["status"], of["policy"]):
            yield f"The decision {body['id']} {wrong}."
    for body in of["status"] + of["policy"] + of["entry"]:
        found = decided.get(str(body["decision"]), NEVER)
        said = found["outcome"]["passed"] or found["subject"] == "appeal"
        wanted = SUBJECTS.get(body.get("kind") or body["type"])
        if body["decision"] and not (said and found["subject"] == wanted):
            yield f"The {body['type']} {body['id']} names a decision that did not say so."
    owners = [body["decision"] for body in of["status"] if body["status"] == "worker_owner"]
    if None in dropwhile(lambda decision: decision is None, owners):
        yield "Somebody became a worker-owner without a decision, and was no founder."


def _wrong_in_vote(body: Json, statuses: list[Json], policies: list[Json]) -> Iterator[str]:
    rule, votes, roll, outcome = body["rule"], body["votes"], set(body["roll"]), body["outcome"]
    voters, said = {vote["account"] for vote in votes}, [vote["choice"] for vote in votes]
    in_time = all(body["opened_at"] <= vote["voted_at"] <= body["ends_at"] for vote in votes)
    if len(voters) != len(votes) or not voters <= roll or not in_time:
        yield "counts votes of people who had none, or had none then"
    owners = owners_on(statuses, body["opened_at"][:10], body["opened_at"])
    # Before an appeal the parties have no vote, and the log does not say who all of them are.
    if not roll <= owners or (roll != owners and body["subject"] != "appeal"):
        yield "was not put to the worker-owners of its day"
    if rule != rule_on(policies, body):
        yield "was taken by another rule than the one that held"
    counted = {choice: said.count(choice) for choice in ("yes", "no", "abstain")}
    if any(outcome[choice] != count for choice, count in counted.items()):
        yield "was not counted right"
    if outcome["passed"] != passes(rule, len(roll), **counted):
        yield "passed, or failed, against its own rule"


def policy_on(policies: Iterable[Json], day: str) -> Json | None:
    """Return the rules that hold on a day."""
    began = [one for one in policies if one["valid_from"] <= day]
    return max(began, key=lambda one: (one["valid_from"], one["number"]), default=None)


def rule_on(policies: list[Json], decision: Json) -> Json:
    """Return the rule that held when a decision was opened; before any policy, what is usual."""
    opened, subject = decision["opened_at"], decision["subject"]
    policy = policy_on((one for one in policies if one["adopted_at"] <= opened), opened[:10])
    usual = TWO_THIRDS | ({"threshold": "1/2", "more_than": True} if subject == "appeal" else {})
    return dict(policy["document"]["votes"][subject]) if policy else usual


def passes(rule: Json, roll: int, yes: int, no: int, abstain: int) -> bool:
    """Say whether votes pass a rule: the boundary is enough; nothing passes without a yes (R11)."""
    base = {"yes_no": yes + no, "cast": yes + no + abstain, "roll": roll}[rule["base"]]
    wanted = Fraction(rule["threshold"]) * base
    enough = yes > wanted if rule["more_than"] else yes >= wanted
    return yes > 0 and enough and yes + no + abstain >= Fraction(rule["quorum"]) * roll


def check_periods(book: Json, placed: list[Placed], shown: Mapping[str, Json]) -> Iterator[str]:
    """Compute each locked period once more: its seal, its rules, and every worker's part."""
    policies = [body for _, body in placed if body["type"] == "policy"]
    locks = [body for _, body in placed if body["type"] == "lock"]
    root, first = None, None
    carried: dict[str, int] = {}
    for number, lock in enumerate(sorted(locks, key=lambda one: int(one["number"])), 1):
        name = f"The period {lock['starts_on']} to {lock['ends_on']}"
        follows = (number, root, first or lock["starts_on"])
        if (lock["number"], lock["previous_root"], lock["starts_on"]) != follows:
            yield f"{name} does not follow on the one before."
        after = date.fromisoformat(lock["ends_on"]) + timedelta(days=1)
        root, first = lock["root"], after.isoformat()
        yield from _check_seal(name, lock, placed)
        policy = policy_on(policies, lock["starts_on"]) or {"id": None, "document": None}
        digest = sha256(canonical(policy["document"])).hex()
        if (policy["id"], digest) != (lock["policy"], lock["policy_hash"]):
            yield f"{name} was closed under other rules than those that held on its first day."
        else:
            outcome = compute(lock, policy["document"], placed, carried)
            lines = outcome["lines"]
            carried = {one["account_id"]: one["carried_out"] for one in lines if one["carried_out"]}
            yield from _check_outcome(name, lock, outcome, placed)
            yield from _check_shown(name, outcome, shown.get(lock["id"], {"lines": []}))
    if shown.keys() - {lock["id"] for lock in locks}:
        yield "There are statements of periods that were never locked."
    yield from _check_money(book["currency"], locks, placed)


def _check_money(currency: str, locks: list[Json], placed: list[Placed]) -> Iterator[str]:
    """Money moves by an opening, a payout, or what a locked period names as its closing."""
    closing = {entry: lock["id"] for lock in locks for entry in lock["closing_entries"]}
    for entry in (body for _, body in placed if body["type"] == "entry"):
        kind, period = entry["kind"], entry["period"]
        if closing.get(entry["id"]) != period or (kind in CLOSING) != (period is not None):
            yield f"The entry {entry['id']} shares out what no locked period says."
        units = {posting["unit"] for posting in entry["postings"]} - {"minute"}
        if units and (kind not in {*CLOSING, "opening", "payout"} or units != {currency}):
            yield f"The entry {entry['id']} moves money, and is none that may."


def entries_in(placed: list[Placed], first: str, last: str) -> list[Json]:
    """Return the entries that count on some days, in their one order."""
    found = [body for _, body in placed if body["type"] == "entry"]
    found = [entry for entry in found if first <= entry["booked_on"] <= last]
    return sorted(found, key=lambda one: (one["booked_on"], one["recorded_at"], one["id"]))


def _check_seal(name: str, lock: Json, placed: list[Placed]) -> Iterator[str]:
    """The seal is the Merkle root over the period's entries; two different people signed."""
    sealed = entries_in(placed, lock["starts_on"], lock["ends_on"])
    root = roots_at((canonical(entry) for entry in sealed), {len(sealed)})[len(sealed)]
    if len(sealed) != lock["entries"] or root.hex() != lock["root"]:
        yield f"{name} is sealed over other entries than these."
    statuses = [body for _, body in placed if body["type"] == "status"]
    signed = [(one["account"], one["signed_at"]) for one in lock["signatures"]]
    entitled = {who for who, when in signed if who in owners_on(statuses, when[:10], when)}
    if len(entitled) < max(2, len(signed)):
        yield f"{name} was not signed by two people who were worker-owners that day."


def compute(lock: Json, policy: Json, placed: list[Placed], carried: Json) -> Json:
    """Return what a period means, from its entries, the statuses known then, and its rules."""
    place = next(at for at, body in placed if body is lock)
    statuses = [body for at, body in placed if body["type"] == "status" and at < place]
    minutes: dict[str, dict[Any, int]] = defaultdict(lambda: defaultdict(int))
    money: dict[str, int] = defaultdict(int)  # at its end, before its own closing
    for entry in entries_in(placed, "", lock["ends_on"]):
        for posting in entry["postings"]:
            kind, holder, amount = posting["kind"], posting["holder"], posting["amount"]
            if kind == "worker" and entry["booked_on"] >= lock["starts_on"]:
                was = status_on(statuses, holder, entry["worked_on"])
                minutes[holder][was, posting["stream"]] += amount
            elif kind in {"capital", "reserve"} and entry["period"] != lock["id"]:
                money[holder if kind == "capital" else ""] += amount
    reserve = money.pop("", 0)
    for holder in owners_on(statuses, lock["ends_on"]):
        money[holder] += 0
    lines = {
        holder: measure(policy, holder, minutes[holder], carried.get(holder, 0))
        for holder in {*minutes, *carried, *money}
    }
    return share_out(policy, lock, lines, reserve, money)


def status_on(statuses: list[Json], account: str, day: str) -> str | None:
    """Return what somebody was to the co-operative on a day; the newest word counts."""
    words = [one for one in statuses if one["account"] == account and one["since"] <= day]
    # Of several that begin on one day, the last that was written down.
    return str(max(reversed(words), key=lambda one: one["since"])["status"]) if words else None


def owners_on(statuses: list[Json], day: str, moment: str = "~") -> set[str]:
    """Return who was a worker-owner on a day, by what was written down until a moment."""
    known = [one for one in statuses if one["recorded_at"] <= moment]
    people = {one["account"] for one in known}
    return {each for each in people if status_on(known, each, day) == "worker_owner"}


def measure(policy: Json, holder: str, minutes: Mapping[Any, int], carried: int) -> Json:
    """Return how many of a worker's minutes take part, and what they weigh."""
    weights = {stream: Fraction(weight) for stream, weight in policy["weights"].items()}
    counting = [
        (weights[stream], amount)
        for (status, stream), amount in minutes.items()
        if status in policy["eligible"] and weights[stream]
    ]
    counted = sum(amount for _, amount in counting)
    raw = sum((weight * amount for weight, amount in counting), Fraction(0))
    total, cap = counted + carried, policy["cap_minutes"]
    if not any(amount for _, amount in counting) and not carried:
        reason = "not_eligible" if any(minutes.values()) else "no_work"
    elif total <= 0 or raw <= 0:
        reason = "taken_back"
    elif total < policy["minimum_minutes"]:
        reason = "below_minimum"
    else:
        reason = "capped" if cap is not None and total > cap else "counts"
    takes_part = reason in {"counts", "capped"}
    effective = min(total, cap or total) if takes_part else 0
    return {
        "account_id": holder,
        "given": sum(minutes.values()),
        "counted": counted,
        "carried_in": carried,
        "carried_out": min(total, 0),
        "effective": effective,
        "eligible": takes_part,
        "reason": reason,
        "weighted": raw * effective / counted if takes_part else Fraction(0),
    }


def share_out(policy: Json, lock: Json, lines: Json, reserve: int, capital: Json) -> Json:
    """Return the whole outcome: pool or loss, the reserve, and each member's part of it."""
    weights = {holder: line["weighted"] for holder, line in lines.items() if line["eligible"]}
    base = sum(weights.values(), Fraction(0))
    surplus, pool, loss = lock["surplus"] or 0, 0, 0
    if weights and surplus >= 0:
        pool = int(Fraction(policy["members_share"]) * surplus)  # rounded down: R4
        change = surplus - pool
    elif weights:
        borne = min(ceil(Fraction(policy["loss_to_reserve"]) * -surplus), max(reserve, 0))
        loss, change = -surplus - borne, -borne
    else:
        change = surplus
    amounts = largest_remainder(lock["id"], pool or loss, weights)
    for holder, line in lines.items():
        amount = amounts.get(holder, 0) * (-1 if loss else 1)
        before = capital.get(holder, 0)
        line |= {
            "weighted": _text(line["weighted"]),
            "share": _text(weights[holder] / base if holder in weights else Fraction(0)),
            "amount": amount,
            "capital_before": before,
            "capital_after": before + amount,
        }
    return {
        "base": _text(base),
        "surplus": surplus,
        "pool": pool,
        "members_loss": loss,
        "reserve_before": reserve,
        "reserve_change": change,
        "reserve_after": reserve + change,
        "lines": [lines[holder] for holder in sorted(lines)],
    }


def largest_remainder(period: str, total: int, weights: dict[str, Fraction]) -> dict[str, int]:
    """Divide a whole by weights (R5); ties go by SHA-256(period id | member id)."""
    base = sum(weights.values(), Fraction(0))
    exact = {holder: total * weight / base for holder, weight in weights.items()}
    parts = {holder: int(value) for holder, value in exact.items()}
    ties = {holder: sha256(f"{period}|{holder}".encode()) for holder in weights}
    by_rest = sorted(exact, key=lambda one: (parts[one] - exact[one], ties[one]))
    for holder in by_rest[: total - sum(parts.values())]:
        parts[holder] += 1
    return parts


def _text(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _check_outcome(name: str, lock: Json, outcome: Json, placed: list[Placed]) -> Iterator[str]:
    """What was signed is what comes out, and what was paid out of the period is that too."""
    if sha256(canonical(outcome)).hex() != lock["outcome_hash"]:
        yield f"{name} comes out differently from what was signed."
    moved: dict[tuple[str, str], int] = defaultdict(int)
    for entry in (body for _, body in placed if body.get("period") == lock["id"]):
        for posting in entry["postings"]:
            moved[posting["kind"], posting["holder"]] += posting["amount"]
    for line in outcome["lines"]:
        who, due = line["account_id"], line["amount"]
        if moved["capital", who] != due:
            yield f"{name} gave {who} {moved['capital', who]}; its hours give {due}."
    reserve = sum(amount for (kind, _), amount in moved.items() if kind == "reserve")
    if reserve != outcome["reserve_change"]:
        yield f"{name} moved the reserve by {reserve}, not by {outcome['reserve_change']}."


def _check_shown(name: str, outcome: Json, shown: Json) -> Iterator[str]:
    """What people read as their statement is what comes out."""
    told = {line["account_id"]: line for line in shown["lines"]}
    for line in outcome["lines"]:
        read = told.get(line["account_id"], {})
        if wrong := [each for each in line if read.get(each) != line[each]]:
            yield f"{name}: the statement of {line['account_id']} is wrong in {', '.join(wrong)}."
    if len(shown["lines"]) != len(outcome["lines"]):
        yield f"{name} shows statements of other people than took part."


def check_receipts(entries: Iterable[Json], receipts: Mapping[str, Json]) -> Iterator[str]:
    """Each receipt in the book is signed by the key that came with it, and says as many hours."""
    for entry in (each for each in entries if each["kind"] == "receipt"):
        name, receipt = f"The receipt of the entry {entry['id']}", receipts.get(entry["receipt"])
        if receipt is None or not _is_signed(receipt):
            yield f"{name} is missing, or not signed by the key that is said to have signed it."
            continue
        hours = Fraction(receipt["document"]["credentialSubject"]["hours"])
        minutes = [one["amount"] for one in entry["postings"] if one["kind"] == "worker"]
        if sum(minutes) != round(hours * 60):
            yield f"{name} does not say as much as was written into the book."


def _is_signed(receipt: Json) -> bool:
    document, number = dict(receipt["document"]), 0
    try:
        proof = dict(document.pop("proof"))
        for character in proof.pop("proofValue").removeprefix("z"):
            number = number * 58 + BASE58.index(character)
        signed = sha256(canonical(proof)) + sha256(canonical(document))
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(receipt["key"]))
        public.verify(number.to_bytes(64, "big"), signed)
    except (KeyError, ValueError, OverflowError, InvalidSignature):
        return False
    return True
