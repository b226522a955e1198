"""3,000 random histories of two instances: loss, duplicates, reorder, backups. No divergence.

The model has a network and backups that are played in memory; every decision is taken by
`app.federation.rules`, which the lanes call as well. After each history the network is well for a
while and both sides must hold the same.
"""

import copy
import random
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from app.federation.rules import (
    MISMATCHES_UNTIL_REPAIR,
    NOTHING,
    EpochStep,
    Holding,
    Known,
    Look,
    ManifestBrokenError,
    Page,
    Tally,
    content_hash,
    epoch_step,
    holding_of,
    join_pages,
    look,
    may_repair,
    plan_repair,
    takes_effect,
    was_restored,
    with_past,
)

HISTORIES = 3_000
STEPS = 24
OBJECTS = 6
LOG_KEPT = 8


@dataclass(frozen=True)
class Said:
    """A message: an object's content, or that it is gone, at a place of the sequence."""

    epoch: str
    seq: int
    url: str
    now: Known
    tally: Tally


@dataclass
class Sender:
    """An owner of objects."""

    names: "Names"
    epoch: str = "e-0000"
    past: list[str] = field(default_factory=list)
    seq: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    told: dict[str, bytes] = field(default_factory=dict)
    log: list[Said] = field(default_factory=list)

    def say(self, url: str, *, gone: bool) -> None:
        """Change an object, or take it away, and write it to the log."""
        version = self.versions.get(url, 0) + 1
        self.versions[url] = version
        # Two branches of one history can give one version two contents.
        content = {"id": url, "version": version, "text": self.names.text()}
        sha256 = NOTHING if gone else content_hash(content)
        self.told.pop(url, None)
        if not gone:
            self.told[url] = sha256
        self.seq += 1
        now = Known(version, sha256, gone)
        self.log.append(Said(self.epoch, self.seq, url, now, self.tally()))
        del self.log[:-LOG_KEPT]

    def tally(self) -> Tally:
        return Tally(self.seq, holding_of(self.told.items()), self.epoch)

    def asked(self, epoch: str, after: int) -> tuple[str, int, list[Said]]:
        """Answer a reader of the log, and find out what it knows of us."""
        if was_restored((self.epoch, self.past, self.seq), (epoch, after)):
            self.past, self.epoch = with_past(self.past, self.epoch), self.names.epoch()
            self.seq, self.log = 0, []
        after = after if epoch == self.epoch else 0
        oldest = self.log[0].seq if self.log else self.seq + 1
        return self.epoch, oldest, [said for said in self.log if said.seq > after]

    def pages(self, source: random.Random, *, faults: bool) -> list[Page]:
        """Show the manifest, two objects a page; the network or a change may spoil it."""
        items = [(url, self.versions[url], self.told[url]) for url in sorted(self.told)]
        held = holding_of(self.told.items())
        parts = [items[at : at + 2] for at in range(0, len(items), 2)] or [[]]
        pages = [Page(self.epoch, self.seq, held, part) for part in parts]
        if faults and source.random() < 0.3:
            pages.pop()
        if faults and source.random() < 0.3:
            self.say(source.choice(URLS), gone=False)
        return pages


@dataclass
class Receiver:
    """Who holds a copy of what an owner has."""

    epoch: str = ""
    past: list[str] = field(default_factory=list)
    applied: int = 0
    waiting: dict[int, Said] = field(default_factory=dict)
    objects: dict[str, tuple[str, Known]] = field(default_factory=dict)
    holding: Holding = field(default_factory=Holding)
    mismatches: int = 0
    repair_due: bool = False
    tally: Tally | None = None

    def take_up(self, epoch: str) -> None:
        if epoch_step(self.epoch, self.past, epoch) is EpochStep.NEW:
            self.repair_due = self.repair_due or self.epoch != ""
            self.past = with_past(self.past, self.epoch)
            self.epoch, self.applied, self.mismatches, self.waiting = epoch, 0, 0, {}

    def receive(self, said: Said) -> None:
        self.take_up(said.epoch)
        if said.epoch == self.epoch:
            self.waiting.setdefault(said.seq, said)
            self.tally = said.tally
        self.work()

    def work(self) -> None:
        """Apply in order up to a gap, then compare."""
        for seq in sorted(self.waiting):
            if seq > self.applied + 1:
                break
            self.apply(self.waiting.pop(seq))
            self.applied = max(self.applied, seq)
        if self.tally is None:
            return
        found = look(self.epoch, self.applied, self.holding, self.tally)
        if found is Look.BEHIND:
            return
        self.tally = None
        self.mismatches = self.mismatches + 1 if found is Look.DIFFERENT else 0
        self.repair_due = self.repair_due or self.mismatches >= MISMATCHES_UNTIL_REPAIR

    def apply(self, said: Said) -> None:
        epoch, known = self.objects.get(said.url, (said.epoch, Known()))
        if takes_effect(known, said.now, anew=epoch != said.epoch):
            self.hold(said.url, said.now)

    def hold(self, url: str, now: Known) -> None:
        before = self.objects.get(url, ("", Known()))[1].sha256
        self.holding = self.holding.replace(url, before, now.sha256)
        self.objects[url] = (self.epoch, now)

    def held(self) -> dict[str, bytes]:
        return {
            url: known.sha256 for url, (_, known) in self.objects.items() if known.sha256 != NOTHING
        }

    def pull(self, sender: Sender) -> None:
        """Read the log to its end."""
        epoch, oldest, items = sender.asked(self.epoch, self.applied)
        if epoch != self.epoch:
            self.take_up(epoch)
            if self.epoch != epoch:
                return
            epoch, oldest, items = sender.asked(self.epoch, self.applied)
        if oldest > self.applied + 1:
            self.repair_due, self.applied = True, oldest - 1
        for said in items:
            self.waiting.setdefault(said.seq, said)
        self.tally = sender.tally()
        self.work()

    def repair(self, sender: Sender, source: random.Random, *, faults: bool) -> None:
        """Read the manifest and do what it says, or nothing."""
        try:
            manifest = join_pages(sender.pages(source, faults=faults))
        except ManifestBrokenError:
            return
        if not may_repair(manifest, self.epoch, self.applied):
            return
        plan = plan_repair(self.held(), manifest)
        for url in plan.read:
            version, sha256 = manifest.objects[url]
            if sender.told.get(url) == sha256:  # what is read is held against its hash
                self.hold(url, Known(version, sha256))
        for url in plan.forget:
            self.hold(url, Known(self.objects[url][1].version, NOTHING, gone=True))
        self.repair_due = self.holding != holding_of(
            (url, sha256) for url, (_, sha256) in manifest.objects.items()
        )


