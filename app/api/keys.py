"""The instance's own keys: stewards see them, change them, revoke a stolen one."""

from typing import Annotated

from fastapi import APIRouter, Path, status

from app.api.dependencies import Db, Steward, Tools
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.keys import KeyMove, KeyShape
from app.federation.peers import rotation
from app.federation.peers.identity import Identity, our_identity
from app.infra import keys
from app.models.federation import InstanceKey, KeyKind

router = APIRouter(prefix="/instance/keys", route_class=StrictRoute, tags=["keys"])


@router.get("", operation_id="list_keys")
async def list_keys(actor: Steward, db: Db, tools: Tools) -> Listing[KeyShape]:
    """List every key that this instance ever had, oldest first."""
    ours, rows = await rotation.list_keys(db, tools, actor)
    return Listing(items=[shape(ours, row) for row in rows])


@router.post("", status_code=status.HTTP_201_CREATED, operation_id="rotate_key")
async def rotate_key(actor: Steward, db: Db, tools: Tools) -> KeyShape:
    """Make the next key and tell all peers; it signs once they have answered, or after a day."""
    row = await rotation.rotate_key(db, tools, actor)
    return shape(await our_identity(db, tools), row)


@router.post("/{key_name}/transitions", operation_id="move_key")
async def move_key(
    key_name: Annotated[str, Path(max_length=40)],
    body: KeyMove,
    actor: Steward,
    db: Db,
    tools: Tools,
) -> KeyShape:
    """Revoke a key, because it was stolen or may have been."""
    row = await rotation.revoke_key(
        db, tools, actor, key_name, since=body.since, reason=body.reason
    )
    return shape(await our_identity(db, tools), row)


def shape(ours: Identity, row: InstanceKey) -> KeyShape:
    """Show a key as stewards see it."""
    fingerprint = None
    if row.kind == KeyKind.ED25519:
        fingerprint = keys.fingerprint(keys.load_public_key(row.public_key))
    return KeyShape(
        name=row.name,
        address=ours.key_address(row),
        kind=row.kind,
        state=row.state,
        fingerprint=fingerprint,
        created_at=row.created_at,
        current_at=row.current_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
