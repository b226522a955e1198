"""Signs of life for whoever watches the process."""

from fastapi import APIRouter
from starlette.responses import JSONResponse

from app.api.dependencies import Tools
from app.infra import database
from app.infra.migrate import current_revision, head_revision

router = APIRouter(tags=["health"])


@router.get("/livez", operation_id="get_liveness")
async def get_liveness() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@router.get("/readyz", operation_id="get_readiness")
async def get_readiness(tools: Tools) -> JSONResponse:
    """Say whether work can be done: database reachable and migrated. Redis only wakes workers."""
    parts = {"database": "ok", "migrations": "ok", "doorbell": "ok"}
    try:
        await database.ping(tools.engine)
        url = tools.engine.url.render_as_string(hide_password=False)
        if await current_revision(url) != head_revision():
            parts["migrations"] = "behind"
    except Exception:  # noqa: BLE001 - whatever is wrong, the answer is "not ready"
        parts["database"] = "unreachable"
    try:
        await tools.doorbell.ping()
    except Exception:  # noqa: BLE001
        parts["doorbell"] = "silent: work waits for the next sweep"
    ready = parts["database"] == parts["migrations"] == "ok"
    status = "ok" if ready else "not ready"
    return JSONResponse({"status": status, **parts}, 200 if ready else 503)
