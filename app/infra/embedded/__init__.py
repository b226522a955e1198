"""PostgreSQL and Valkey as children of this process, for machines that have neither.

Only the binaries of two packages are used; starting, watching and stopping them is done here,
with the standard library alone.
"""

from app.infra.embedded.errors import EmbeddedError
from app.infra.embedded.postgres import EmbeddedPostgres, start_postgres
from app.infra.embedded.services import EmbeddedServices
from app.infra.embedded.valkey import EmbeddedValkey, start_valkey

__all__ = [
    "EmbeddedError",
    "EmbeddedPostgres",
    "EmbeddedServices",
    "EmbeddedValkey",
    "start_postgres",
    "start_valkey",
]
