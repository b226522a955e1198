"""The application: settings in, one ASGI application out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from mimetypes import guess_type
from pathlib import Path

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app import __version__
from app.api import webhooks
from app.api.admission import Admission
from app.api.errors import answer_unexpected, install_error_handlers
from app.api.middleware import RequestMiddleware
from app.api.router import router
from app.domain.identity import actions as identity
from app.federation.witnesses.outside import look_outside
from app.infra.database import transaction
from app.infra.proxies import networks_of
from app.infra.runtime import Runtime, make_runtime
from app.pages.router import install_pages
from app.settings import Settings

FORM_AROUND_FILE = 65_536
FRONTEND = Path(__file__).resolve().parents[1] / "frontend" / "dist"
_log = structlog.get_logger("app")


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
    app.state.runtime = make_runtime(**settings.tools())
    app.add_middleware(
        Admission,
        trusted=networks_of(settings.trusted_proxies),
        # A request of a peer may hold two connections for a moment.
        at_work=max(2, settings.database_pool_size // 2),
    )
    app.add_middleware(
        RequestMiddleware,
        secure=settings.secure,
        body_max_bytes=settings.body_max_bytes,
        body_limits={
            "/api/v1/imports": settings.import_max_bytes,
            "/inbox": 262_144,
            # A file and what stands around it in a form.
            "/api/v1/files$": settings.file_max_bytes + FORM_AROUND_FILE,
            "/(claims/[^/]+/messages|needs/[^/]+/files)$": settings.file_max_bytes
            + FORM_AROUND_FILE,
        },
        answer_unexpected=answer_unexpected,
    )
    install_error_handlers(app)
    app.include_router(router)
    app.webhooks.include_router(webhooks.messages)
    install_pages(app, FRONTEND)
    if (FRONTEND / "index.html").is_file():
        app.mount("/app", Workspace(directory=FRONTEND, html=True), name="workspace")
    return app


class Workspace(StaticFiles):
    """The built workspace: its files, and its start page at every address it draws itself."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As StaticFiles, with the start page where there is no such file."""
        try:
            response = await self._smallest(path, scope)
        except HTTPException as error:
            if error.status_code != HTTPStatus.NOT_FOUND or path.startswith("assets/"):
                raise
            response = await super().get_response("index.html", scope)
        hashed = path.startswith("assets/")  # Vite puts the content's hash into these names
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if hashed else "no-cache"
        )
        return response

    async def _smallest(self, path: str, scope: Scope) -> Response:
        """Answer with the gzip that the build laid beside the file, where the browser takes it."""
        accepted = Headers(scope=scope).get("accept-encoding", "")
        if "gzip" not in accepted or not self.lookup_path(f"{path}.gz")[1]:
            response = await super().get_response(path, scope)
        else:
            response = await super().get_response(f"{path}.gz", scope)
            response.headers["Content-Encoding"] = "gzip"
            kind = guess_type(path)[0] or "application/octet-stream"
            response.headers["Content-Type"] = f"{kind}; charset=utf-8"
        response.headers["Vary"] = "Accept-Encoding"
        return response


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    runtime: Runtime = app.state.runtime
    await _offer_setup(runtime)
    # Before the first request: a database that was restored from an old backup must not grow.
    await look_outside(runtime)
    yield
    await runtime.close()


async def _offer_setup(runtime: Runtime) -> None:
    """Print the one-time set-up link while the instance has no account."""
    async with transaction(runtime.sessions) as session:
        secret = await identity.offer_setup(session)
    if secret is not None:
        _log.warning("setup", setup_link=f"{runtime.origin}/app/setup?token={secret}")
