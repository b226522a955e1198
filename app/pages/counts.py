"""The figures of an instance: people and organisations first, numbers after them."""

from app.domain.needs import queries as needs
from app.domain.needs.queries import NeedFilters
from app.domain.organisations import queries as organisations
from app.federation.peers import queries as peers
from app.pages.dependencies import Db, Visit


async def instance_counts(db: Db, visit: Visit) -> list[tuple[str, int]]:
    """Count what a newcomer wants to know of an instance."""
    return [
        ("needs", await needs.count_needs(db, visit.actor, NeedFilters())),
        ("organisations", await organisations.count_accepted(db)),
        ("peers", await peers.count_active(db)),
    ]
