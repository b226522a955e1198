"""The life of a need, and its other rules. Pure.

draft → review → open ⇄ paused → in_progress → done → archived; exits withdrawn, expired.
Whether a need is filled is derived (`taken = places`), never stored.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from app.domain.organisations.rules import time_zone_known
from app.domain.profiles import skills
from app.errors import FieldError
from app.infra.i18n import language_known
from app.infra.text import links_in
from app.infra.text import words as split
from app.models.need_parts import HandoverKind
from app.models.needs import Need, NeedFields, NeedKind, NeedState, Stream

S = NeedState
TRANSITIONS: Mapping[NeedState, frozenset[NeedState]] = {
    S.DRAFT: frozenset({S.REVIEW, S.WITHDRAWN}),
    S.REVIEW: frozenset({S.DRAFT, S.OPEN, S.WITHDRAWN}),
    S.OPEN: frozenset({S.PAUSED, S.IN_PROGRESS, S.DONE, S.WITHDRAWN, S.EXPIRED, S.HELD}),
    S.PAUSED: frozenset({S.OPEN, S.IN_PROGRESS, S.DONE, S.WITHDRAWN, S.EXPIRED, S.HELD}),
    S.IN_PROGRESS: frozenset({S.OPEN, S.PAUSED, S.DONE, S.WITHDRAWN, S.HELD}),
    S.DONE: frozenset({S.ARCHIVED, S.HELD}),
    S.EXPIRED: frozenset({S.OPEN, S.ARCHIVED, S.HELD}),
    S.ARCHIVED: frozenset({S.HELD}),
    S.WITHDRAWN: frozenset(),
    # Its people take it back; where it was before, only the stewards let it go (moderation).
    S.HELD: frozenset({S.WITHDRAWN}),
}
# Only the clock moves a need here, or the stewards with a hold.
BY_SYSTEM = frozenset({S.EXPIRED, S.HELD})
# What strangers may read, if the audience includes them.
PUBLISHED = frozenset({S.OPEN, S.PAUSED, S.IN_PROGRESS, S.DONE, S.ARCHIVED, S.EXPIRED})
# What is held may be mended: that is often what the hold asks for.
EDITABLE = frozenset({S.DRAFT, S.REVIEW, S.OPEN, S.PAUSED, S.IN_PROGRESS, S.HELD})
HOLDABLE = frozenset(state for state, targets in TRANSITIONS.items() if S.HELD in targets)
RENEWABLE = frozenset({S.OPEN, S.PAUSED, S.IN_PROGRESS, S.EXPIRED})
REASON_REQUIRED = frozenset({S.WITHDRAWN})
SEARCH_TEXT_MAX = 20_000
# Where something is built that somebody has to keep running afterwards.
BUILT_KINDS = frozenset(
    {NeedKind.RESCUE, NeedKind.HOSTING, NeedKind.COMMUNICATION, NeedKind.ECOMMERCE,
     NeedKind.SECURITY}
)  # fmt: skip
HANDOVER = (HandoverKind.DOMAINS, HandoverKind.KEYS, HandoverKind.BACKUPS, HandoverKind.EXIT)
# A street and a number is where somebody lives or works; a region is not.
_STREET = re.compile(
    r"(?<!\w)(?:street|road|avenue|lane|carrer|c/|calle|avinguda|avenida|passeig|paseo|plaça|plaza|"
    r"\w*straat|\w*laan|\w*gracht|\w*plein|\w*weg|\w*straße|\w*strasse|οδ[όο]ς|λεωφ[όο]ρος|πλατε[ίι]α)"
    r"(?!\w)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<!\w)\d{1,4}\s?[a-zα-ω]?(?!\w)", re.IGNORECASE)

if set(TRANSITIONS) != set(NeedState) or any(
    target not in TRANSITIONS for targets in TRANSITIONS.values() for target in targets
):
    message = "the table of a need's moves does not cover every state"
    raise RuntimeError(message)


def possible_transitions(state: NeedState) -> list[NeedState]:
    """Return where people may move a need from here, in the order of its life."""
    return [target for target in NeedState if target in TRANSITIONS[state] - BY_SYSTEM]


def missing_for_review(need: Need) -> list[FieldError]:
    """Say what a need still lacks before anyone may see it.

    A listing imported with its origin's id may leave hours open: inventing them helps nobody.
    """
    missing = []
    if need.harm_check is None:
        missing.append(FieldError("/harm_check", "harm_check_missing"))
    if need.estimate_minutes is None and need.external_id is None:
        missing.append(FieldError("/estimate_minutes", "estimate_missing"))
    if not need.skill_slugs and not need.tags and not need.skills_unknown:
        missing.append(FieldError("/skills", "skills_missing"))
    if need.stream == Stream.PAID and need.amount_minor is None and need.external_id is None:
        missing.append(FieldError("/amount", "amount_missing"))
    return missing


def faults_of(fields: NeedFields) -> list[FieldError]:
    """Say what of a need's fields does not go together."""
    faults = []
    if fields.stream == Stream.GIFT and fields.amount is not None:
        faults.append(FieldError("/amount", "amount_for_gift"))
    if looks_like_address(fields.region):
        faults.append(FieldError("/region", "region_is_address"))
    if not language_known(fields.language):
        faults.append(FieldError("/language", "language_unknown"))
    if fields.time_zone is not None and not time_zone_known(fields.time_zone):
        faults.append(FieldError("/time_zone", "time_zone_unknown"))
    if fields.starts_on and fields.deadline and fields.starts_on > fields.deadline:
        faults.append(FieldError("/starts_on", "starts_after_deadline"))
    kinds = [item.kind for item in fields.handover if item.kind != HandoverKind.OTHER]
    if len(set(kinds)) < len(kinds):
        faults.append(FieldError("/handover", "handover_repeated"))
    return faults


