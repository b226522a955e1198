"""The invented world of the demo: organisations and their needs in five languages, and people.

Nobody in it exists. What they ask for is what the first communities said they need.
"""

import json
from typing import Any

PASSWORD = "torna jornals amb mi"  # noqa: S105 - said aloud by the demo, on this machine only
NORTH_NAME = "Nord"
SOUTH_NAME = "Νότος"

STEWARD_NORTH = "roser"
STEWARD_SOUTH = "nikos"
OWNER = "marta"
WORKER_OWNER = "iolanda"
VOLUNTEER = "sam"
THIRD_OWNER = "ferran"
SOUTH_READER = "eleni"

Row = dict[str, Any]

ROASTERS = {
    "name": "Gra Lliure, torradors cooperatius",
    "summary": "Torrem cafè i en decidim juntes. El nostre web el va refer una persona "
    "acomiadada d'una gran empresa, com a regal; ara n'és sòcia.",
    "languages": ["ca", "es", "en"],
    "site": "https://gralliure.example",
    "time_zone": "Europe/Madrid",
}
COOPERATIVE = {
    "name": "Forn dels Tres, cooperativa de treball",
    "summary": "Tres persones que fem pa i en portem els comptes juntes.",
    "languages": ["ca"],
    "time_zone": "Europe/Madrid",
}
# What each of them worked every fortnight, in minutes, in one period and the next; in which stream.
WORKERS = {
    OWNER: ((300, 360), "governance"),
    WORKER_OWNER: ((480, 420), "livelihood"),
    THIRD_OWNER: ((420, 465), "care"),
}
COOPERATIVE_RULES: Row = {
    "title": "Les nostres primeres regles",
    "reason": "Una cinquena part és de qui ha treballat; la reserva aguanta primer les pèrdues.",
    "document": {"members_share": "1/5", "minimum_minutes": 960, "loss_to_reserve": "4/5"},
}
# What the first period earned, and what the second one lost, in cents.
RESULTS = (1_000_001, -120_000)
STORY_NEED: Row = {
    "title": "Rescatar el web de la torradora després d'un atac",
    "body": "Algú va omplir la botiga de publicitat falsa. Cal netejar el **WordPress**, "
    "tancar la porta i deixar-nos còpies que entenguem.",
    "language": "ca",
    "kind": "rescue",
    "stream": "gift",
    "skills": [{"slug": "wordpress", "weight": "must"}, {"slug": "security", "weight": "nice"}],
    "tags": ["torradora"],
    "estimate_minutes": 240,
    "urgency": "high",
    "harm_check": {
        "data": "Adreces de clientela de la botiga.",
        "misuse": "Qui va entrar-hi podria vendre-les.",
        "avoidable": "Sí: les comandes velles s'esborren abans de començar.",
    },
    "link": "https://gralliure.example/web",
}
CLOSING: Row = {
    "maintainer": "organisation",
    "handed_over": ["domains", "keys", "backups", "exit"],
}
LATER_NEED: Row = {
    "title": "Un butlletí que no espiï qui el llegeix",
    "body": "Tres-centes persones, un correu al mes, cap rastrejador.",
    "language": "ca",
    "kind": "communication",
    "stream": "gift",
    "skills": [{"slug": "wordpress", "weight": "nice"}],
    "estimate_minutes": 120,
    "harm_check": {
        "data": "Adreces electròniques.",
        "misuse": "Qui les volgués vendre.",
        "avoidable": "Només se'n guarda l'adreça.",
    },
}
PROFILE: Row = {
    "about": "Laid off in spring. I like old sites that work again.",
    "skills": [{"slug": "wordpress", "level": 3}, {"slug": "php", "level": 2}],
    "tags": ["bicycles"],
    "languages": ["en", "ca"],
    "hours_per_week": 6,
    "time_zone": "Europe/Amsterdam",
    "findable": True,
}
WORK_LOGS = (
    (90, "Cleaned the pages, changed every password, closed the old upload form."),
    (60, "Backups every night, and a page that says how to restore them."),
)

