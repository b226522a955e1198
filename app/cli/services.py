"""The database and the doorbell a command needs: given by address, or started here."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from app.cli.output import say
from app.infra.embedded import EmbeddedPostgres, EmbeddedValkey, start_postgres, start_valkey
from app.settings import Settings

DATABASE = "tornallom"


@dataclass
class Services:
    """Settings with every address known, and what this process started for them."""

    settings: Settings
    owner_url: str
    postgres: EmbeddedPostgres | None = None
    valkey: EmbeddedValkey | None = None

    def revive(self) -> None:
        """Start embedded servers again that ended; cheap while they run."""
        for name, server in (("PostgreSQL", self.postgres), ("Valkey", self.valkey)):
            if server is not None and server.revive():
                say(f"{name} had ended and was started again.")


@contextmanager
def running_services(settings: Settings, *, doorbell: bool = True) -> Iterator[Services]:
    """Start what has no address of its own, and stop it at the end."""
    with ExitStack() as stack:
        services = Services(settings, settings.database_owner_url or settings.database_url or "")
        if settings.database_url is None:
            services.postgres = stack.enter_context(start_postgres(settings.data_dir))
            services.postgres.ensure_database(DATABASE)
            services.owner_url = services.postgres.url(DATABASE, "owner")
            services.settings = services.settings.model_copy(
                update={
                    "database_url": services.postgres.url(DATABASE),
                    "database_owner_url": services.owner_url,
                }
            )
        if settings.redis_url is None and doorbell:
            services.valkey = stack.enter_context(start_valkey(settings.data_dir))
            services.settings = services.settings.model_copy(
                update={"redis_url": services.valkey.url()}
            )
        yield services
