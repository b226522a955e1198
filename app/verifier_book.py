"""The second half of verifier.py: whether a book's own figures hold, computed once more.

The first half says whether these are the records that the log took up; this one does the sums: each
entry, each balance, each locked period with every worker's part, each receipt. The arithmetic is of
docs/ledger/policies.md, written a second time on purpose: no mistake of one hides in the other.
"""

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Json = dict[str, Any]
Placed = tuple[int, Json]  # the place in the log, and what stands there
WHOSE = ("kind", "holder", "stream")


class UnreadableError(Exception):
    """This is not what it should be, so nothing can be said about it."""


def sha256(data: bytes) -> bytes:
    """Hash bytes."""
    return hashlib.sha256(data).digest()


def canonical(value: Any) -> bytes:
    """Write a JSON value in its one spelling (RFC 8785).

    `read_json` lets no decimals in, and our names are ASCII: so sorting them is all there is to it.
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def read_json(raw: bytes) -> Any:
    """Read JSON in which each name stands once in its object, and numbers are whole."""
    return json.loads(raw, object_pairs_hook=_once, parse_float=_refuse, parse_constant=_refuse)


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableError("a name stands twice")
    return found


def _refuse(text: str) -> Any:
    raise UnreadableError(f"the number {text} stands where none may stand")


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


# ── Entries and balances ─────────────────────────────────────────────────────────────────────


def check_entries(book: Json, entries: Iterable[Json]) -> Iterator[str]:
    """Each entry sums to zero in each unit, and each account belongs to one holder."""
    accounts: dict[str, tuple[str, str, str | None]] = {}
    corrected: set[str] = set()
    known = {entry["id"] for entry in entries}
    for entry in entries:
        name, postings = f"The entry {entry['id']}", entry["postings"]
        sums: dict[str, int] = defaultdict(int)
        for posting in postings:
            sums[posting["unit"]] += posting["amount"]
            whose = posting["kind"], posting["holder"], posting["stream"]
            if accounts.setdefault(posting["account"], whose) != whose:
                yield f"{name} says that an account is somebody else's than before."
            if posting["book"] != book["id"]:
                yield f"{name} touches an account of another book."
        if any(sums.values()) or len(postings) < 2 or len(postings) != entry["posting_count"]:
            yield f"{name} does not sum to zero, or misses a side."
        if entry["corrects"] is not None:
            if entry["corrects"] not in known or entry["corrects"] in corrected:
                yield f"{name} corrects what is not there, or was corrected before."
            corrected.add(entry["corrects"])


def check_balances(entries: Iterable[Json], balances: Iterable[Json]) -> Iterator[str]:
    """What pages show as balances is what the entries sum to; the organisation's side has none."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    shown: dict[tuple[str, str], int] = {}
    whose: dict[str, Json] = {}
    for entry in entries:
        for posting in entry["postings"]:
            whose[posting["account"]] = posting
            if posting["kind"] != "organisation":
                sums[posting["account"], posting["unit"]] += posting["amount"]
    for each in balances:
        known, place = whose.get(each["account"], each), (each["account"], each["unit"])
        if place in shown or any(each[name] != known[name] for name in WHOSE):
            yield f"The balance of {each['account']} stands there twice, or under a wrong name."
        shown[place] = each["amount"]
    for account, unit in sorted(sums.keys() | shown.keys()):
        have, want = shown.get((account, unit), 0), sums.get((account, unit), 0)
        if have != want:
            yield f"The balance of {account} is shown as {have} {unit}; its entries say {want}."


# ── Periods: what each meant for each worker ─────────────────────────────────────────────────


