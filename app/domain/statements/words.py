"""A statement in words: as a table for spreadsheets, and as a document that is set as PDF."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from app.domain.statements.composing import Part, Statement
from app.infra.i18n import (
    format_date,
    format_datetime_named,
    format_minutes,
    format_money,
    format_number,
    format_share,
    translate,
)
from app.infra.pdf import Column, Document, Facts, Table, Words
from app.infra.tables import table_of
from app.models.ledger import WorkStream

# Minutes and minor units are whole numbers here, so that no spreadsheet reads a comma its own way.
# While a period is open nobody knows what will count of it: these cells are empty then, never 0.
CSV_COLUMNS = (
    "account_id", "name", "stage", "livelihood_minutes", "gift_minutes", "care_minutes",
    "governance_minutes", "given_minutes", "counted_minutes", "carried_in_minutes",
    "carried_out_minutes", "eligible", "reason", "weighted", "amount_minor",
    "capital_before_minor", "capital_after_minor", "currency",
)  # fmt: skip

CSV_STAGES = {"running": "open", "draft": "draft", "final": "final"}
OUTCOME_COLUMNS = CSV_COLUMNS.index("currency") - CSV_COLUMNS.index("counted_minutes")


def csv_of(statement: Statement) -> str:
    """Return a statement as a table, a worker a line; what people are called runs as no formula."""
    return table_of(CSV_COLUMNS, [_csv_row(statement, part) for part in statement.parts])


def _csv_row(statement: Statement, part: Part) -> Sequence[object]:
    return (
        part.account_id,
        part.name,
        CSV_STAGES[statement.stage],
        *(part.by_stream[stream] for stream in WorkStream),
        part.given,
        *(_csv_outcome(part) if statement.drawn else [""] * OUTCOME_COLUMNS),
        statement.view.book.currency,
    )


def _csv_outcome(part: Part) -> Sequence[object]:
    return (
        part.counted,
        part.carried_in,
        part.carried_out,
        "yes" if part.eligible else "no",
        part.reason or "",
        part.weighted,
        part.amount,
        part.capital_before,
        part.capital_after,
    )


def title_of(statement: Statement, language: str) -> str:
    """Return a statement's heading."""
    period = statement.period
    return translate(
        language,
        "statement.title",
        since=format_date(language, period.starts_on),
        until=format_date(language, period.ends_on),
    )


def document_of(statement: Statement, language: str, *, one: bool) -> Document:
    """Return a statement as a document: of one worker with how it came to be, or of all."""
    title = title_of(statement, language)
    organisation = statement.view.organisation.name
    blocks: list[Words | Facts | Table] = [
        Words(translate(language, f"statement.stage.{statement.stage}")),
        Words(translate(language, "statement.legal"), "note"),
    ]
    if one:
        blocks += _one(statement, statement.parts[0], language)
    else:
        blocks += _everybody(statement, language)
    blocks += _seal(statement, language)
    return Document(
        language=language,
        title=title,
        above=organisation,
        foot=f"{title} · {organisation}",
        page=translate(language, "statement.page"),
        made_at=statement.period.updated_at,
        blocks=blocks,
    )


def _one(statement: Statement, part: Part, language: str) -> list[Words | Facts | Table]:
    currency = statement.view.book.currency
    rows = [(translate(language, "statement.worker"), part.name)]
    rows += [
        (translate(language, f"ledger.stream.{stream}"), format_minutes(language, minutes))
        for stream, minutes in part.by_stream.items()
        if minutes
    ]
    rows.append((translate(language, "statement.given"), format_minutes(language, part.given)))
    if not statement.drawn:
        return [Facts(rows)]
    rows += [
        (translate(language, f"statement.{name}"), format_minutes(language, minutes))
        for name, minutes in (
            ("counted", part.counted),
            ("carried_in", part.carried_in),
            ("carried_out", part.carried_out),
        )
        if minutes or name == "counted"
    ]
    rows.append((translate(language, "statement.share"), percent(language, part.share)))
    rows += [
        (translate(language, f"statement.{name}"), format_money(language, amount, currency))
        for name, amount in (
            ("capital_before", part.capital_before),
            ("part", part.amount),
            ("capital_after", part.capital_after),
        )
    ]
    return [
        Facts(rows),
        Words(translate(language, "statement.how"), "heading"),
        *(Words(sentence) for sentence in how_of(statement, part, language)),
    ]