def over_days(said: NeedFields | Need, today: date) -> list[FieldError]:
    """Say which days of a need are over: published so, it would end before anybody reads it."""
    days = {"deadline": said.deadline, "starts_on": said.starts_on}
    return [FieldError(f"/{n}", "day_over") for n, day in days.items() if day and day < today]


def looks_like_address(region: str) -> bool:
    """Say whether a region names a street with a number."""
    return bool(_STREET.search(region) and _NUMBER.search(region))


def words_of(need: Need) -> dict[str, Any]:
    """Return by field all that readers are shown of a need in its organisation's own words."""
    contacts = [contact["value"] for contact in need.contacts] if need.contact_public else []
    return {
        "title": need.title,
        "body": need.body,
        "language": need.language,
        "region": need.region,
        "beneficiary": need.beneficiary or "",
        "tags": list(need.tags),
        "link": need.link or "",
        "contacts": contacts,
    }


def linked_fields(need: Need) -> list[str]:
    """Return which fields of a need hold a link, as pointers."""
    said = {
        name: [value] if isinstance(value, str) else value for name, value in words_of(need).items()
    }
    found = [name for name, texts in said.items() if any(links_in(text) for text in texts)]
    if need.link and "link" not in found:
        found.append("link")
    return [f"/{name}" for name in found]


def is_built(need: Need) -> bool:
    """Say whether closing asks what is handed over and who keeps it running.

    A care need does not: whether it comes again is said on the need itself.
    """
    return need.care_of is None and (need.kind in BUILT_KINDS or bool(need.handover))


def open_handover(need: Need, handed_over: Collection[str] = ()) -> list[str]:
    """Return the lines of the checklist that are not done yet."""
    done = {item["kind"] for item in need.handover if item["done"]} | set(handed_over)
    asked = [*HANDOVER, *(HandoverKind(item["kind"]) for item in need.handover)]
    return [kind.value for kind in dict.fromkeys(asked) if kind not in done]


def priority_until(need: Need) -> datetime | None:
    """Return until when only those may apply who say that the need is for them."""
    if need.priority_days is None or need.published_at is None:
        return None
    return need.published_at + timedelta(days=need.priority_days)


def wants_scoping(need: Need) -> bool:
    """Say whether somebody is looked for who helps to find out what the need is."""
    return need.origin_url is None and need.skills_unknown and need.state in {S.REVIEW, S.OPEN}


def is_past_words(source_version: int, need: Need) -> bool:
    """Say whether a translation was made from older words than the need has now."""
    return source_version < need.text_version


def months_later(day: date, months: int) -> date:
    """Return the same day some months later, or the last day of a shorter month."""
    year, month = divmod(day.month - 1 + months, 12)
    first = date(day.year + year, month + 1, 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return min(first.replace(day=1) + timedelta(days=day.day - 1), following - timedelta(days=1))


def is_filled(need: Need) -> bool:
    """Say whether every place is taken."""
    return need.taken >= need.places


def deadline_after_hold(deadline: date | None, held_on: date, released_on: date) -> date | None:
    """Return the deadline after a hold: one that passed meanwhile has the days it still had."""
    if deadline is None or deadline < held_on or deadline >= released_on:
        return deadline
    return min(released_on + (deadline - held_on), date.max)


def is_past(deadline: date | None, today: date) -> bool:
    """Say whether the deadline, the end of its day in the organisation's zone, is over."""
    return deadline is not None and deadline < today


def search_text_for(need: Need) -> str:
    """Return the text that searching reads of a need, its translations included."""
    return search_text_of(
        need.title,
        f"{need.body}\n{need.translated_text}",
        " ".join((need.organisation_name, need.beneficiary or "", need.region)),
        (*need.tags, *(skills.label(slug, need.language) for slug in need.skill_slugs)),
    )


def search_text_of(title: str, body: str, organisation: str, words: Iterable[str]) -> str:
    """Return the folded text that searching reads: title first, then all else."""
    # Plain words only: PostgreSQL would keep wordpress.org or and/or as one, and a query asks for
    # each of its words.
    return " ".join(split(" \n".join((title, organisation, " ".join(words), body))))[
        :SEARCH_TEXT_MAX
    ]
