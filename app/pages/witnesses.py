"""Who watches over the ledger, for everybody; and for stewards the way out of a stop."""

from typing import NamedTuple

from fastapi import APIRouter, BackgroundTasks, Request
from starlette.responses import Response

from app.domain.witnesses import errors, queries
from app.domain.witnesses.actions import FILE
from app.domain.witnesses.rules import Tree
from app.errors import AppError, InvalidError
from app.federation.witnesses import forking
from app.federation.witnesses.forking import LogStanding
from app.infra.i18n import translate
from app.infra.runtime import Runtime
from app.models.witnesses import LedgerFreeze
from app.pages.dependencies import Db, PageRoute, Reader, Sent, SignedIn, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)
HERE = "/witnesses"
KEEP_LOG = "keep_log"


class WitnessCard(NamedTuple):
    """Somebody who signs our log."""

    host: str
    size: int
    signed_at: object
    newest: bool
    href: str


@router.get(HERE)
async def show_witnesses(request: Request, db: Db, visit: Reader) -> Response:
    """Show where the log stands, who signs it, and whose logs are watched here."""
    return await _render(request.app.state.runtime, db, visit, Form())


async def _render(
    runtime: Runtime, db: Db, visit: Visit, form: Form, status: int = 200
) -> Response:
    log = await forking.log_standing(db, runtime)
    deciding = log.standing.read_only and visit.actor.acts_as_steward
    host = runtime.origin.partition("://")[2]
    return await render(
        visit.page,
        "witnesses.html",
        status=status,
        form=form,
        log=log,
        held=log.held,
        common=(await forking.common_tree(db, runtime)).size if deciding else 0,
        deciding=deciding,
        freezes=[(freeze, _holder(visit, freeze)) for freeze in log.standing.freezes],
        witnesses=[_card(log, view, runtime.origin, host) for view in log.witnesses],
        watched=await queries.watched_logs(db),
    )


def _holder(visit: Visit, freeze: LedgerFreeze) -> str:
    if freeze.source == FILE:
        return translate(visit.language, "page.log.file")
    return freeze.source.partition("/")[0]


def _card(log: LogStanding, view: queries.WitnessView, origin: str, ours: str) -> WitnessCard:
    host = view.name.partition("/")[0]
    newest = log.newest is not None and view.size == log.newest.tree.size
    scheme = origin.partition("://")[0]
    href = f"{scheme}://{host}/witness/{ours}/checkpoint"
    return WitnessCard(host, view.size, view.signed_at, newest, href)


@router.post(f"{HERE}/fork")
async def declare_fork(
    request: Request, db: Db, visit: SignedIn, form: Sent, background: BackgroundTasks
) -> Response:
    """Declare in public that the ledger goes on from what stands here."""
    runtime: Runtime = request.app.state.runtime
    visit.actor.require_steward()
    try:
        async with db.begin_nested():
            if not form.value("sure"):
                raise errors.not_understood()
            looked_at = _looked_at(form)
            await forking.declare_fork(db, runtime, visit.actor, looked_at, form.value("reason"))
    except AppError as error:
        if error.status in {401, 403}:
            raise
        found = refused(form, visit.language, error)
        shown = Form(form.sent, found.problems)
        return await _render(runtime, db, visit, shown, error.status)
    background.add_task(runtime.doorbell.ring, KEEP_LOG)
    return go(HERE, "fork_declared")


def _looked_at(form: Form) -> Tree:
    size, root = form.value("held_size"), form.value("held_root")
    if not (size.isascii() and size.isdigit() and len(size) <= 16):
        raise InvalidError("form_unreadable")
    try:
        return Tree(int(size), bytes.fromhex(root))
    except ValueError:
        raise InvalidError("form_unreadable") from None
