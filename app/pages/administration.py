"""Setting the instance up: once, with the link that the server printed."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, StringConstraints, ValidationError
from starlette.responses import Response

from app.domain.administration import actions as administration
from app.domain.identity import actions, queries
from app.errors import AppError
from app.infra.i18n import LANGUAGES
from app.models.base import Line
from app.pages.dependencies import Configuration, Db, PageRoute, Reader, Sent, Visit, go
from app.pages.failures import invalid, refused
from app.pages.forms import Form
from app.pages.identity import account_of, enter
from app.pages.rendering import language_name, render

router = APIRouter(route_class=PageRoute)


class _Name(BaseModel):
    instance_name: Annotated[Line, StringConstraints(min_length=1, max_length=80)]


@router.get("/setup")
async def begin(request: Request, db: Db, visit: Reader, settings: Configuration) -> Response:
    """Show the form while nobody has an account."""
    if not await queries.needs_setup(db):
        return go("/sign-in")
    token = request.query_params.get("token", "")[:200]
    return await _render(visit, settings, Form().with_values(token=token, language=visit.language))


@router.post("/setup")
async def set_up(
    request: Request, db: Db, visit: Reader, form: Sent, settings: Configuration
) -> Response:
    """Make the first steward and name the instance."""
    try:
        name = _Name.model_validate({"instance_name": form.value("instance_name")})
        fields, password = account_of(form)
        async with db.begin_nested():
            account = await actions.set_up(
                db, form.value("token")[:200], fields, password, settings.password_min_length
            )
            await administration.name_instance(db, name.instance_name)
    except ValidationError as error:
        return await _render(visit, settings, invalid(form, visit.language, error), 422)
    except AppError as error:
        return await _render(visit, settings, refused(form, visit.language, error), error.status)
    return await enter(request, db, account.id, go("/", "welcome"))


async def _render(visit: Visit, settings: Configuration, form: Form, status: int = 200) -> Response:
    return await render(
        visit.page,
        "setup.html",
        status=status,
        form=form,
        password_minimum=settings.password_min_length,
        languages=[(code, language_name(code)) for code in LANGUAGES],
    )
