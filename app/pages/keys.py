"""The instance's own keys as a page: compare them, change them, revoke a stolen one."""

from typing import NamedTuple

from fastapi import APIRouter, BackgroundTasks, Request
from starlette.responses import Response

from app.errors import AppError, InvalidError
from app.federation.peers import rotation
from app.infra import keys
from app.infra.runtime import Runtime
from app.models.federation import InstanceKey, KeyKind, KeyState
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)
DELIVER_CHORE = "deliver_messages"
OWN = "/stewardship/peers/keys"


class KeyCard(NamedTuple):
    """A key as a steward compares it."""

    key: InstanceKey
    fingerprint: str


@router.get(OWN)
async def show_keys(request: Request, db: Db, visit: SignedIn) -> Response:
    """Show every key that peers know or knew us by, the newest first."""
    return await _render(request.app.state.runtime, db, visit, Form())


async def _render(
    runtime: Runtime, db: Db, visit: Visit, form: Form, status: int = 200
) -> Response:
    _, rows = await rotation.list_keys(db, runtime, visit.actor)
    signing = [row for row in reversed(rows) if row.kind == KeyKind.ED25519]
    cards = [
        KeyCard(row, keys.fingerprint(keys.load_public_key(row.public_key))) for row in signing
    ]
    living = [row.name for row in signing if row.state != KeyState.REVOKED]
    return await render(
        visit.page,
        "keys.html",
        status=status,
        form=form,
        cards=cards,
        living=[(name, name) for name in living],
        changing=any(row.state == KeyState.NEXT for row in signing),
    )


@router.post(OWN)
async def change_keys(
    request: Request, db: Db, visit: SignedIn, form: Sent, background: BackgroundTasks
) -> Response:
    """Make the next key, or revoke one; peers hear of it at once."""
    runtime: Runtime = request.app.state.runtime
    try:
        async with db.begin_nested():
            if form.value("act") == "revoke":
                await _revoke(runtime, db, visit, form)
            else:
                await rotation.rotate_key(db, runtime, visit.actor)
    except AppError as error:
        if error.status in {401, 403}:
            raise
        shown = refused(form, visit.language, error)
        return await _render(runtime, db, visit, shown, error.status)
    background.add_task(runtime.doorbell.ring, DELIVER_CHORE)
    return go(OWN, "changed")


async def _revoke(runtime: Runtime, db: Db, visit: Visit, form: Form) -> None:
    visit.actor.require_steward()
    if form.value("sure") != "yes":
        raise InvalidError("key_revocation_unsure")
    await rotation.revoke_key(db, runtime, visit.actor, form.value("name"))
