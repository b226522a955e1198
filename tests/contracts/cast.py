"""One of everything, and everybody who may or may not touch it: for the table of rights."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.infra import clock
from app.infra.database import transaction
from app.infra.ids import private_id
from app.models.asks import Ask, AskState
from app.models.federation import Peer, PeerInbox, PeerOutbox, PeerState
from app.models.imports import ImportRun
from tests.contracts import cast_disputes, cast_ledger
from tests.contracts.cast_governance import governance_ids, governance_requests
from tests.contracts.cast_periods import period_ids, period_requests
from tests.contracts.cast_policies import policy_ids, policy_requests
from tests.factories.world import PASSWORD, Json, Person, World, need_input

ROLES = (
    "stranger",
    "person",
    "worker",
    "member",
    "worker-owner",
    "owner",
    "steward",
    "tool",
)
ASK = {
    "stuck": "Our site is down since Monday.",
    "organisation_name": "A food co-op",
    "language": "en",
    "address": "asker@example.org",
}
STALE = {"If-Match": '"999"'}


@dataclass
class Cast:
    """The people by role, and the ids that paths name."""

    people: dict[str, Person]
    ids: dict[str, str]
    organisation: Json


async def gather(world: World) -> Cast:
    """Fill an instance: an organisation, three needs, two claims, a book, a job, a peer."""
    steward = await world.set_up()
    names = ("person", "worker", "member", "worker-owner", "owner", "leaver", "newcomer")
    people = {name: await world.sign_up(name.replace("-", "")) for name in names}
    owner, worker = people["owner"], people["worker"]
    organisation = await world.organisation(owner)
    for name in ("member", "worker-owner", "leaver"):
        body = {"handle": name.replace("-", ""), "role": "member"}
        body["worker_owner"] = name == "worker-owner"  # type: ignore[assignment]
        await owner.post(f"/organisations/{organisation['id']}/members", body)
    draft = await world.draft(owner, organisation)
    done = await world.open_need(owner, organisation)
    credit = await world.confirm(owner, await world.submitted_claim(worker, owner, done))
    await world.work()  # the confirmation is followed by its receipt
    receipt = (await worker.get("/me/receipts"))["items"][0]
    need = await world.open_need(owner, organisation, places=3, skills_unknown=True)
    scope = {"skills": [{"slug": "wordpress"}], "estimate_minutes": 60}
    proposal = await steward.post(f"/needs/{need['id']}/scope-proposals", scope)
    claim = await world.submitted_claim(worker, owner, need)
    log = (await worker.get(f"/claims/{claim['id']}/work-logs"))["items"][0]
    book = await cast_ledger.open_book(owner, organisation)
    tool, token = await _tool(world, owner)
    people |= {"stranger": world.stranger(), "steward": steward, "tool": tool}
    ids = {
        "key_name": "ed25519-key",
        "organisation_id": organisation["id"],
        "name": "decisions",
        "account_id": people["leaver"].id,
        "worker_id": worker.id,
        "need_id": need["id"],
        "draft_id": draft["id"],
        "proposal_id": proposal["id"],
        "language": "nl",
        "claim_id": claim["id"],
        "log_id": log["id"],
        **book,
        **await cast_disputes.open_dispute(worker, credit["entry"]["entry_id"]),
        "receipt_id": receipt["id"],
        "token": "no-such-token",
        "token_id": token["id"],
        "panel_id": str(private_id()),
        "search_id": await _search(people["person"]),
        "job_id": await _job(owner, organisation),
        "import_id": await _import(world, organisation),
        "peer_id": await _peer(world),
        "deed": "block",
        "ask_id": await _ask(world),
        **await _moderated(people["person"], steward, owner, organisation),
        **await _webhook(owner, organisation),
        **await policy_ids(world, book["book_id"], people["worker-owner"]),
        **await period_ids(world, book, people),
        **await governance_ids(world, book["book_id"], people),
        **await _written(people, claim, need),
    }
    return Cast(people, {name: str(value) for name, value in ids.items()}, organisation)


async def _ask(world: World) -> str:
    """A confirmed ask; the way to it goes by mail."""
    ask = Ask(
        id=private_id(), state=AskState.WAITING, stuck="Our site is down", language="en",
        organisation_name="A food co-op", address="asker@example.org", waiting_since=clock.now(),
        confirmed_at=clock.now(),
    )  # fmt: skip
    async with transaction(world.runtime.sessions) as session:
        session.add(ask)
    return str(ask.id)


async def _moderated(
    person: Person, steward: Person, owner: Person, organisation: Json
) -> dict[str, str]:
    """A report that waits, and a need of the organisation that is held."""
    body = {"about": "organisation", "id": organisation["id"], "kind": "other", "words": "Look"}
    report = await person.post("/reports", body)
    draft = await owner.post("/needs", need_input(organisation, title="Held back"))
    await owner.move(f"/needs/{draft['id']}", "review")
    await owner.move(f"/needs/{draft['id']}", "open")
    hold = await steward.post(f"/needs/{draft['id']}/holds", {"reason": "A phone number"})
    return {"report_id": report["id"], "held_id": draft["id"], "hold_id": hold["id"]}


async def _tool(world: World, owner: Person) -> tuple[Person, Json]:
    """A program with the owner's token that may read needs and nothing else."""
    body = {"name": "reader", "scopes": ["needs:read"], "expires_in_days": 1}
    token = await owner.post("/me/tokens", body)
    tool = world.stranger()
    tool.http.headers["Authorization"] = f"Bearer {token['token']}"
    return tool, token


