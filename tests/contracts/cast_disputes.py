"""What the table of rights asks of disputes about entries."""

from typing import Any

from tests.factories.world import Person

KEY = {"Idempotency-Key": "matrix"}


async def open_dispute(worker: Person, entry_id: str) -> dict[str, str]:
    """Let the worker dispute an entry of theirs."""
    body = {"reason": "It was more"}
    made = await worker.post(f"/entries/{entry_id}/disputes", body, key="dispute")
    return {"dispute_id": made["id"]}


def requests() -> dict[str, dict[str, Any]]:
    """Return a request for each route, in an order in which all can still be asked."""
    words = {"reason": "Because"}
    return {
        "POST /entries/{entry_id}/disputes": {"json": words, "headers": KEY},
        "POST /disputes/{dispute_id}/offers": {"json": {"minutes": 30}},
        "POST /disputes/{dispute_id}/panel": {},
        "POST /disputes/{dispute_id}/judges": {"json": {"handle": "newcomer"}},
        "POST /disputes/{dispute_id}/judgements": {"json": {"minutes": 30, **words}},
        "POST /disputes/{dispute_id}/refusal": {},
        "POST /disputes/{dispute_id}/reappeal": {"json": words},
        "POST /disputes/{dispute_id}/withdrawal": {},
    }
