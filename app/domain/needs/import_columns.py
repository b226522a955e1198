"""Which column of somebody's file is which of ours. Pure.

People name columns in their own words and language; a name that is not ours is looked up here, and
what nobody can know is asked: the reader of the file sees how full each column is, and says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.needs.import_files import UnreadableRowError, column_of, read_rows
from app.infra.text import fold
from app.models.needs import NeedFields

# A length of time as people write it, of which `estimate_minutes` is made.
HOURS = "estimate_hours"
# Columns beside those of NeedFields that the import understands.
BESIDE = (
    HOURS,
    "organisation", "site", "open_tasks", "updated",
    "harm_check.data", "harm_check.misuse", "harm_check.avoidable",
)  # fmt: skip
TABLE_COLUMNS = (
    "title", "body", "language", "kind", "stream", "skills", "tags", "estimate_minutes", "places",
    "urgency", "starts_on", "deadline", "remote", "region", "audience", "instant", "link",
    "external_id", "beneficiary", *BESIDE,
)  # fmt: skip
IGNORED = "-"
SAMPLES_MAX = 3
SAMPLE_LENGTH_MAX = 80
ROWS_LOOKED_AT_MAX = 1000

# What tables call our columns, folded as searches are; in five languages.
SYNONYMS: Mapping[str, str] = {
    fold(word): column
    for column, words in {
        "title": "name|subject|what|summary|τιτλος|θεμα|ονομα|titol|nom|assumpte|titel|naam"
        "|onderwerp|titulo|nombre|asunto",
        "body": "description|details|text|περιγραφη|κειμενο|descripcio|detalls|cos|beschrijving"
        "|omschrijving|tekst|descripcion|detalles|texto",
        "language": "lang|γλωσσα|idioma|llengua|taal|lengua",
        "skills": "skill|δεξιοτητες|habilitats|vaardigheden|habilidades|competencias",
        "tags": "tag|labels|keywords|topics|ετικετες|λεξεις κλειδια|etiquetes|paraules clau"
        "|trefwoorden|etiquetas|palabras clave",
        "estimate_minutes": "minutes|λεπτα|minuts|minuten|minutos",
        HOURS: "hours|estimated hours|estimate|effort|duration|ωρες|εκτιμωμενες ωρες|διαρκεια|hores"
        "|hores estimades|hores previstes|durada|uren|geschatte uren|aantal uren|duur|horas"
        "|horas estimadas|horas previstas|duracion",
        "places": "slots|people|volunteers|θεσεις|ατομα|places|persones|plekken|plaatsen|mensen"
        "|plazas|personas",
        "urgency": "priority|επειγον|προτεραιοτητα|urgencia|prioritat|urgentie|prioriteit"
        "|prioridad",
        "deadline": "due|due date|until|by|προθεσμια|εως|termini|data limit|fins|tot|uiterlijk"
        "|fecha limite|plazo|hasta",
        "starts_on": "from|start|start date|απο|εναρξη|inici|des de|vanaf|begin|inicio|desde",
        "region": "place|location|where|περιοχη|τοπος|regio|lloc|on|plaats|waar|region|lugar|donde",
        "remote": "online|εξ αποστασεως|remot|a distancia|op afstand|remoto",
        "link": "url|address|web|συνδεσμος|enllac|adreca|enlace|direccion",
        "external_id": "id|external id|key|number|nr|αριθμος|κωδικος|identificador|numero|nummer",
        "organisation": "organization|project|group|collective|οργανωση|συλλογικοτητα|ομαδα"
        "|entitat|projecte|collectiu|organisatie|groep|organizacion|entidad|proyecto|colectivo",
        "beneficiary": "for|beneficiari|για|voor wie|beneficiario|para",
        "site": "website|homepage|ιστοτοπος|lloc web|webpagina|sitio|sitio web|pagina web",
    }.items()
    for word in words.split("|")
}


@dataclass(frozen=True)
class Column:
    """One column of a file: how full it is, what is in it, and which of ours it seems to be."""

    name: str
    filled_percent: int
    samples: tuple[str, ...]
    suggestion: str | None


@dataclass(frozen=True)
class Columns:
    """The columns of a file, and how many rows were looked at."""

    rows: int
    columns: tuple[Column, ...]


def suggest(name: str) -> str | None:
    """Return our column for a name, or nothing where it could be anything."""
    ours = column_of(name)
    if ours in TABLE_COLUMNS or ours in NeedFields.model_fields:
        return ours
    return SYNONYMS.get(fold(name.replace("_", " ").replace("-", " ")).strip())


def mapping_for(names: list[str], given: Mapping[str, str] | None) -> dict[str, str]:
    """Return for each column of a file the one of ours; each of ours is taken once.

    What somebody said counts, then a name that is ours, then one that means ours. What is left
    over is not read, and stays whole in the need's source.
    """
    said = given or {}
    chosen = {name: said[name] for name in names if said.get(name)}
    taken = set(chosen.values())
    exact = [name for name in names if suggest(name) == column_of(name)]
    for name in [*exact, *names]:
        if name in chosen:
            continue
        column = suggest(name)
        if column is not None and column not in taken:
            chosen[name] = column
            taken.add(column)
    return {name: chosen.get(name, IGNORED) for name in names}


def describe_columns(raw: bytes) -> Columns:
    """Look at the beginning of a file; raises UnreadableRowError where it is no table at all."""
    filled: dict[str, int] = {}
    samples: dict[str, list[str]] = {}
    rows = 0
    reader = read_rows(raw, free_header=True)
    while rows < ROWS_LOOKED_AT_MAX:
        try:
            _, values = next(reader)
        except StopIteration:
            break
        except UnreadableRowError:
            if not rows:
                raise
            continue
        rows += 1
        for name, value in values.items():
            _look_at(name, value, filled, samples)
    chosen = mapping_for(list(filled), None)
    return Columns(
        rows,
        tuple(
            Column(name, 100 * count // rows, tuple(samples[name]), _known(chosen[name]))
            for name, count in filled.items()
        ),
    )


def _known(column: str) -> str | None:
    return None if column == IGNORED else column


def _look_at(name: str, value: Any, filled: dict[str, int], samples: dict[str, list[str]]) -> None:
    text = "" if value is None else str(value).strip()
    filled[name] = filled.get(name, 0) + bool(text)
    kept = samples.setdefault(name, [])
    shown = text[:SAMPLE_LENGTH_MAX]
    if shown and shown not in kept and len(kept) < SAMPLES_MAX:
        kept.append(shown)