def check_periods(book: Json, placed: list[Placed], shown: Mapping[str, Json]) -> Iterator[str]:
    """Compute each locked period once more: its seal, its rules, and every worker's part."""
    policies = {body["id"]: body for _, body in placed if body["type"] == "policy"}
    locks = [(place, body) for place, body in placed if body["type"] == "lock"]
    previous: Json | None = None
    carried: dict[str, int] = {}
    for number, (place, lock) in enumerate(sorted(locks, key=lambda one: one[1]["number"]), 1):
        name = f"The period {lock['starts_on']} to {lock['ends_on']}"
        first, root = lock["starts_on"], None
        if previous is not None:
            last, root = date.fromisoformat(previous["ends_on"]), previous["root"]
            first = (last + timedelta(days=1)).isoformat()
        if (lock["number"], lock["previous_root"], lock["starts_on"]) != (number, root, first):
            yield f"{name} does not follow on the one before."
        yield from _check_seal(name, lock, placed)
        policy = policies.get(lock["policy"])
        if policy is None or sha256(canonical(policy["document"])).hex() != lock["policy_hash"]:
            yield f"{name} names rules that are not in this book."
        else:
            began = [one for one in policies.values() if one["valid_from"] <= lock["starts_on"]]
            if policy != max(began, key=lambda one: (one["valid_from"], one["number"]), default={}):
                yield f"{name} was closed under other rules than those that held on its first day."
            outcome = compute(book, lock, policy["document"], (place, placed), carried)
            carried = {
                line["account_id"]: line["carried_out"]
                for line in outcome["lines"]
                if line["carried_out"] < 0
            }
            yield from _check_outcome(name, lock, outcome, placed)
            yield from _check_shown(name, outcome, shown.get(lock["id"]))
        previous = lock
    if shown.keys() - {lock["id"] for _, lock in locks}:
        yield "There are statements of periods that were never locked."


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
    if len({signature["account"] for signature in lock["signatures"]}) < 2:
        yield f"{name} was not signed by two people."


def compute(
    book: Json, lock: Json, policy: Json, log: tuple[int, list[Placed]], carried: dict[str, int]
) -> Json:
    """Return what a period means, from its entries, the statuses known then, and its rules."""
    place, placed = log
    statuses = [body for at, body in placed if body["type"] == "status" and at < place]
    minutes = _minutes_in(lock, placed, statuses)
    reserve, capital = _money_before(book, lock, placed)
    for holder in {body["account"] for body in statuses}:
        if status_on(statuses, holder, lock["ends_on"]) == "worker_owner":
            capital.setdefault(holder, 0)
    lines = {
        holder: measure(policy, holder, minutes.get(holder, {}), carried.get(holder, 0))
        for holder in {*minutes, *carried, *capital}
    }
    return share_out(policy, lock, lines, reserve, capital)


def _minutes_in(
    lock: Json, placed: list[Placed], statuses: list[Json]
) -> dict[str, dict[tuple[str | None, str], int]]:
    """Return each worker's minutes, by what they were on the day of the work, and by stream."""
    found: dict[str, dict[tuple[str | None, str], int]] = defaultdict(lambda: defaultdict(int))
    for entry in entries_in(placed, lock["starts_on"], lock["ends_on"]):
        for posting in entry["postings"]:
            if posting["kind"] == "worker" and posting["unit"] == "minute":
                was = status_on(statuses, posting["holder"], entry["worked_on"])
                found[posting["holder"]][was, posting["stream"]] += posting["amount"]
    return found


def _money_before(book: Json, lock: Json, placed: list[Placed]) -> tuple[int, dict[str, int]]:
    """Return the reserve and the members' accounts at a period's end, before its own closing."""
    reserve, capital = 0, dict[str, int]()
    for entry in entries_in(placed, "", lock["ends_on"]):
        for posting in entry["postings"]:
            kind, holder, amount = posting["kind"], posting["holder"], posting["amount"]
            if entry["period"] == lock["id"] or posting["unit"] != book["currency"]:
                continue
            if kind == "reserve":
                reserve += amount
            elif kind == "capital":
                capital[holder] = capital.get(holder, 0) + amount
    return reserve, capital


