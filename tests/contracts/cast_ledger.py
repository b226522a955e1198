"""What the table of rights asks of the book: how work enters it, and how entries are corrected."""

from typing import Any

from tests.factories.world import Json, Person

KEY = {"Idempotency-Key": "matrix"}


async def open_book(owner: Person, organisation: Json) -> dict[str, str]:
    """Let worker-owners keep the organisation's book; returns the ids that paths name."""
    path = f"/organisations/{organisation['id']}/ownership"
    book = await owner.post(path, {"currency": "EUR"}, key="ownership")
    opening = {"on": "2026-01-01", "reserve": 100}
    await owner.post(f"/books/{book['id']}/opening", opening, key="opening")
    entry = (await owner.get(f"/books/{book['id']}/entries"))["items"][0]
    return {"book_id": book["id"], "entry_id": entry["entry_id"]}


def requests(ids: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return a request for each route; none of them leaves anything behind."""
    slip = {"worker": "worker", "worked_on": "2999-01-01", "minutes": 60, "stream": "gift"}
    opening = {"on": "2999-01-01", "reserve": 1}
    wrong = {"minutes": 10**6, "reason": "Too long by far"}
    return {
        "POST /organisations/{organisation_id}/ownership": {
            "json": {"currency": "EUR"},
            "headers": KEY,
        },
        "POST /books/{book_id}/slips": {"json": {"slips": [slip]}, "headers": KEY},
        "POST /books/{book_id}/opening": {"json": opening, "headers": KEY},
        "POST /books/{book_id}/opening/confirmation": {"json": {"version": 999}, "headers": KEY},
        "POST /books/{book_id}/receipts": {
            "json": {"receipt_id": ids["receipt_id"]},
            "headers": KEY,
        },
        "POST /books/{book_id}/receipts/{receipt_id}/decision": {"json": {"take": True}},
        "POST /entries/{entry_id}/correction": {"json": wrong, "headers": KEY},
    }
