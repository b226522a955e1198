"""All routes of the API, in one place."""

from fastapi import APIRouter

from app.api import health, identity

PREFIX = "/api/v1"

router = APIRouter()
for part in (identity,):
    router.include_router(part.router, prefix=PREFIX)
router.include_router(health.router)