def status_on(statuses: list[Json], account: str, day: str) -> str | None:
    """Return what somebody was to the co-operative on a day; the newest word counts."""
    words = [one for one in statuses if one["account"] == account and one["since"] <= day]
    if not words:
        return None
    # Of several that begin on one day, the last that was written down.
    return str(max(reversed(words), key=lambda one: one["since"])["status"])


def measure(
    policy: Json, holder: str, minutes: Mapping[tuple[str | None, str], int], carried: int
) -> Json:
    """Return how many of a worker's minutes take part, and what they weigh."""
    weights = {stream: Fraction(text) for stream, text in policy["weights"].items()}
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
    effective = (min(total, cap) if cap is not None else total) if takes_part else 0
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


def share_out(
    policy: Json, lock: Json, lines: dict[str, Json], reserve: int, capital: Mapping[str, int]
) -> Json:
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
    if total <= 0 or base <= 0:
        return dict.fromkeys(weights, 0)
    exact = {holder: total * weight / base for holder, weight in weights.items()}
    parts = {holder: int(value) for holder, value in exact.items()}
    by_rest = sorted(
        exact,
        key=lambda one: (parts[one] - exact[one], sha256(f"{period}|{one}".encode())),
    )
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
    for _, entry in placed:
        if entry["type"] == "entry" and entry["period"] == lock["id"]:
            for posting in entry["postings"]:
                moved[posting["kind"], posting["holder"]] += posting["amount"]
    for line in outcome["lines"]:
        booked = moved.get(("capital", line["account_id"]), 0)
        if booked != line["amount"]:
            yield (
                f"{name} gave the member {line['account_id']} {booked}; its hours give "
                f"{line['amount']}."
            )
    reserve = sum(amount for (kind, _), amount in moved.items() if kind == "reserve")
    if reserve != outcome["reserve_change"]:
        yield f"{name} moved the reserve by {reserve}, not by {outcome['reserve_change']}."


def _check_shown(name: str, outcome: Json, shown: Json | None) -> Iterator[str]:
    """What people read as their statement is what comes out."""
    told_lines = (shown or {}).get("lines", [])
    lines = {line["account_id"]: line for line in told_lines}
    for line in outcome["lines"]:
        told = lines.get(line["account_id"], {})
        wrong = [each for each in line if told.get(each) != line[each]]
        if wrong:
            yield f"{name}: the statement of {line['account_id']} is wrong in {', '.join(wrong)}."
    if len(told_lines) != len(outcome["lines"]):
        yield f"{name} shows statements of other people than took part."


# ── Receipts: work confirmed elsewhere ───────────────────────────────────────────────────────


def check_receipts(entries: Iterable[Json], receipts: Mapping[str, Json]) -> Iterator[str]:
    """Each receipt in the book is signed by the key that came with it, and says as many hours."""
    for entry in entries:
        if entry["kind"] != "receipt":
            continue
        name = f"The receipt of the entry {entry['id']}"
        receipt = receipts.get(entry["receipt"])
        if receipt is None or not _is_signed(receipt):
            yield f"{name} is missing, or not signed by the key that is said to have signed it."
            continue
        hours = Fraction(receipt["document"]["credentialSubject"]["hours"])
        minutes = [one["amount"] for one in entry["postings"] if one["kind"] == "worker"]
        if sum(minutes) != round(hours * 60):
            yield f"{name} does not say as much as was written into the book."


def _is_signed(receipt: Json) -> bool:
    document = dict(receipt["document"])
    try:
        proof = dict(document.pop("proof"))
        signature = _base58(proof.pop("proofValue"))
        signed = sha256(canonical(proof)) + sha256(canonical(document))
        public = base64.b64decode(receipt["key"])
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
    except (KeyError, ValueError, InvalidSignature):
        return False
    return True


def _base58(text: str) -> bytes:
    number = 0
    for character in text.removeprefix("z"):
        figures = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
        number = number * 58 + figures.index(character)
    return number.to_bytes(64, "big")
