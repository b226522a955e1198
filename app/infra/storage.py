"""Where the bytes of files lie: a folder of the instance, or a bucket that speaks S3.

An object is written whole or not at all, and is found under the id of its row alone: nothing
that people typed is ever part of a path.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from obstore.exceptions import BaseError
from obstore.exceptions import NotFoundError as ObjectNotFoundError
from obstore.store import LocalStore, MemoryStore, S3Store

from app.errors import NotFoundError, UnavailableError

if TYPE_CHECKING:
    from obstore.store import RetryConfig

FOLDER = "files"
# Somebody waits for the answer: obstore's own ten tries in three minutes are too many.
RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}


class Stored(NamedTuple):
    """An object that lies in the storage."""

    id: UUID
    written_at: datetime


class Storage:
    """The objects of an instance, by the id of their row."""

    def __init__(self, store: LocalStore | MemoryStore | S3Store) -> None:
        """`store` is any of obstore's."""
        self._store = store

    async def put(self, file_id: UUID, content: bytes) -> None:
        """Write an object whole; the same id again replaces it."""
        try:
            await self._store.put_async(_key(file_id), content)
        except (BaseError, OSError) as error:
            raise UnavailableError("storage_unavailable", detail=type(error).__name__) from error

    async def get(self, file_id: UUID) -> bytes:
        """Return an object's bytes."""
        try:
            found = await self._store.get_async(_key(file_id))
            return bytes(await found.bytes_async())
        except (ObjectNotFoundError, FileNotFoundError):
            raise NotFoundError("file_not_found", detail="its bytes are gone") from None
        except (BaseError, OSError) as error:
            raise UnavailableError("storage_unavailable", detail=type(error).__name__) from error

    async def delete(self, file_id: UUID) -> None:
        """Remove an object; one that is gone already is no failure."""
        try:
            await self._store.delete_async(_key(file_id))
        except (ObjectNotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise UnavailableError("storage_unavailable", detail=type(error).__name__) from error

    async def everything(self) -> AsyncIterator[Stored]:
        """Go through all objects of ours; what else lies there is not looked at."""
        try:
            async for batch in self._store.list(FOLDER):
                for item in batch:
                    name = str(item["path"]).rpartition("/")[2]
                    try:
                        file_id = UUID(hex=name)
                    except ValueError:
                        continue
                    yield Stored(file_id, item["last_modified"])
        except (BaseError, OSError) as error:
            raise UnavailableError("storage_unavailable", detail=type(error).__name__) from error


def _key(file_id: UUID) -> str:
    # Two levels of 256 folders: no folder of a file system grows without bound.
    return f"{FOLDER}/{file_id.hex[:2]}/{file_id.hex}"


def make_storage(
    address: str, data_dir: Path, *, access_key: str = "", secret_key: str = ""
) -> Storage:
    """Make the storage: a folder beside the database when the address is empty."""
    if not address:
        return Storage(_local(data_dir))
    parts = urlsplit(address)  # the settings have looked at it
    options = dict(parse_qsl(parts.query))
    plain = options.get("endpoint", "").startswith("http://")
    keys = {"access_key_id": access_key, "secret_access_key": secret_key} if access_key else {}
    store = S3Store(
        parts.hostname or "",
        prefix=parts.path.strip("/") or None,
        client_options={"allow_http": plain, "timeout": "30s"},
        config={**options, **keys},  # type: ignore[arg-type]
        retry_config=RETRIES,
    )
    return Storage(store)


def _local(data_dir: Path) -> LocalStore:
    folder = data_dir.resolve() / "storage"
    # Other accounts of the machine have no business in what people entrusted to us.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return LocalStore(prefix=folder)
