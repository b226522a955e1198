"""How two instances come to hold the same, whatever the network and their backups do; pure.

The lanes, the repair and the model test (tests/federation/sync/test_model.py) decide by these
rules alone. What is compared is content and never versions: after a restore two contents can bear
one version (04-federation §4.5 counts 666 silent divergences in 1,500 histories without this).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from app.infra.canonical import canonical_hash

EMPTY_DIGEST = bytes(32)
NOTHING = b""
MISMATCHES_UNTIL_REPAIR = 2
EPOCHS_REMEMBERED = 8


def content_hash(document: Mapping[str, Any]) -> bytes:
    """Hash an object as it travels; the constant context is not part of it."""
    return canonical_hash({key: value for key, value in document.items() if key != "@context"})


def object_hash(activity: Mapping[str, Any]) -> bytes:
    """Hash the object that a message brings; NOTHING when it only names one."""
    about = activity.get("object")
    return content_hash(about) if isinstance(about, dict) else NOTHING


def share_of(url: str, sha256: bytes) -> bytes:
    """Return what one object adds to a digest: the hash of its address and content hash in hex."""
    return hashlib.sha256(f"{url}\n{sha256.hex()}".encode()).digest()


@dataclass(frozen=True)
class Holding:
    """What one side holds of the other's objects: how many, and the XOR of their shares."""

    count: int = 0
    digest: bytes = EMPTY_DIGEST

    def replace(self, url: str, before: bytes, after: bytes) -> "Holding":
        """Put one content in the place of another; NOTHING is an object that is not there."""
        if before == after:
            return self
        digest, count = self.digest, self.count
        for sha256, step in ((before, -1), (after, 1)):
            if sha256 != NOTHING:
                digest, count = _xor(digest, share_of(url, sha256)), count + step
        return Holding(count, digest)


def holding_of(objects: Iterable[tuple[str, bytes]]) -> Holding:
    """Count and digest objects from the beginning."""
    found = Holding()
    for url, sha256 in objects:
        found = found.replace(url, NOTHING, sha256)
    return found


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


@dataclass(frozen=True)
class Known:
    """What is known of a peer's object: its newest version, its content, or that it is gone."""

    version: int = 0
    sha256: bytes = NOTHING
    gone: bool = False


def takes_effect(known: Known, said: Known, *, anew: bool = False) -> bool:
    """Whether an owner's word about its object changes anything.

    Only a newer version does, or another content under the same one, which an owner sends that
    speaks a newer profile. A tombstone is a version as well: nothing older or equal revives what
    is gone. `anew`: the owner counts its versions anew since we heard of the object.
    """
    if anew:
        return True
    if said.gone:
        return not known.gone and said.version >= known.version
    if said.version == known.version:
        return not known.gone and said.sha256 != known.sha256
    return said.version > known.version


class EpochStep(Enum):
    """What an epoch that somebody names is to us."""

    SAME = "same"
    OLD = "old"
    NEW = "new"


def epoch_step(current: str, past: Sequence[str], said: str) -> EpochStep:
    """Tell a new epoch from one that has ended: a message of the latter changes nothing."""
    if said in {current, ""}:
        return EpochStep.SAME
    return EpochStep.OLD if said in past else EpochStep.NEW


def with_past(past: Sequence[str], ended: str) -> list[str]:
    """Remember an epoch that has ended, the last few of them."""
    return [*past, ended][-EPOCHS_REMEMBERED:] if ended else list(past)


def was_restored(ours: tuple[str, Sequence[str], int], asked: tuple[str, int]) -> bool:
    """Whether a peer knows more of our sequence than we do: then we are a restored backup.

    `ours`: our epoch, those before it, the last number. `asked`: the epoch and the number after
    which the peer reads our log.
    """
    (epoch, past, last_seq), (asked_epoch, after) = ours, asked
    if asked_epoch == "":
        return False  # an older peer does not say
    if asked_epoch == epoch:
        return after > last_seq
    return asked_epoch not in past


@dataclass(frozen=True)
class Tally:
    """What a sender says that we should hold of it once we have its messages up to a number."""

    seq: int
    holding: Holding
    epoch: str = ""


class Look(Enum):
    """What a tally shows when it is held against what we have."""

    SAME = "same"
    DIFFERENT = "different"
    BEHIND = "behind"  # we lack messages: nothing can be compared yet
    AHEAD = "ahead"  # it lacks messages that we have: it may be a restored backup
    ELSEWHERE = "elsewhere"  # it counts in another epoch


def look(epoch: str, applied_seq: int, holding: Holding, tally: Tally) -> Look:
    """Compare, and only when both stand at the same number of the same epoch."""
    if tally.epoch not in {"", epoch}:
        return Look.ELSEWHERE
    if tally.seq > applied_seq:
        return Look.BEHIND
    if tally.seq < applied_seq:
        return Look.AHEAD
    return Look.SAME if tally.holding == holding else Look.DIFFERENT


@dataclass(frozen=True)
class Page:
    """A page of a manifest: where its owner stands, and objects in the order of addresses."""

    epoch: str
    seq: int
    holding: Holding
    objects: Sequence[tuple[str, int, bytes]]

    @property
    def stand(self) -> tuple[str, int, Holding]:
        """What must not change from the first page to the last."""
        return self.epoch, self.seq, self.holding


class ManifestBrokenError(Exception):
    """The manifest changed while it was read, or a part is missing: nothing may follow from it."""


@dataclass(frozen=True)
class Manifest:
    """Everything that an owner says we should hold of it, at one number of its sequence."""

    epoch: str
    seq: int
    objects: Mapping[str, tuple[int, bytes]]


def join_pages(pages: Sequence[Page]) -> Manifest:
    """Make a manifest of its pages; refuses one that is not whole, or not of one moment."""
    if not pages or len({(page.epoch, page.seq, page.holding) for page in pages}) != 1:
        raise ManifestBrokenError("changed while it was read")
    objects: dict[str, tuple[int, bytes]] = {}
    last = ""
    for url, version, sha256 in (item for page in pages for item in page.objects):
        if url <= last:
            raise ManifestBrokenError("not in the order of addresses")
        objects[url], last = (version, sha256), url
    found = holding_of((url, sha256) for url, (_, sha256) in objects.items())
    if found != pages[0].holding:
        raise ManifestBrokenError("not whole")
    return Manifest(pages[0].epoch, pages[0].seq, objects)


@dataclass(frozen=True)
class Plan:
    """What a repair has to do: read these objects, forget those."""

    read: Sequence[str] = field(default_factory=list)
    forget: Sequence[str] = field(default_factory=list)


def plan_repair(held: Mapping[str, bytes], manifest: Manifest) -> Plan:
    """Say what differs between what we hold of an owner and what its whole manifest names."""
    return Plan(
        read=[url for url, (_, sha) in manifest.objects.items() if held.get(url) != sha],
        forget=[url for url in sorted(held) if url not in manifest.objects],
    )


def may_repair(manifest: Manifest, epoch: str, applied_seq: int) -> bool:
    """Whether a manifest still speaks of the moment at which we stand.

    Then the owner's word counts whatever versions say; otherwise a message may have told us
    something newer, and nothing is touched.
    """
    return (manifest.epoch, manifest.seq) == (epoch, applied_seq)
