"""Files lie in a folder or in a bucket, and neither makes a difference to anybody else."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from app.errors import NotFoundError, UnavailableError
from app.infra.ids import private_id
from app.infra.storage import Storage, make_storage
from tests.factories.buckets import ACCESS_KEY, BUCKET, SECRET_KEY, Bucket, serving_bucket

CONTENT = bytes(range(256)) * 500
Opened = Callable[..., Storage]


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with serving_bucket() as bucket:
        yield bucket


@pytest.fixture
def opened(bucket: Bucket, tmp_path: Path) -> Opened:
    def opened(secret_key: str = SECRET_KEY) -> Storage:
        return make_storage(bucket.address, tmp_path, access_key=ACCESS_KEY, secret_key=secret_key)

    return opened


async def kept(storage: Storage) -> set[UUID]:
    return {item.id async for item in storage.everything()}


@pytest.mark.parametrize("where", ["folder", "bucket"])
async def test_what_is_put_comes_back_and_goes(where: str, opened: Opened, tmp_path: Path) -> None:
    storage = opened() if where == "bucket" else make_storage("", tmp_path)
    first, second = private_id(), private_id()
    await storage.put(first, CONTENT)
    await storage.put(second, b"")
    assert await storage.get(first) == CONTENT
    assert await storage.get(second) == b""
    assert await kept(storage) == {first, second}
    await storage.put(first, b"new")
    assert await storage.get(first) == b"new"
    for _ in range(2):  # gone already is no failure
        await storage.delete(first)
    assert await kept(storage) == {second}
    with pytest.raises(NotFoundError):
        await storage.get(first)


async def test_a_bucket_shared_with_others_holds_ours_in_one_place(
    bucket: Bucket, opened: Opened
) -> None:
    bucket.objects["tornallom/files/notes.txt"] = b"somebody's"
    file_id = private_id()
    await opened().put(file_id, CONTENT)
    assert f"tornallom/files/{file_id.hex[:2]}/{file_id.hex}" in bucket.objects
    assert BUCKET not in "".join(bucket.objects)
    assert await kept(opened()) == {file_id}


async def test_a_wrong_secret_is_refused_there_and_told_here(
    bucket: Bucket, opened: Opened
) -> None:
    with pytest.raises(UnavailableError) as said:
        await opened("guessed").put(private_id(), CONTENT)
    assert bucket.refused
    assert bucket.objects == {}
    assert "guessed" not in str(said.value)


@pytest.mark.parametrize("status", [400, 403, 503])
async def test_a_bucket_that_fails_is_unavailable_not_empty(
    bucket: Bucket, opened: Opened, status: int
) -> None:
    storage, file_id = opened(), private_id()
    await storage.put(file_id, CONTENT)
    bucket.answer = status
    for act in (storage.get(file_id), storage.put(file_id, b""), storage.delete(file_id)):
        with pytest.raises(UnavailableError):
            await act
    with pytest.raises(UnavailableError):
        await kept(storage)
    bucket.answer = None
    assert await storage.get(file_id) == CONTENT
