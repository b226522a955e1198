"""All routes of the API, in one place."""

from fastapi import APIRouter

from app.api import (
    administration,
    asks,
    claims,
    disputes,
    federation,
    feeds,
    files,
    followers,
    governance,
    health,
    identity,
    imports,
    keys,
    ledger,
    matching,
    moderation,
    needs,
    notifications,
    organisations,
    peers,
    periods,
    policies,
    profiles,
    receipts,
    statements,
    threads,
    webhooks,
    witnesses,
)

PREFIX = "/api/v1"

router = APIRouter()
NOUNS = (
    identity,
    organisations,
    profiles,
    needs,
    notifications,
    asks,
    claims,
    threads,
    files,
    ledger,
    disputes,
    policies,
    statements,
    governance,
    receipts,
    matching,
    feeds,
    administration,
    imports,
    followers,
    keys,
    peers,
    periods,
    webhooks,
    moderation,
    witnesses,
)
for part in NOUNS:
    router.include_router(part.router, prefix=PREFIX)
# Before the pages: a peer that asks for ActivityStreams gets the document at the page's address.
router.include_router(federation.wire_router)
router.include_router(witnesses.wire_router)
router.include_router(followers.public_router)
router.include_router(health.router)
router.include_router(receipts.context_router)
router.include_router(files.upload_router, prefix=PREFIX)
router.include_router(organisations.own_router, prefix=PREFIX)
router.include_router(files.content_router)