class Names:
    """What never repeats, not even after a restore."""

    def __init__(self) -> None:
        self.used = 0

    def text(self) -> str:
        self.used += 1
        return f"text {self.used}"

    def epoch(self) -> str:
        self.used += 1
        return f"e-{self.used:04}"


Side = TypeVar("Side", Sender, Receiver)
URLS = [f"https://north.example/needs/{number}" for number in range(OBJECTS)]


def backup(side: Side) -> Side:
    """Copy one side; the names that were used stay used."""
    names = getattr(side, "names", None)
    return copy.deepcopy(side, {id(names): names} if names else {})


@dataclass
class Play:
    """A history as it goes on."""

    source: random.Random
    sender: Sender = field(default_factory=lambda: Sender(Names()))
    receiver: Receiver = field(default_factory=Receiver)
    flying: list[Said] = field(default_factory=list)
    saved_sender: Sender | None = None
    saved_receiver: Receiver | None = None

    def say(self) -> None:
        self.sender.say(self.source.choice(URLS), gone=self.source.random() < 0.25)
        if self.source.random() < 0.8:  # the rest is lost
            self.flying += [self.sender.log[-1]] * self.source.choice((1, 1, 2))

    def deliver(self) -> None:
        if self.flying:
            said = self.flying.pop(self.source.randrange(len(self.flying)))
            self.receiver.receive(said)

    def pull(self) -> None:
        if self.source.random() < 0.7:
            self.receiver.pull(self.sender)

    def repair(self) -> None:
        if self.receiver.repair_due:
            self.receiver.repair(self.sender, self.source, faults=True)

    def save(self) -> None:
        if self.source.random() < 0.5:
            self.saved_sender = backup(self.sender)
        else:
            self.saved_receiver = backup(self.receiver)

    def restore(self) -> None:
        if self.saved_sender is not None and self.source.random() < 0.5:
            self.sender = backup(self.saved_sender)
        elif self.saved_receiver is not None and self.source.random() < 0.5:
            self.receiver = backup(self.saved_receiver)


def history(seed: int) -> tuple[Sender, Receiver, random.Random]:
    """Play one history with all its faults; answers both sides as they are when it ends."""
    play = Play(random.Random(seed))
    acts = (play.say, play.deliver, play.pull, play.repair, play.save, play.restore)
    for act in play.source.choices(acts, (10, 12, 3, 2, 2, 3), k=STEPS):
        act()
    play.source.shuffle(play.flying)
    for said in play.flying:
        play.receiver.receive(said)
    return play.sender, play.receiver, play.source


def settle(sender: Sender, receiver: Receiver, source: random.Random) -> None:
    """Let the network be well: the log is read, and then the daily look at the manifest."""
    for _ in range(3):
        receiver.pull(sender)
        receiver.pull(sender)
        receiver.repair(sender, source, faults=False)


@pytest.mark.parametrize("part", range(4))
def test_no_history_ends_in_divergence(part: int) -> None:
    restored = 0
    for seed in range(part, HISTORIES, 4):
        sender, receiver, source = history(seed)
        settle(sender, receiver, source)
        assert receiver.held() == sender.told, f"history {seed}"
        assert receiver.holding == holding_of(sender.told.items()), f"history {seed}"
        restored += len(sender.past)
    assert restored > 40  # epochs did change


def test_without_the_whole_manifest_histories_do_diverge() -> None:
    """The model has teeth: order and versions alone are not enough."""
    diverged = 0
    for seed in range(200):
        sender, receiver, _ = history(seed)
        receiver.pull(sender)
        receiver.pull(sender)
        diverged += receiver.held() != sender.told
    assert diverged > 0


def test_two_mismatches_are_enough_without_any_daily_look() -> None:
    """A restored sender that nobody notices is found out by the digest of its next messages."""
    names = Names()
    sender, receiver = Sender(names), Receiver()
    sender.say(URLS[0], gone=False)
    receiver.pull(sender)
    old = backup(sender)
    sender.say(URLS[0], gone=False)
    receiver.pull(sender)
    sender = old
    sender.say(URLS[1], gone=False)  # the number is used a second time
    receiver.receive(sender.log[-1])
    assert receiver.held() != sender.told
    assert not receiver.repair_due
    sender.say(URLS[2], gone=False)
    receiver.receive(sender.log[-1])
    assert receiver.repair_due
    receiver.repair(sender, random.Random(1), faults=False)
    assert receiver.held() == sender.told
