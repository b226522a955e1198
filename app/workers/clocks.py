"""The chore of the clocks: what happens when nothing happens.

Any number of workers may run it at once, and it may die anywhere: it takes short transactions, one
for each need, and leaves what another holds.
"""

from collections.abc import Sequence
from itertools import groupby

from app.domain.claims import panels
from app.domain.claims import sweep as claims
from app.domain.disputes import actions as disputes
from app.domain.disputes.queries import disputes_due
from app.domain.governance.actions import close_due, due_decisions
from app.domain.governance.exits import exits_to_close
from app.domain.governance.leaving import turn_exit
from app.domain.governance.overtaking import overtaken_decisions
from app.domain.needs import sweep as needs
from app.infra.database import transaction
from app.infra.runtime import Runtime

CLAIMS_A_TRANSACTION = 20


async def turn_clocks(runtime: Runtime) -> int:
    """Take every step that is due; answers how many were taken."""
    taken = await _turn_claims(runtime) + await _turn_needs(runtime) + await _turn_panels(runtime)
    return taken + await _turn_disputes(runtime) + await _turn_decisions(runtime)


async def _turn_claims(runtime: Runtime) -> int:
    taken, last = 0, None
    while True:
        async with transaction(runtime.sessions) as session:
            found = await claims.due_claims(session, last)
        if not found:
            return taken
        last = found[-1]  # each candidate once a round: one that stays due is no endless loop
        taken += await _turn_batch(runtime, found)


async def _turn_batch(runtime: Runtime, found: Sequence[claims.Candidate]) -> int:
    taken = 0
    ordered = sorted(found, key=lambda candidate: candidate.need_id)
    for need_id, of_need in groupby(ordered, key=lambda candidate: candidate.need_id):
        ids = [candidate.claim_id for candidate in of_need]
        for start in range(0, len(ids), CLAIMS_A_TRANSACTION):
            some = ids[start : start + CLAIMS_A_TRANSACTION]
            async with transaction(runtime.sessions) as session:
                taken += await claims.turn_claims(session, need_id, some)
    return taken


async def _turn_needs(runtime: Runtime) -> int:
    taken, last = 0, None
    while True:
        async with transaction(runtime.sessions) as session:
            found = await needs.due_needs(session, last)
        if not found:
            return taken
        last = found[-1]
        for candidate in found:
            async with transaction(runtime.sessions) as session:
                taken += await needs.turn_need(session, candidate.need_id)


async def _turn_panels(runtime: Runtime) -> int:
    """Draw others where members of a panel did not answer in time."""
    async with transaction(runtime.sessions) as session:
        late = await panels.panels_to_redraw(session)
    for panel_id in late:
        async with transaction(runtime.sessions) as session:
            await panels.redraw(session, panel_id)
    return 0


async def _turn_disputes(runtime: Runtime) -> int:
    """Draw panels that are due, replace silent judges, end what nobody can appeal any more."""
    async with transaction(runtime.sessions) as session:
        due = await disputes_due(session)
    taken = 0
    for dispute_id in due:
        async with transaction(runtime.sessions) as session:
            taken += await disputes.turn(session, dispute_id)
    return taken


async def _turn_decisions(runtime: Runtime) -> int:
    """Close what was to be voted on until now or is overtaken, and exits that are paid."""
    async with transaction(runtime.sessions) as session:
        ended, over = await due_decisions(session), await overtaken_decisions(session)
        due, paid = dict.fromkeys([*ended, *over]), await exits_to_close(session)
    closed = 0
    for decision_id in due:
        async with transaction(runtime.sessions) as session:
            closed += await close_due(session, decision_id)
    for exit_id in paid:
        async with transaction(runtime.sessions) as session:
            closed += await turn_exit(session, exit_id)
    return closed