async def _job(owner: Person, organisation: Json) -> str:
    path = f"/imports?dry_run=1&organisation_id={organisation['id']}"
    answer = await owner.ask("POST", path, files=_file(), headers={"Idempotency-Key": "first"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def _search(person: Person) -> str:
    saved = await person.post("/me/saved-searches", {"filters": {"q": "posters"}})
    return str(saved["id"])


async def _webhook(owner: Person, organisation: Json) -> dict[str, str]:
    """A callback with a message in its log."""
    made = await owner.post("/webhooks", _callback(organisation))
    webhook_id = made["webhook"]["id"]
    sent = await owner.post(f"/webhooks/{webhook_id}/tests", expect=202)
    return {"webhook_id": webhook_id, "delivery_id": sent["id"]}


async def _import(world: World, organisation: Json) -> str:
    """A file that was taken in, with nothing in it to take back."""
    run = ImportRun(id=private_id(), organisation_id=UUID(organisation["id"]))
    async with transaction(world.runtime.sessions) as session:
        session.add(run)
    return str(run.id)


async def _written(people: dict[str, Person], claim: Json, need: Json) -> dict[str, str]:
    """A message of the worker, a question of somebody, a file of the organisation."""
    message = await people["worker"].post(f"/claims/{claim['id']}/messages", {"body": "Hello"})
    question = await people["person"].post(f"/needs/{need['id']}/questions", {"body": "When?"})
    answer = await people["owner"].ask(
        "POST", "/files", params={"need_id": need["id"]}, files=_attached()
    )
    assert answer.status_code == 201, answer.text
    file_id = answer.json()["id"]
    return {"message_id": message["id"], "question_id": question["id"], "file_id": file_id}


def _attached() -> dict[str, Any]:
    return {"file": ("notes.txt", b"Two lines", "text/plain")}


def _callback(organisation: Json) -> Json:
    return {"organisation_id": organisation["id"], **_hook()}


def _hook() -> Json:
    return {"url": "https://example.org/hook", "events": ["claim.applied"]}


async def _peer(world: World) -> str:
    """A peer that has asked us; no person can make one without a second instance."""
    origin = "https://peer.example"
    peer = Peer(
        id=private_id(),
        origin=origin,
        actor_url=f"{origin}/actor",
        inbox_url=f"{origin}/inbox",
        key_id=f"{origin}/actor#key",
        public_key=Ed25519PrivateKey.generate().public_key().public_bytes_raw(),
        state=PeerState.ENDED,
    )
    async with transaction(world.runtime.sessions) as session:
        session.add(peer)
        await session.flush()  # the lanes refer to it
        session.add_all([PeerOutbox(peer_id=peer.id), PeerInbox(peer_id=peer.id)])
    return str(peer.id)


def _file() -> dict[str, Any]:
    row = '{"external_id": "x:1", "title": "A row", "body": "Text", "language": "en"}\n'
    return {"file": ("needs.jsonl", row.encode(), "application/x-ndjson")}


def requests(cast: Cast) -> dict[str, dict[str, Any]]:
    """Return a valid request for each route, in an order in which none spoils a later one.

    Where the state of things refuses what rights allow (409, 412), nothing is changed.
    """
    return {
        **_first_requests(cast),
        **_need_requests(cast),
        **_claim_requests(cast),
        **_other_requests(cast),
        **cast_ledger.requests(cast.ids),
        **policy_requests(),
        **period_requests(),
        **cast_disputes.requests(),
        **governance_requests(cast.ids),
        **_last_requests(cast),
    }


def _first_requests(cast: Cast) -> dict[str, dict[str, Any]]:
    setup = {"token": "no-such-token", "instance_name": "x", "handle": "new", "password": PASSWORD}
    token = {"name": "x", "scopes": ["needs:read"], "expires_in_days": 1}
    return {
        "POST /setup": {"json": setup},
        "POST /accounts": {"json": {"handle": "owner", "password": PASSWORD}},
        "PATCH /me": {"json": {"display_name": "New name"}},
        "POST /me/tokens": {"json": token},
        "PUT /me/profile": {"json": {"about": "Hello"}, "headers": STALE},
        "POST /organisations": {"json": {"name": "Another"}},
        "PATCH /organisations/{organisation_id}": {"json": {"summary": "x"}, "headers": STALE},
        "POST /organisations/{organisation_id}/transitions": {"json": {"to": "accepted"}},
        "POST /organisations/{organisation_id}/blocks": {
            "json": {"account_id": cast.ids["account_id"]}
        },
        "DELETE /organisations/{organisation_id}/blocks/{account_id}": {},
        "POST /organisations/{organisation_id}/vouches": {},
        "DELETE /organisations/{organisation_id}/vouches": {},
        # A stream does not end: what it is asked for here it refuses, after looking who asks.
        "GET /activity-stream": {"headers": {"Last-Event-ID": "no number"}},
        "POST /me/notifications/read": {"json": {"all": True}},
        "PUT /me/notification-settings": {"json": {}, "headers": STALE},
        "POST /me/email-proof": {},
        "POST /me/receipts": {"json": {"document": {}}},
        "POST /me/receipts/codes": {},
        "POST /me/receipts/bundle": {"json": {}},
        "DELETE /receipts/{receipt_id}": {},
        "POST /me/saved-searches": {"json": {"filters": {"language": ["el"]}}},
        "PATCH /me/saved-searches/{search_id}": {"json": {"often": "off"}, "headers": STALE},
        "DELETE /me/saved-searches/{search_id}": {"headers": STALE},
    }


def _need_requests(cast: Cast) -> dict[str, dict[str, Any]]:
    need = need_input(cast.organisation)
    published = {name: value for name, value in need.items() if name != "organisation_id"}
    scope = {"skills": [{"slug": "wordpress"}], "estimate_minutes": 60}
    return {
        "POST /needs": {"json": need},
        "POST /asks": {"json": ASK},
        "POST /asks/{ask_id}/needs": {"json": {"needs": [published]}, "headers": STALE},
        "POST /asks/{ask_id}/transitions": {
            "json": {"to": "declined", "reason": "x"},
            "headers": STALE,
        },
        "PATCH /needs/{need_id}": {"json": {"title": "Other"}, "headers": STALE},
        "POST /needs/{need_id}/renewal": {},
        "POST /needs/{need_id}/closing": {"json": {}},
        "POST /needs/{need_id}/maintenance": {"json": {"agrees": True}},
        "POST /needs/{need_id}/scope-proposals": {"json": scope},
        "POST /needs/{need_id}/scope-proposals/{proposal_id}/transitions": {
            "json": {"to": "declined"}
        },
        "PUT /needs/{need_id}/translations/{language}": {
            "json": {"title": "Vertaald"},
            "headers": STALE,
        },
        "DELETE /needs/{need_id}/translations/{language}": {"headers": STALE},
        "POST /needs/{need_id}/transitions": {"json": {"to": "draft"}},
        "POST /needs/{need_id}/dismissal": {},
        "DELETE /needs/{need_id}/dismissal": {},
        "POST /needs/{need_id}/invitations": {"json": {"account_id": cast.ids["account_id"]}},
        "POST /needs/{need_id}/claims": {"json": {"note": ""}},
    }


def _claim_requests(cast: Cast) -> dict[str, dict[str, Any]]:
    log = {"worked_on": "2026-03-02", "minutes": 30, "note": ""}
    return {
        "POST /claims/{claim_id}/messages": {"json": {"body": "Hello again"}},
        "POST /claims/{claim_id}/messages/read": {"json": {"message_id": cast.ids["message_id"]}},
        "PATCH /claims/{claim_id}/messages/{message_id}": {
            "json": {"body": "Other"},
            "headers": STALE,
        },
        "DELETE /claims/{claim_id}/messages/{message_id}": {},
        "POST /needs/{need_id}/questions": {"json": {"body": "And where?"}},
        "POST /needs/{need_id}/questions/{question_id}/answers": {"json": {"body": "Soon"}},
        "POST /needs/{need_id}/questions/{question_id}/hide": {"json": {"reason": "Off topic"}},
        "DELETE /needs/{need_id}/questions/{question_id}": {},
        "POST /files": {"params": {"need_id": cast.ids["need_id"]}, "files": _attached()},
        "DELETE /files/{file_id}": {},
        "POST /claims/{claim_id}/transitions": {"json": {"to": "accepted"}},
        "POST /claims/{claim_id}/heartbeat": {},
        "POST /claims/{claim_id}/work-logs": {"json": log},
        "POST /claims/{claim_id}/settlement": {"json": {"minutes": 30}},
        "POST /panels/{panel_id}/decision": {"json": {"minutes": 30, "reason": "x"}},
        "POST /panels/{panel_id}/refusal": {"json": {}},
    }


def _other_requests(cast: Cast) -> dict[str, dict[str, Any]]:
    member = {"handle": "newcomer", "role": "member", "worker_owner": False}
    imports: dict[str, Any] = {
        "files": _file(),
        "headers": {"Idempotency-Key": "second"},
        "params": {"dry_run": "1", "organisation_id": cast.organisation["id"]},
    }
    return {
        "POST /imports": imports,
        "POST /imports/columns": {"files": _file()},
        "GET /imports": {"params": {"organisation_id": cast.organisation["id"]}},
        "POST /imports/{import_id}/undo": {},
        "POST /jobs/{job_id}/cancel": {},
        "POST /instance/keys": {},
        "POST /instance/keys/{key_name}/transitions": {"json": {"to": "revoked"}},
        "POST /ledger/forks": {
            "json": {"held_size": 1, "held_root": "00" * 32, "reason": "An old backup came back."},
            "headers": {"Idempotency-Key": "fork"},
        },
        "POST /peers": {"json": {"origin": "https://other.example"}},
        "POST /peers/introductions": {"json": {"origin": "https://192.0.2.1"}},
        "POST /peers/wishes": {"json": {"origin": "https://192.0.2.1"}},
        "PATCH /peers/{peer_id}": {"json": {"limited": True}, "headers": STALE},
        "POST /peers/{peer_id}/transitions": {"json": {"to": "suspended"}},
        "POST /peers/{peer_id}/sync": {},
        "POST /peers/{peer_id}/messages/{message_id}/retry": {},
        "POST /peers/{peer_id}/messages/{message_id}/drop": {},
        "PATCH /organisations/{organisation_id}/members/{account_id}": {
            "json": {"worker_owner": False}
        },
        "POST /organisations/{organisation_id}/members": {"json": member},
        "DELETE /claims/{claim_id}/work-logs/{log_id}": {},
        "POST /claims/{claim_id}/confirmation": {
            "json": {"minutes": 30, "stream": "gift"},
            "headers": {"Idempotency-Key": "matrix"},
        },
        "POST /reports": {
            "json": {"about": "need", "id": cast.ids["need_id"], "kind": "spam", "words": "x"}
        },
        "POST /reports/{report_id}/transitions": {"json": {"deed": "let_be"}, "headers": STALE},
        "POST /needs/{need_id}/holds": {"json": {"reason": " "}},
        "POST /holds/{hold_id}/appeal": {"json": {"words": "It is gone now"}},
        "POST /holds/{hold_id}/transitions": {"json": {"to": "released"}, "headers": STALE},
        "POST /accounts/{account_id}/transitions": {"json": {"to": "limited"}},
        "GET /webhooks": {"params": {"organisation_id": cast.organisation["id"]}},
        "POST /webhooks": {"json": _callback(cast.organisation)},
        "PUT /webhooks/{webhook_id}": {"json": _hook(), "headers": STALE},
        "POST /webhooks/{webhook_id}/switch": {"json": {"active": True}},
        "POST /webhooks/{webhook_id}/secret": {},
        "POST /webhooks/{webhook_id}/tests": {},
        "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/retries": {},
        "DELETE /webhooks/{webhook_id}": {"headers": STALE},
        "DELETE /organisations/{organisation_id}/members/{account_id}": {},
    }


def _last_requests(cast: Cast) -> dict[str, dict[str, Any]]:
    """What ends the asker's own session, and begins another."""
    return {
        "DELETE /me/tokens/{token_id}": {},
        "POST /me/blocks": {"json": {"organisation_id": cast.ids["organisation_id"]}},
        "DELETE /me/blocks/{organisation_id}": {},
        "DELETE /sessions/current": {},
        "POST /sessions": {"json": {"handle": "person", "password": PASSWORD}},
    }
