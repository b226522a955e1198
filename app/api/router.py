"""All routes of the API, in one place."""

from fastapi import APIRouter

from app.api import (
    administration,
    claims,
    health,
    identity,
    ledger,
    matching,
    needs,
    organisations,
    profiles,
)

PREFIX = "/api/v1"

router = APIRouter()
for part in (identity, organisations, profiles, needs, claims, ledger, matching, administration):
    router.include_router(part.router, prefix=PREFIX)
router.include_router(health.router)
