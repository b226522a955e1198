"""The same noun has the same file name in each layer, and a verb's file is where one looks."""

import re
from pathlib import PurePosixPath

import pytest

from tests.contracts.tree import python_files, read

NOUNS = {
    "activity",
    "administration",
    "agreements",
    "asks",
    "checkpoints",
    "claims",
    "commons",
    "disputes",
    "federation",
    "feeds",
    "files",
    "followers",
    "governance",
    "identity",
    "imports",
    "keys",
    "ledger",
    "letters",
    "matching",
    "meetups",
    "moderation",
    "needs",
    "notifications",
    "organisations",
    "peers",
    "periods",
    "policies",
    "profiles",
    "receipts",
    "statements",
    "threads",
    "webhooks",
    "witnesses",
}
# Files of a layer that belong to no noun, each for a reason.
LAYER_FILES = {
    "app/models": {
        "base",
        "need_parts",  # shapes of what a need holds beside its words
    },
    "app/api": {
        "admission",  # few signed requests at a time
        "dependencies",  # what routes ask for in their signatures
        "errors",  # error → problem
        "health",  # /livez, /readyz
        "need_shapes",  # needs as several routes answer them
        "middleware",  # limits, headers, request ids
        "router",  # all routes
        "routing",  # strict bodies and queries
        "shapes",  # answers that several nouns give
        "wire",  # how other servers ask, and how they are refused
    },
    "app/api/schemas": {"base"},
    "app/workers": {"clocks", "main", "reactions", "runtime"},
}
DOMAIN_FILES = {"actions", "queries", "policy", "rules", "errors"}
# Files of one domain beside the five, each for a reason.
DOMAIN_EXTRAS = {
    "activity/idempotency",  # answers kept under their key
    "feeds/alerts",  # what is new for whom, told once
    "feeds/composing",  # what an alert says, when it is sent
    "checkpoints/bodies",  # what the log says of each kind of thing
    "checkpoints/signing",  # the instance's ledger key
    "asks/review",  # what stewards do with asks, and the clock
    "activity/clocks",  # which steps of clocks were taken
    "administration/exports",  # everything that an organisation has
    "administration/imports",  # the job around an import
    "administration/invariants",  # what must be true of the whole database
    "claims/agreements",  # what a claim that two instances share has beside its row
    "claims/attachments",  # files on claims, and the door to any file
    "claims/conversation",  # what the two sides of a claim write
    "claims/days",  # how long people worked on a day, over all books
    "claims/laying",  # no day of a person has more than its hours, pure
    "claims/drawing",  # who sits on a panel: the lot
    "claims/remote",  # what the other instance says of a claim that two share
    "claims/panels",  # asking a panel, and what its members decide
    "matching/batch",  # all boards at once, for digests
    "matching/reasons",  # the parts of a score in words
    "matching/facts",  # what is read of a need and of a worker
    "matching/walks",  # along the postings, newest first
    "ledger/batches",  # what one act wrote into a book
    "ledger/booking",  # the day on which an entry counts
    "governance/admission",  # asking to be taken in, and trainings
    "governance/conversions",  # gift work that is recognised as standing
    "governance/exits",  # who left, and what is still to be paid
    "governance/leaving",  # handing back, and being paid out
    "governance/effects",  # what a decision does once it is closed
    "governance/overtaking",  # a vote about what is over meanwhile
    "governance/persons",  # who is one person by mail address, for votes and standing
    "governance/proposals",  # what may be decided, and on which terms
    "governance/standing",  # what counts toward becoming a worker-owner
    "governance/tasks",  # what waits for worker-owners to begin
    "governance/statuses",  # what somebody becomes, from which day on
    "ledger/statuses",  # what somebody is to a co-operative
    "ledger/correcting",  # taking an entry back, and saying what is true
    "ledger/keeping",  # who keeps a book, and of whom it speaks
    "ledger/offers",  # receipts from elsewhere on their way into a book
    "ledger/opening",  # what was there before the book
    "ledger/pairs",  # who confirms each other a lot
    "ledger/people",  # what people are called in a book, also once they left it
    "ledger/uniqueness",  # a receipt counts once, in one book
    "ledger/following",  # entries that follow a receipt when it is revoked or replaced
    "ledger/gifts",  # what was recognised of a gift, and what changes it
    "ledger/export",  # a book as one file that can be checked offline
    "ledger/posting",  # how an entry enters a book
    "ledger/slip_files",  # CSV → slips
    "ledger/slips",  # paper slips, whole or not at all
    "ledger/settling",  # what two sides agree on, and what a panel decides
    "policies/facts",  # what a stretch of days is made of
    "policies/previewing",  # what if other rules held
    "periods/checklist",  # what is looked at before a freeze
    "periods/drafting",  # worker by worker, in committed steps
    "periods/reading",  # what a period is made of
    "periods/sealing",  # the lock, one transaction
    "periods/steps",  # what comes next, and whose it is
    "policies/document",  # the rules of a book as figures, and their one spelling
    "claims/answering",  # how long organisations usually take
    "claims/clocks",  # which clock runs, and the signs of life
    "claims/sweep",  # taking the steps that are due
    "moderation/holds",  # holding a need back, and letting it go
    "needs/holding",  # which hold is live, and how long clocks stood still
    "needs/clocks",  # the table of clocks, pure
    "needs/filters",  # what a list is narrowed by
    "needs/closing",  # who keeps what was built running, and what comes after
    "needs/contents",  # what a need holds beside its own row
    "disputes/drawing",  # who sits on an appeal panel: the lot
    "disputes/judging",  # what its members decide, and who is named to sit
    "disputes/mine",  # what somebody has a say in, and can still go on
    "disputes/showing",  # as its reader may see it
    "disputes/ruling",  # into suspense and out again
    "files/preparing",  # what was sent → what is kept
    "needs/attachments",  # files on needs
    "needs/following",  # what becomes of needs when their organisation changes
    "needs/import_columns",  # which column of somebody's file is which of ours
    "needs/import_files",  # CSV and JSON Lines → rows
    "needs/import_rows",  # rows → needs, pure
    "needs/import_undoing",  # an import taken back
    "needs/importing",  # a whole file in one transaction
    "needs/listing",  # lists, counts and facets
    "needs/mirroring",  # a peer's need, kept here
    "needs/scoping",  # what a scoping hour brings
    "needs/translating",  # people's translations
    "needs/reviewing",  # what nobody vouched for is read first
    "needs/renewing",  # keeping a need by a mailed link
    "needs/sweep",  # taking the steps that are due
    "needs/walking",  # one list, one statement after the other
    "needs/search",  # filters → conditions of the index
    "needs/questions",  # asked and answered in public
    "notifications/composing",  # what a letter says, when it is sent
    "notifications/digests",  # once for each person and period
    "notifications/showing",  # notices as their reader may see them now
    "organisations/blocking",  # who wants to hear nothing of whom
    "organisations/vouching",  # whose word frees an organisation of review
    "profiles/skills",  # the list of skills
    "identity/proofs",  # how many letters ask for the proof of an address
    "identity/passwords",  # another password, by the old one or by a link
    "statements/composing",  # what a statement says
    "statements/corrections",  # from how much to how much, and by what
    "statements/entries",  # one entry, whole
    "statements/lines",  # the lines behind a figure
    "statements/tasks",  # what there is to do in a book now
    "statements/words",  # a statement as a table, and as a document for paper
}


