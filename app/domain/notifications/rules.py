"""Who is told of what. NOTICES is the one table of it; docs/notices.md tells it. Pure.

To tell people of something new: record an activity (`activity.actions.record`), add its row here,
and the texts `notice.<kind>.title` and `notice.<kind>.text` (`{need}` and `{organisation}` are
filled in, with what the reader may see at that moment). Nobody is told of what they did themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.models.notifications import MailWish, Reader, Topic


class By(StrEnum):
    """Whose doing an activity must be for a row to count."""

    ANYBODY = "anybody"
    WORKER = "worker"  # the worker of the claim
    OTHERS = "others"  # anybody but the worker


class Opens(StrEnum):
    """What a notice leads to."""

    CLAIM = "claim"
    OWN_CLAIM = "own_claim"
    NEED = "need"
    ORGANISATION = "organisation"
    CLAIMS_OF_ORGANISATION = "claims_of_organisation"
    ORGANISATIONS = "organisations"
    REVIEW = "review"
    REVIEWS = "reviews"
    PEERS = "peers"
    PEER = "peer"
    THREAD = "thread"
    ASKS = "asks"
    PANEL = "panel"
    REPORTS = "reports"
    NOTICES = "notices"
    RECEIPTS = "receipts"
    PERIOD = "period"
    DISPUTE = "dispute"
    BOOK = "book"
    ENTRY = "entry"
    DECISION = "decision"
    DECISIONS = "book_decisions"
    STANDING = "standing"
    CONVERSION = "conversion"
    EXIT = "exit"
    LOG = "log"


@dataclass(frozen=True)
class Row:
    """One kind of notice: who is told, under which topic, and what it opens.

    `named` is the key in the activity's details that holds the ids of the accounts told when
    `reader` is NAMED (one id, or a list of them). A row that is not `mailed` is told here only.
    """

    kind: str
    reader: Reader
    topic: Topic
    opens: Opens
    by: By = By.ANYBODY
    named: str = "tell"
    # Whoever wrote a letter of their own about it says no here.
    mailed: bool = True


WORKER, MEMBERS, STEWARDS, NAMED = Reader.WORKER, Reader.MEMBERS, Reader.STEWARDS, Reader.NAMED
T = Topic


def _decided(kind: str) -> Row:
    return Row(kind, WORKER, T.DECISIONS, Opens.OWN_CLAIM)


def _arrived(kind: str, by: By = By.ANYBODY) -> Row:
    return Row(kind, MEMBERS, T.APPLICATIONS, Opens.CLAIM, by)


def _reminded(kind: str, opens: Opens) -> Row:
    return Row(kind, MEMBERS, T.REMINDERS, opens)


def _about_need(kind: str) -> Row:
    return Row(kind, MEMBERS, T.APPLICATIONS, Opens.NEED)


def _of_dispute(kind: str) -> Row:
    return Row(kind, NAMED, T.DECISIONS, Opens.DISPUTE)


def _of_peer(kind: str) -> Row:
    return Row(kind, STEWARDS, T.STEWARDSHIP, Opens.PEER)


def _of_period(kind: str) -> Row:
    return Row(kind, NAMED, T.DECISIONS, Opens.PERIOD)


NOTICES: Mapping[str, tuple[Row, ...]] = {
    # An application, and how it is answered: whoever applied hears of every end it can have.
    "claim.applied": (_arrived("claim_applied"),),
    "claim.accepted": (_decided("claim_accepted"), _arrived("claim_taken", By.WORKER)),
    "claim.declined": (_decided("claim_declined"),),
    "claim.expired": (_decided("claim_expired"),),
    "claim.released": (_decided("claim_released"),),
    "claim.withdrawn": (_arrived("claim_let_go", By.WORKER),),
    "claim.lapsed": (_decided("claim_lapsed"), _arrived("claim_let_go")),
    # Work, and what is said of it.
    "claim.submitted": (_arrived("claim_submitted"),),
    "claim.changes_requested": (_decided("claim_changes_requested"),),
    "claim.confirmed": (_decided("claim_confirmed"),),
    "claim.rejected": (_decided("claim_rejected"), _arrived("claim_rejected")),
    "claim.disputed": (_decided("claim_disputed"), _arrived("claim_disputed")),
    "claim.panel_review": (_decided("claim_panel_review"), _arrived("claim_panel_review")),
    # What happens when nothing happens: each is asked, before anything changes.
    "claim.start_asked": (Row("claim_start_asked", WORKER, T.REMINDERS, Opens.OWN_CLAIM),),
    "claim.nudged": (Row("claim_nudged", WORKER, T.REMINDERS, Opens.OWN_CLAIM),),
    "claim.answer_reminded": (_reminded("claim_answer_reminded", Opens.CLAIM),),
    "claim.answer_slow": (_reminded("claim_answer_slow", Opens.CLAIM),),
    "claim.confirmation_reminded": (_reminded("claim_confirmation_reminded", Opens.CLAIM),),
    "need.paused_unanswered": (_reminded("need_paused_unanswered", Opens.NEED),),
    "need.renewal_asked": (_reminded("need_renewal_asked", Opens.NEED),),
    "need.archived": (_reminded("need_archived", Opens.NEED),),
    "need.expired": (_reminded("need_expired", Opens.NEED),),
    "need.place_offered": (Row("need_place_offered", NAMED, T.MATCHES, Opens.NEED),),
    "need.worker_invited": (
        Row("need_worker_invited", NAMED, T.MATCHES, Opens.NEED, named="worker"),
    ),
    "search.matched": (Row("search_matched", NAMED, T.MATCHES, Opens.NEED, mailed=False),),
    # What people say to one another.
    "claim.message_posted": (
        Row("claim_message", WORKER, T.MESSAGES, Opens.THREAD, By.OTHERS),
        Row("claim_message", MEMBERS, T.MESSAGES, Opens.THREAD, By.WORKER),
    ),
    "claim.settlement_offered": (Row("claim_settlement", NAMED, T.DECISIONS, Opens.OWN_CLAIM),),
    "panel.drawn": (Row("panel_drawn", NAMED, T.REMINDERS, Opens.PANEL),),
    # Entries of a book that somebody disputes.
    "dispute.opened": (_of_dispute("dispute_opened"),),
    "dispute.offered": (_of_dispute("dispute_offered"),),
    "dispute.panel_asked": (_of_dispute("dispute_panel_asked"),),
    "dispute.judge_drawn": (Row("dispute_judge_drawn", NAMED, T.REMINDERS, Opens.DISPUTE),),
    "dispute.judge_named": (_of_dispute("dispute_judge_named"),),
    "dispute.ruled": (_of_dispute("dispute_ruled"),),
    "dispute.reappealed": (_of_dispute("dispute_reappealed"),),
    "dispute.assembly_asked": (_of_dispute("dispute_assembly_asked"),),
    "need.question_asked": (Row("need_question", MEMBERS, T.MESSAGES, Opens.NEED),),
    "need.question_answered": (
        Row("need_answer", NAMED, T.MESSAGES, Opens.NEED, named="asker_id"),
    ),
    "need.question_hidden": (
        Row("need_question_hidden", NAMED, T.MESSAGES, Opens.NEED, named="asker_id"),
    ),
    # Keeping what was built, and finding out what is needed.
    "need.maintainer_asked": (Row("need_maintainer_asked", NAMED, T.DECISIONS, Opens.NEED),),
    "need.maintainer_agreed": (_about_need("need_maintainer_answered"),),
    "need.maintainer_declined": (_about_need("need_maintainer_answered"),),
    "need.closing_wanted": (_about_need("need_closing_wanted"),),
    "need.care_drafted": (_about_need("need_care_drafted"),),
    "need.scope_proposed": (_about_need("need_scope_proposed"),),
    "need.scope_accepted": (Row("need_scope_answered", NAMED, T.DECISIONS, Opens.NEED),),
    "need.scope_declined": (Row("need_scope_answered", NAMED, T.DECISIONS, Opens.NEED),),
    # What nobody vouched for waits for a steward, who lets it through or sends it back.
    "need.review_wanted": (Row("need_review_wanted", STEWARDS, T.STEWARDSHIP, Opens.REVIEWS),),
    "need.review_passed": (Row("need_review_passed", MEMBERS, T.ORGANISATIONS, Opens.NEED),),
    "need.sent_back": (Row("need_sent_back", MEMBERS, T.ORGANISATIONS, Opens.NEED),),
    "organisation.vouched": (
        Row("organisation_vouched", MEMBERS, T.ORGANISATIONS, Opens.ORGANISATION),
    ),
    "organisation.vouch_lost": (
        Row("organisation_vouch_lost", MEMBERS, T.ORGANISATIONS, Opens.ORGANISATION),
    ),
    # People without an account who ask, and what waits for stewards there.
    "ask.confirmed": (Row("ask_waits", STEWARDS, T.STEWARDSHIP, Opens.ASKS),),
    "ask.answered": (Row("ask_waits", STEWARDS, T.STEWARDSHIP, Opens.ASKS),),
    "ask.suggested": (Row("ask_waits", STEWARDS, T.STEWARDSHIP, Opens.ASKS),),
    "ask.thanked": (Row("ask_thanked", NAMED, T.MESSAGES, Opens.THREAD),),
    # What somebody reported, and what the stewards did: each is told of their own part.
    "report.made": (Row("report_waits", STEWARDS, T.STEWARDSHIP, Opens.REPORTS),),
    "report.looked_at": (Row("report_looked_at", NAMED, T.DECISIONS, Opens.NOTICES),),
    "need.held": (Row("need_held", MEMBERS, T.DECISIONS, Opens.NEED),),
    "need.appealed": (Row("need_appealed", STEWARDS, T.STEWARDSHIP, Opens.REPORTS),),
    "need.released": (Row("need_released", MEMBERS, T.DECISIONS, Opens.NEED),),
    "need.taken_down": (Row("need_taken_down", MEMBERS, T.DECISIONS, Opens.NEED),),
    "claim.need_held": (_decided("claim_need_held"),),
    "claim.need_released": (_decided("claim_need_released"),),
    "claim.message_hidden": (Row("claim_message_hidden", NAMED, T.MESSAGES, Opens.THREAD),),
    "account.limited": (Row("account_limited", NAMED, T.DECISIONS, Opens.NOTICES),),
    "account.unlimited": (Row("account_unlimited", NAMED, T.DECISIONS, Opens.NOTICES),),
    "account.password_link_made": (
        Row("account_password_link", NAMED, T.DECISIONS, Opens.NOTICES),
    ),
    "account.unblocked": (Row("account_unblocked", NAMED, T.DECISIONS, Opens.NOTICES),),
    # Signed proof of one's work; that there is one goes without saying when work is confirmed.
    "receipt.replaced": (Row("receipt_replaced", NAMED, T.DECISIONS, Opens.RECEIPTS),),
    "receipt.revoked": (Row("receipt_revoked", NAMED, T.DECISIONS, Opens.RECEIPTS),),
    # What was written into a book about somebody, by another road than a claim.
    "book.slips_written": (Row("book_slips_written", NAMED, T.DECISIONS, Opens.BOOK),),
    "book.opened": (Row("book_opened", NAMED, T.DECISIONS, Opens.BOOK),),
    "entry.corrected": (Row("entry_corrected", NAMED, T.DECISIONS, Opens.ENTRY),),
    "receipt.taken_into_book": (
        Row("receipt_taken_into_book", NAMED, T.DECISIONS, Opens.RECEIPTS),
    ),
    "receipt.declined_by_book": (
        Row("receipt_declined_by_book", NAMED, T.DECISIONS, Opens.RECEIPTS),
    ),
    # A book's periods: who has a line, and who keeps the book, is told of each step.
    "period.drafted": (_of_period("period_drafted"),),
    "period.objected": (_of_period("period_objected"),),
    "period.answered": (_of_period("period_answered"),),
    "period.signed": (_of_period("period_signed"),),
    "period.locked": (_of_period("period_locked"),),
    "period.reopened": (_of_period("period_reopened"),),
    "period.drawn_anew": (_of_period("period_drawn_anew"),),
    # A co-operative: what its worker-owners decide, and what that makes of people.
    "decision.opened": (Row("decision_opened", NAMED, T.DECISIONS, Opens.DECISION),),
    "decision.passed": (Row("decision_passed", NAMED, T.DECISIONS, Opens.DECISION),),
    "decision.failed": (Row("decision_failed", NAMED, T.DECISIONS, Opens.DECISION),),
    "decision.refused": (Row("decision_refused", NAMED, T.DECISIONS, Opens.DECISION),),
    "decision.overtaken": (Row("decision_overtaken", NAMED, T.DECISIONS, Opens.DECISION),),
    "book.admission_asked": (Row("admission_asked", NAMED, T.APPLICATIONS, Opens.DECISIONS),),
    "book.probationary": (Row("status_probationary", NAMED, T.DECISIONS, Opens.STANDING),),
    "book.worker_owner": (Row("status_worker_owner", NAMED, T.DECISIONS, Opens.STANDING),),
    "conversion.signed": (Row("conversion_signed", NAMED, T.DECISIONS, Opens.CONVERSION),),
    "exit.opened": (Row("exit_opened", NAMED, T.DECISIONS, Opens.EXIT),),
    "exit.scheduled": (Row("exit_scheduled", NAMED, T.DECISIONS, Opens.EXIT),),
    "exit.paid": (Row("exit_paid", NAMED, T.DECISIONS, Opens.EXIT),),
    # Organisations and their members.
    "webhook.switched_off": (
        Row(
            "webhook_switched_off",
            NAMED,
            T.ORGANISATIONS,
            Opens.ORGANISATION,
            named="account_ids",
        ),
    ),
    "organisation.created": (
        Row("organisation_created", STEWARDS, T.STEWARDSHIP, Opens.ORGANISATION),
    ),
    "organisation.accepted": (
        Row("organisation_accepted", MEMBERS, T.ORGANISATIONS, Opens.ORGANISATION),
    ),
    "organisation.declined": (
        Row("organisation_declined", MEMBERS, T.ORGANISATIONS, Opens.ORGANISATION),
    ),
    "organisation.suspended": (
        Row("organisation_suspended", MEMBERS, T.ORGANISATIONS, Opens.ORGANISATION),
    ),
    "organisation.member_added": (
        Row("member_added", NAMED, T.ORGANISATIONS, Opens.ORGANISATION, named="member"),
    ),
    "organisation.member_removed": (
        Row("member_removed", NAMED, T.ORGANISATIONS, Opens.ORGANISATIONS, named="member"),
    ),
    "peer.requested": (_of_peer("peer_requested"),),
    "peer.key_changed": (_of_peer("peer_key_changed"),),
    "peer.unreachable": (_of_peer("peer_unreachable"),),
    "peer.message_parked": (_of_peer("peer_message_parked"),),
    "peer.restore_noticed": (_of_peer("peer_restore_noticed"),),
    # What somebody outside holds of a ledger, ours or theirs, and it does not.
    "ledger.frozen": (Row("ledger_frozen", STEWARDS, T.DECISIONS, Opens.LOG),),
    "ledger.forked": (Row("ledger_forked", STEWARDS, T.STEWARDSHIP, Opens.LOG),),
    "witness.contradiction": (Row("witness_contradiction", STEWARDS, T.DECISIONS, Opens.LOG),),
    "witness.fork_declared": (Row("witness_fork_declared", STEWARDS, T.STEWARDSHIP, Opens.LOG),),
    "peer.answered": (Row("peer_answered", STEWARDS, T.STEWARDSHIP, Opens.PEERS),),
}

KINDS: Mapping[str, Row] = {row.kind: row for rows in NOTICES.values() for row in rows}

# Unless a person says otherwise: an answer that they wait for comes at once, the rest once a day.
DEFAULT_WISHES: Mapping[Topic, MailWish] = {
    topic: MailWish.AT_ONCE if topic is Topic.DECISIONS else MailWish.DAILY for topic in Topic
}
DEFAULT_HOUR = 8
# One letter for a conversation that goes on: the next comes when it was read, or after this long.
MAIL_AGAIN_AFTER = timedelta(hours=12)
WEEK_STARTS_ON = 0
# What a letter's links may be used for, and for how long.
ANSWER_LINK = "notice"
ANSWER_LINK_LIFE = timedelta(days=30)
STOP_LINK_LIFE = timedelta(days=366)
DIGEST_LIST = "digest"
DIGEST_WISHES = frozenset({MailWish.DAILY, MailWish.WEEKLY})
DIGEST_NOTICES_MAX = 30
DIGEST_MATCHES_MAX = 5


def stop_purpose(list_name: str) -> str:
    """Return what a link that stops one list's mail is for."""
    return f"stop {list_name}"[:40]


def wish_for(wishes: Mapping[str, str], topic: Topic) -> MailWish:
    """Return when somebody wants mail of a topic."""
    return MailWish(wishes.get(topic.value, DEFAULT_WISHES[topic].value))


def digest_period(wish: MailWish, now: datetime, hour: int, zone: str) -> tuple[str, datetime]:
    """Return the newest digest that is due at `now`: its name, and the moment it was due.

    The name is the local day (or the week's Monday) whose hour has come, so that each is sent
    once, whenever a worker gets to it. An hour that a change of the clocks leaves out is the one
    after it; one that comes twice is the first.
    """
    place = ZoneInfo(zone)
    day = now.astimezone(place).date()
    due = _moment(day, hour, place)
    if due > now:
        day -= timedelta(days=1)
    if wish is MailWish.WEEKLY:
        day -= timedelta(days=(day.weekday() - WEEK_STARTS_ON) % 7)
    return f"{wish.value} {day.isoformat()}", _moment(day, hour, place)


def _moment(day: object, hour: int, place: ZoneInfo) -> datetime:
    local = datetime.combine(day, time(hour), place)  # type: ignore[arg-type]
    return local.astimezone(UTC)