def how_of(statement: Statement, part: Part, language: str) -> list[str]:
    """Say in sentences how a worker's amount came to be."""
    said = []
    if part.reason:
        said.append(translate(language, f"statement.reason.{part.reason}"))
    if part.eligible:
        currency, money = statement.view.book.currency, statement.totals
        loss = money["members_loss"] > 0
        said.append(
            translate(
                language,
                "statement.how_loss" if loss else "statement.how_pool",
                weighted=_exact(language, Fraction(part.weighted)),
                base=_exact(language, statement.base),
                whole=format_money(
                    language, money["members_loss"] if loss else money["pool"], currency
                ),
                amount=format_money(language, part.amount, currency),
            )
        )
    return said


def _exact(language: str, value: Fraction) -> str:
    """Write a fraction whole where it is whole, and as one where it is not."""
    if value.denominator == 1:
        return format_number(language, value.numerator)
    return f"{value.numerator}/{value.denominator}"


def percent(language: str, tenths: int) -> str:
    """Write tenths of a percent as a share."""
    return format_share(language, Decimal(tenths) / 1000)


def _everybody(statement: Statement, language: str) -> list[Words | Facts | Table]:
    currency = statement.view.book.currency
    facts = [
        (translate(language, f"ledger.stream.{stream}"), format_minutes(language, minutes))
        for stream, minutes in statement.minutes.items()
    ]
    facts += [
        (
            translate(language, f"statement.step.{step.name}"),
            format_money(language, step.change, currency),
        )
        for step in statement.net_worth
    ]
    heads = ["worker", "given", "counted", "share", "part", "capital_after"]
    drawn = statement.drawn
    columns = [
        Column(translate(language, f"statement.{name}"), 3 if name == "worker" else 2, _side(name))
        for name in (heads if drawn else heads[:2])
    ]
    rows = [_row(statement, part, language) for part in statement.parts]
    sums = [translate(language, "statement.all")]
    sums.append(format_minutes(language, sum(part.given for part in statement.parts)))
    if drawn:
        sums += [
            format_minutes(language, sum(part.counted for part in statement.parts)),
            "",
            format_money(language, sum(part.amount for part in statement.parts), currency),
            format_money(language, statement.totals["capital_after"], currency),
        ]
    heading = Words(translate(language, "statement.by_worker"), "heading")
    return [Facts(facts), heading, Table(columns, rows, [sums])]


def _side(name: str) -> Literal["start", "end"]:
    return "start" if name == "worker" else "end"


def _row(statement: Statement, part: Part, language: str) -> list[str]:
    currency = statement.view.book.currency
    row = [part.name, format_minutes(language, part.given)]
    if statement.drawn:
        row += [
            format_minutes(language, part.counted),
            percent(language, part.share),
            format_money(language, part.amount, currency),
            format_money(language, part.capital_after, currency),
        ]
    return row


def _seal(statement: Statement, language: str) -> list[Words | Facts | Table]:
    rows = []
    if statement.policy_version is not None:
        rows.append((translate(language, "statement.policy"), str(statement.policy_version)))
    rows += [
        (
            translate(language, "statement.signed"),
            ", ".join(
                (
                    each.name,
                    # Nobody reads it alone: a paper goes round, so the zone is named.
                    format_datetime_named(language, each.signature.signed_at, "UTC"),
                )
            ),
        )
        for each in statement.signatures
    ]
    if statement.lock is not None:
        rows.append((translate(language, "statement.root"), statement.lock.root.hex()))
    return [Words(translate(language, "statement.seal"), "heading"), Facts(rows)] if rows else []