def _children(layer: str) -> set[str]:
    folder = PurePosixPath(layer)
    return {
        PurePosixPath(name).stem
        for name in python_files("app")
        if PurePosixPath(name).parent == folder and not name.endswith("__init__.py")
    }


@pytest.mark.parametrize("layer", list(LAYER_FILES))
def test_a_layers_files_are_nouns(layer: str) -> None:
    assert _children(layer) - NOUNS - LAYER_FILES[layer] == set()


def test_the_list_of_other_files_names_only_what_is_there() -> None:
    for layer, names in LAYER_FILES.items():
        assert names - _children(layer) == set(), layer
    domain = {name.removeprefix("app/domain/") for name in python_files("app/domain")}
    assert {f"{extra}.py" for extra in DOMAIN_EXTRAS} - domain == set()


def test_a_domain_has_the_five_files_and_few_others() -> None:
    found = {
        f"{path.parent.name}/{path.stem}"
        for path in map(PurePosixPath, python_files("app/domain"))
        if path.stem != "__init__" and path.parent != PurePosixPath("app/domain")
    }
    assert {name for name in found if name.split("/")[0] not in NOUNS} == set()
    others = {name for name in found if name.split("/")[1] not in DOMAIN_FILES}
    assert others == DOMAIN_EXTRAS


def test_every_noun_of_the_api_is_a_domain_or_a_peers_matter() -> None:
    """Imports are needs on their way in: the verbs stand with needs, the job with the instance.

    Keys are how peers know us. Peers are what stewards see of the federation; what peers
    themselves call has wire documents.
    """
    domains = {PurePosixPath(name).parent.name for name in python_files("app/domain")}
    routes = _children("app/api") - LAYER_FILES["app/api"]
    assert routes - domains == {"federation", "followers", "imports", "keys", "peers"}
    assert _children("app/api/schemas") - {"base"} == routes - {"federation"}


def test_only_the_edges_end_a_transaction() -> None:
    """A request or job is one transaction: whoever opens it commits it, and nobody below."""
    ending = re.compile(r"\.(?:commit|rollback)\(\)")
    names = python_files("app/domain", "app/federation", "app/api", "app/pages")
    assert [name for name in names if ending.search(read(name))] == []


def test_a_verb_takes_the_session_first() -> None:
    verb = re.compile(r"^async def ([a-z]\w*)\(\s*([^)]*)\)", re.MULTILINE)
    wrong = [
        f"{name}: {found[1]}"
        for name in python_files("app/domain")
        if name.endswith("/actions.py")
        for found in verb.finditer(read(name))
        if not found[2].startswith("session:")
    ]
    assert wrong == []
