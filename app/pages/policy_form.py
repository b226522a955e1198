"""Rules of a book in words, as a form, and read back: exact fractions, never rounded ones."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pydantic import ValidationError

from app.domain.policies.document import Policy, VoteRule, fraction_text
from app.infra import i18n
from app.infra.typed import read_minutes
from app.models.ledger import BookStatusKind, WorkStream
from app.pages.forms import Form, Problem

SUBJECTS = ("admission", "policy", "conversion", "appeal")
WHO = (BookStatusKind.WORKER_OWNER, BookStatusKind.PROBATIONARY)
ADMISSION = ("months", "minutes", "recent_months", "recent_minutes")
_NUMBER = re.compile(r"^(\d{1,9})(?:\s*/\s*([1-9]\d{0,8})|[.,](\d{1,4}))?\s*(%?)$", re.ASCII)


@dataclass(frozen=True)
class RuleRow:
    """One rule in words, beside what holds now."""

    label: str
    shown: str
    now: str = ""
    changed: bool = False


def rule_rows(language: str, policy: Policy, now: Policy | None = None) -> list[RuleRow]:
    """Return rules in words; with those that hold now, what changes is marked."""
    before = dict(_sentences(language, now)) if now else {}
    return [
        RuleRow(label, shown, before.get(label, ""), bool(now) and before.get(label) != shown)
        for label, shown in _sentences(language, policy)
    ]


def _sentences(language: str, policy: Policy) -> list[tuple[str, str]]:
    def say(message_id: str, **values: Any) -> str:
        return i18n.translate(language, message_id, **values)

    def time(minutes: int) -> str:
        return i18n.format_minutes(language, minutes) if minutes else say("rules.none")

    wanted = policy.admission
    rows = [
        (
            say("rules.weight", stream=say(f"ledger.stream.{stream}")),
            _weight(policy.weights.of(stream)),
        )
        for stream in WorkStream
    ]
    rows += [
        (say("rules.eligible"), ", ".join(say(f"rules.who.{who}") for who in policy.eligible)),
        (say("rules.minimum"), time(policy.minimum_minutes)),
        (say("rules.cap"), time(policy.cap_minutes or 0)),
        (say("rules.members_share"), _share(language, policy.members_share)),
        (say("rules.loss_to_reserve"), _share(language, policy.loss_to_reserve)),
        (say("rules.admission.months"), i18n.format_number(language, wanted.months)),
        (say("rules.admission.minutes"), time(wanted.minutes)),
        (say("rules.admission.recent_months"), i18n.format_number(language, wanted.recent_months)),
        (say("rules.admission.recent_minutes"), time(wanted.recent_minutes)),
        (say("rules.admission.trainings"), ", ".join(wanted.trainings) or say("rules.none")),
    ]
    return rows + [
        (say(f"rules.vote.{subject}"), vote_text(language, getattr(policy.votes, subject)))
        for subject in SUBJECTS
    ]


def _weight(value: Fraction) -> str:
    return f"× {_short(value)}"


def _short(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else fraction_text(value)


def _share(language: str, value: Fraction) -> str:
    """Write a share as a percentage where that is exact, and as a fraction where it is not."""
    if 1000 % value.denominator == 0:
        return i18n.format_share(language, Decimal(value.numerator) / value.denominator)
    return fraction_text(value)


def vote_text(language: str, rule: VoteRule) -> str:
    """Return a rule of voting in words."""
    return i18n.translate(
        language,
        "rules.vote.more_than" if rule.more_than else "rules.vote.at_least",
        part=_short(rule.threshold),
        base=i18n.translate(language, f"rules.base.{rule.base}"),
        quorum=_short(rule.quorum),
    )


def form_of(policy: Policy, **values: str) -> Form:
    """Return the form filled in with rules."""
    said = {f"weight_{stream}": _short(policy.weights.of(stream)) for stream in WorkStream}
    said |= {
        "members_share": _percent(policy.members_share),
        "loss_to_reserve": _percent(policy.loss_to_reserve),
        "minimum": _hours(policy.minimum_minutes),
        "cap": _hours(policy.cap_minutes) if policy.cap_minutes else "",
        "months": str(policy.admission.months),
        "minutes": _hours(policy.admission.minutes),
        "recent_months": str(policy.admission.recent_months),
        "recent_minutes": _hours(policy.admission.recent_minutes),
        "trainings": "\n".join(policy.admission.trainings),
    }
    several = {"eligible": [str(who) for who in policy.eligible]}
    for subject in SUBJECTS:
        rule: VoteRule = getattr(policy.votes, subject)
        said[f"{subject}_threshold"] = _short(rule.threshold)
        said[f"{subject}_base"] = str(rule.base)
        said[f"{subject}_quorum"] = _short(rule.quorum)
        several[f"{subject}_more_than"] = ["yes"] if rule.more_than else []
    return Form({**{name: [value] for name, value in (said | values).items()}, **several})


def _percent(value: Fraction) -> str:
    percent = value * 100
    return f"{percent} %" if percent.denominator == 1 else fraction_text(value)


def _hours(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours}:{rest:02}" if rest else str(hours)


def read_form(form: Form, language: str) -> tuple[Policy | None, Form]:
    """Read rules from a form; None with what could not be read beside its field."""
    document: dict[str, Any] = {"eligible": list(form.values("eligible"))}
    document["weights"] = {str(s): _fraction(form, f"weight_{s}") for s in WorkStream}
    for name in ("members_share", "loss_to_reserve"):
        document[name] = _fraction(form, name)
    document["minimum_minutes"] = _minutes(form, "minimum", language)
    document["cap_minutes"] = _minutes(form, "cap", language) if form.value("cap").strip() else None
    document["admission"] = {
        "months": _count(form, "months"),
        "minutes": _minutes(form, "minutes", language),
        "recent_months": _count(form, "recent_months"),
        "recent_minutes": _minutes(form, "recent_minutes", language),
        "trainings": [line for line in form.value("trainings").splitlines() if line.strip()],
    }
    document["votes"] = {
        subject: {
            "threshold": _fraction(form, f"{subject}_threshold"),
            "more_than": "yes" in form.values(f"{subject}_more_than"),
            "base": form.value(f"{subject}_base"),
            "quorum": _fraction(form, f"{subject}_quorum"),
        }
        for subject in SUBJECTS
    }
    try:
        return Policy.model_validate(document), form
    except ValidationError as error:
        places = [item["loc"] for item in error.errors(include_input=False, include_url=False)]
    found = [_problem(language, [str(part) for part in place]) for place in places]
    return None, replace(form, problems=list(dict.fromkeys(found)))


# Where a part of the document has another name in the form, and which sentence says its fault.
_NAMES: Mapping[str, str] = {"minimum_minutes": "minimum", "cap_minutes": "cap"}
_TIMES = frozenset({"minimum", "cap", "minutes", "recent_minutes"})


def _problem(language: str, place: list[str]) -> Problem:
    match place:
        case ["weights", stream, *_]:
            name, fault = f"weight_{stream}", "rules.fault.weight"
        case ["weights"]:
            name, fault = "weight_livelihood", "rules.fault.weights"
        case ["votes", subject, part, *_]:
            name, fault = f"{subject}_{part}", "rules.fault.share"
        case ["eligible", *_]:
            name, fault = "eligible", "rules.fault.eligible"
        case []:
            name, fault = "cap", "rules.fault.cap"
        case _:
            last = place[1] if place[0] == "admission" and len(place) > 1 else place[0]
            name = _NAMES.get(last, last)
            fault = "rules.fault.share"
            if name in _TIMES:
                fault = "rules.fault.time"
            elif place[0] == "admission":
                fault = "rules.fault.number"
    return Problem(name, i18n.translate(language, fault))


def _fraction(form: Form, name: str) -> Any:
    """Read "1/5", "0.2", "0,2" or "20 %" exactly; anything else goes on to be refused."""
    said = _NUMBER.match(form.value(name).strip())
    if said is None:
        return ""
    whole, lower, decimals, percent = said.groups()
    value = Fraction(f"{whole}.{decimals or 0}") / int(lower or 1)
    return fraction_text(value / 100 if percent else value)


def _minutes(form: Form, name: str, language: str) -> Any:
    minutes = read_minutes(language, form.value(name), "hours")
    return "" if minutes is None else minutes


def _count(form: Form, name: str) -> Any:
    said = form.value(name).strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 5 else ""
