"""The application: settings in, one ASGI application out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from fastapi import FastAPI

from app import __version__
from app.api.errors import answer_unexpected, install_error_handlers
from app.api.middleware import RequestMiddleware
from app.api.router import router
from app.domain.identity import actions as identity
from app.infra.database import transaction
from app.infra.runtime import Runtime, make_runtime
from app.settings import Settings

FRONTEND = Path(__file__).resolve().parents[1] / "frontend" / "dist"
_log = structlog.get_logger("app")


def runtime_of(settings: Settings) -> Runtime:
    """Make a process's tools from its settings; both URLs must be known by now."""
    if not settings.database_url or not settings.redis_url:
        message = "database_url and redis_url must be set before the application is made"
        raise ValueError(message)
    return make_runtime(
        database_url=settings.database_url,
        redis_url=settings.redis_url,
        origin=settings.origin,
        data_dir=settings.data_dir,
        dev_origins=frozenset(settings.dev_peers),
        pool_size=settings.database_pool_size,
    )


def create_app(settings: Settings) -> FastAPI:
    """Make the application; nothing connects before its lifespan starts."""
    app = FastAPI(
        title="Tornallom",
        version=__version__,
        summary="Federated mutual-aid labour marketplace.",
        license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.runtime = runtime_of(settings)
    app.add_middleware(
        RequestMiddleware,
        secure=settings.secure,
        body_max_bytes=settings.body_max_bytes,
        body_limits={"/api/v1/imports": settings.import_max_bytes, "/inbox": 262_144},
        answer_unexpected=answer_unexpected,
    )
    install_error_handlers(app)
    app.include_router(router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    runtime: Runtime = app.state.runtime
    await _offer_setup(runtime)
    yield
    await runtime.close()


async def _offer_setup(runtime: Runtime) -> None:
    """Print the one-time set-up link while the instance has no account."""
    async with transaction(runtime.sessions) as session:
        secret = await identity.offer_setup(session)
    if secret is not None:
        _log.warning("setup", setup_link=f"{runtime.origin}/app/setup?token={secret}")