# Organisation, language, site, then its needs: title, body, kind, tags, hours, places, urgency.
WORLD: tuple[tuple[str, str, str, tuple[tuple[Any, ...], ...]], ...] = (
    (
        "Απεργιακό Ταμείο Λιμανιού",
        "el",
        "https://tameio-limaniou.example",
        (
            (
                "Σελίδα για τις εισφορές του ταμείου",
                "Μια απλή σελίδα που δείχνει πού πάνε οι εισφορές, χωρίς ονόματα.",
                "ecommerce", ["wordpress", "ιστοσελίδα"], 10, 1, "high",
            ),
            (
                "Ασφαλή τηλέφωνα για τη συντονιστική",
                "Δύο βραδιές για πέντε άτομα: μηνύματα, αντίγραφα, τι κάνουμε αν χαθεί ένα.",
                "security", ["security", "phones"], 6, 2, "normal",
            ),
            (
                "Μετάφραση της ανακοίνωσης σε τρεις γλώσσες",
                "Μία σελίδα, απλή γλώσσα, έως την Παρασκευή.",
                "translation", ["translation"], 3, 3, "high",
            ),
        ),
    ),
    (
        "Φεμινιστικός Κόμβος Φιλοξενίας «Υφάντρες»",
        "el",
        "https://yfantres.example",
        (
            (
                "Μεταφορά δεκαπέντε ιστοτόπων σε δικό μας διακομιστή",
                "Έχουμε μηχάνημα και οδηγίες· μας λείπουν χέρια και ηρεμία.",
                "hosting", ["linux", "docker", "php"], 24, 2, "normal",
            ),
            (
                "Σχέδιο για όταν μας επιτεθούν",
                "Ποια κάνει τι, με ποια σειρά, και πώς το λέμε σε όσες φιλοξενούμε.",
                "security", ["security", "documentation"], 8, 1, "high",
            ),
            (
                "Μάθημα: τι είναι ένα αντίγραφο ασφαλείας",
                "Για ομάδες χωρίς τεχνικό άτομο. Δύο ώρες, εξ αποστάσεως.",
                "teaching", ["teaching"], 4, 2, "low",
            ),
        ),
    ),
    (
        "Coöperatie De Volle Ketel",
        "nl",
        "https://volleketel.example",
        (
            (
                "Bestellijst voor zestig huishoudens",
                "Nu een rekenblad dat elke week breekt. Liever iets kleins dat blijft werken.",
                "ecommerce", ["python", "django", "database"], 30, 2, "normal",
            ),
            (
                "Toegankelijke webwinkel",
                "Een lid leest met een schermlezer en kan niet bestellen.",
                "design", ["accessibility", "html", "css"], 8, 1, "high",
            ),
        ),
    ),
    (
        "Kring Bezorgde Techwerkers",
        "nl",
        "https://bezorgdetechwerkers.example",
        (
            (
                "Aanmeldpagina in twee talen",
                "Nederlands en Engels op één adres; de plek pas later bekend.",
                "communication", ["html", "javascript", "i18n"], 6, 1, "normal",
            ),
            (
                "Nagaan wat een algoritme van de gemeente doet",
                "Stukken opvragen, lezen en in gewone taal uitleggen.",
                "organising", ["data-science", "research", "writing"], 20, 3, "normal",
            ),
            (
                "Signal-bot zonder logboek",
                "Herinnert aan vergaderingen en bewaart niets.",
                "labour", ["python", "bot", "signal"], 12, 1, "low",
            ),
        ),
    ),
    (
        "Ateneu La Baldufa",
        "ca",
        "https://baldufa.example",
        (
            (
                "Agenda d'activitats que es pugui enganxar a altres webs",
                "Sense galetes i que es llegeixi amb els scripts apagats.",
                "labour", ["javascript", "html", "api"], 14, 1, "normal",
            ),
            (
                "Taller: programari lliure per a entitats",
                "Quatre dissabtes al matí, per a gent que comença.",
                "teaching", ["teaching", "linux"], 10, 2, "low",
            ),
        ),
    ),
    (
        "Sindicat d'Habitatge del Barri Vell",
        "ca",
        "https://barrivell.example",
        (
            (
                "Mapa de pisos buits sense noms de ningú",
                "Dades obertes i prou; res que assenyali persones.",
                "labour", ["javascript", "maps", "data"], 18, 2, "normal",
            ),
            (
                "Cartell i targetes per a l'assemblea",
                "Un disseny que es pugui imprimir en blanc i negre.",
                "design", ["design", "inkscape"], 5, 1, "high",
            ),
        ),
    ),
    (
        "Servidor Comú de l'Economia Solidària",
        "es",
        "https://servidorcomun.example",
        (
            (
                "Actualizar Jitsi y BigBlueButton sin cortar las asambleas",
                "Hay una máquina de pruebas y un guion a medias.",
                "hosting", ["linux", "devops", "webrtc"], 16, 2, "high",
            ),
            (
                "Vigilancia del servidor que quepa en una frase",
                "Que diga qué falla y qué hacer, en lenguaje llano.",
                "labour", ["monitoring", "python", "bash"], 12, 1, "normal",
            ),
            (
                "Guía de PeerTube para colectivos",
                "Cómo subir un vídeo, subtitularlo y quitarlo.",
                "training", ["documentation", "video"], 6, 1, "low",
            ),
        ),
    ),
    (
        "Librería La Errata",
        "es",
        "https://laerrata.example",
        (
            (
                "Catálogo en línea con lo que ya tenemos apuntado",
                "Cuatro mil fichas en una hoja de cálculo, muchas con erratas.",
                "ecommerce", ["php", "mysql", "csv"], 20, 1, "normal",
            ),
            (
                "Página de la librería que cargue en un móvil viejo",
                "Menos de cien kilobytes, por favor.",
                "design", ["html", "css", "performance"], 8, 1, "normal",
            ),
        ),
    ),
    (
        "On This Day History Archive",
        "en",
        "https://onthisday.example",
        (
            (
                "Show “on this day” in other people's pages without an iframe",
                "There is an API; what is missing is the small script and its documentation.",
                "labour", ["javascript", "api", "documentation"], 10, 1, "normal",
            ),
            (
                "Read 3,000 scanned leaflets",
                "OCR in four languages, then a search that forgives spelling.",
                "labour", ["python", "ocr", "search"], 40, 3, "low",
            ),
            (
                "Backups we have tried to restore",
                "We have backups. Nobody has ever restored one.",
                "hosting", ["linux", "postgresql", "backup"], 6, 1, "high",
            ),
        ),
    ),
    (
        "Night Shift Riders",
        "en",
        "https://nightshift.example",
        (
            (
                "A phone tree that works when the app company locks us out",
                "Couriers need to reach each other within ten minutes.",
                "organising", ["sms", "security", "organising"], 12, 2, "high",
            ),
            (
                "Count hours honestly",
                "A page where riders compare what the app says with what they rode.",
                "labour", ["python", "android", "statistics"], 25, 2, "normal",
            ),
        ),
    ),
)  # fmt: skip


def world_file() -> bytes:
    """Return the world's needs as a file to import, one JSON object a line."""
    rows = [
        _row(f"world:{place}:{number}", organisation, language, site, need)
        for place, (organisation, language, site, needs) in enumerate(WORLD, start=1)
        for number, need in enumerate(needs, start=1)
    ]
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def _row(
    external_id: str, organisation: str, language: str, site: str, need: tuple[Any, ...]
) -> Row:
    title, body, kind, tags, hours, places, urgency = need
    return {
        "external_id": external_id,
        "organisation": organisation,
        "site": site,
        "language": language,
        "title": title,
        "body": body,
        "kind": kind,
        "tags": tags,
        "estimate_minutes": hours * 60,
        "places": places,
        "urgency": urgency,
        "link": f"{site}/need/{external_id.rpartition(':')[2]}",
    }
