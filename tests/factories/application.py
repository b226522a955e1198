"""The application of a test: its own settings and tools, and routes made once a process."""

from fastapi import FastAPI
from starlette.routing import BaseRoute

from app.main import create_app
from app.settings import Settings

# FastAPI works a route out when it is first matched, which costs more than most requests. Routes
# know nothing of their application: they find it in each request.
_routes: list[BaseRoute] = []


def make_application(settings: Settings) -> FastAPI:
    """Make an application as `create_app` does, with the routes of the first one."""
    application = create_app(settings)
    if _routes:
        application.router.routes[:] = _routes
    else:
        _routes.extend(application.router.routes)
    return application
