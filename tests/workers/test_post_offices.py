"""Post offices as they are: slow, moody, refusing, with TLS and without it."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import update

from app.cli.checks import look_at_services
from app.cli.services import Services as Opened
from app.domain.letters.actions import write_letter
from app.infra import clock
from app.infra.database import transaction
from app.infra.runtime import Runtime, make_runtime
from app.models.letters import Letter
from app.settings import Settings
from app.workers.letters import send_letters
from tests.conftest import Services
from tests.workers.test_letters import DRAFT, PostOffice, kept, write

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # aiosmtpd's own, at import
    from aiosmtpd.smtp import SMTP, AuthResult

AGAIN = timedelta(minutes=2)


class Watched(PostOffice):
    """A post office that notes what was said to it, and over what."""

    def __init__(self) -> None:
        """Nobody came yet."""
        super().__init__()
        self.said: list[str] = []
        self.secret_lines: list[bool] = []
        self.meanwhile: Callable[[], object] = lambda: None

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Note who writes, and whether anybody could read along."""
        self.said.append("MAIL")
        self.secret_lines.append(session.ssl is not None)
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a letter, as long as it takes."""
        self.meanwhile()
        return await super().handle_DATA(server, session, envelope)

    def judge(self, *_: Any) -> AuthResult:
        """Let everybody in, and note that a password was said."""
        self.said.append("AUTH")
        return AuthResult(success=True)


@asynccontextmanager
async def opened(office: Watched, **options: Any) -> AsyncIterator[int]:
    """Open a post office; `implicit` is the certificate of one that speaks TLS from the start."""
    loop = asyncio.get_running_loop()
    implicit = options.pop("implicit", None)
    options |= {"authenticator": office.judge, "auth_require_tls": False}

    def serve() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of what is tried here on purpose
            return SMTP(office, loop=loop, **options)

    server = await loop.create_server(serve, "127.0.0.1", 0, ssl=implicit)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def sending_to(settings: Settings, url: str) -> AsyncIterator[Runtime]:
    """An instance whose letters go to a post office."""
    made = make_runtime(**settings.model_copy(update={"smtp_url": url}).tools())
    yield made
    await made.close()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate made by oneself, and the file that says to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)  # noqa: TID251 - OpenSSL asks no clock of ours
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file, secret = tmp_path / "post.pem", tmp_path / "post.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context, file


async def test_tls_that_is_required_never_falls_back_to_the_clear(settings: Settings) -> None:
    office = Watched()
    async with (
        opened(office) as port,
        sending_to(settings, f"smtp://me:secret@127.0.0.1:{port}?starttls=required") as runtime,
    ):
        await write(runtime)
        await send_letters(runtime)
        (letter,) = await kept(runtime)
        assert (office.said, office.taken) == ([], [])  # no password, no sender, no letter
        assert letter.sent_at is None
        assert letter.failed_at is None
        assert "STARTTLS" in (letter.last_error or "")


@pytest.mark.parametrize("how", ["smtps", "required", "auto"])
async def test_a_self_made_certificate_is_taken_only_where_it_is_trusted(
    settings: Settings,
    certificate: tuple[ssl.SSLContext, Path],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    office, (context, file) = Watched(), certificate
    options = {"implicit": context} if how == "smtps" else {"tls_context": context}
    async with opened(office, **options) as port:
        url = f"smtps://127.0.0.1:{port}" if how == "smtps" else ""
        async with sending_to(
            settings, url or f"smtp://127.0.0.1:{port}?starttls={how}"
        ) as runtime:
            await write(runtime)
            await send_letters(runtime)
            (letter,) = await kept(runtime)
            assert (office.said, office.taken, letter.failed_at) == ([], [], None)
            assert "certificate" in (letter.last_error or "").lower()
            monkeypatch.setenv("SSL_CERT_FILE", str(file))
            with clock.moved(AGAIN):
                await send_letters(runtime)
            assert len(office.taken) == 1
            if how != "smtps":  # there the line was secret before the first word
                assert office.secret_lines == [True]


async def test_a_moody_post_office_gets_a_letter_once_and_later(settings: Settings) -> None:
    office = Watched()
    async with (
        opened(office) as port,
        sending_to(settings, f"smtp://127.0.0.1:{port}") as runtime,
    ):
        await write(runtime)
        for mood in ("421 closing", "450 mailbox busy", "452 no room"):
            office.refused = mood
            await send_letters(runtime)
            (letter,) = await kept(runtime)
            assert letter.failed_at is None
            assert mood[:3] in (letter.last_error or "")
            assert await send_letters(runtime) == 0  # not before its time
            await _due_now(runtime)
        office.refused = ""
        await send_letters(runtime)
        await send_letters(runtime)
        (letter,) = await kept(runtime)
        assert (len(office.taken), letter.attempts) == (1, 4)
        assert letter.sent_at is not None


async def _due_now(runtime: Runtime) -> None:
    async with transaction(runtime.sessions) as session:
        await session.execute(update(Letter).values(next_try_at=clock.now()))


async def test_what_was_refused_for_good_is_seen_by_the_doctor(
    settings: Settings, database: Services
) -> None:
    office = Watched()
    office.answer = "554 not here"
    async with (
        opened(office) as port,
        sending_to(settings, f"smtp://127.0.0.1:{port}") as runtime,
    ):
        opened_services = Opened(
            settings.model_copy(update={"smtp_url": runtime.mailer.smtp_url}), database.owner_url
        )
        sound = {each.name: each for each in await look_at_services(opened_services)}
        assert (sound["letters"].ok, sound["mail"].ok) == (True, True)
        await write(runtime)
        await send_letters(runtime)
        with clock.moved(AGAIN):
            await send_letters(runtime)
        assert office.said == ["MAIL"]  # once: trying again is of no use
        ill = {each.name: each for each in await look_at_services(opened_services)}
        assert ill["letters"].ok is False
        assert "1 were given up" in ill["letters"].what
        assert "last_error" in ill["letters"].mend
    gone = {each.name: each for each in await look_at_services(opened_services)}
    assert gone["mail"].ok is False  # nobody is there any more


async def test_a_letter_that_waits_for_another_try_is_told_by_the_doctor(
    settings: Settings, database: Services
) -> None:
    async with sending_to(settings, "smtp://127.0.0.1:9") as runtime:
        await write(runtime, 2)
        await send_letters(runtime)
    found = {
        each.name: each for each in await look_at_services(Opened(settings, database.owner_url))
    }
    assert found["letters"].ok is True
    assert "2 wait for another try" in found["letters"].what


async def test_a_post_office_that_never_answers_holds_nobody_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.infra.mail.TIMEOUT_SECONDS", 0.3)

    held = []

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with sending_to(settings, f"smtp://127.0.0.1:{port}") as runtime:
        await write(runtime, 5)
        async with asyncio.timeout(4):  # one silence, not five of them
            await send_letters(runtime)
        assert all(row.last_error and not row.failed_at for row in await kept(runtime))
    assert len(held) == 1
    for writer in held:
        writer.close()
        await writer.wait_closed()
    server.close()


async def test_a_slow_post_office_gets_no_letter_twice(settings: Settings) -> None:
    """Each takes six minutes: what is not begun in time is given back before the lease ends."""
    office = Watched()
    with ExitStack() as times:
        office.meanwhile = lambda: times.enter_context(clock.moved(timedelta(minutes=6)))
        async with (
            opened(office) as port,
            sending_to(settings, f"smtp://127.0.0.1:{port}") as runtime,
        ):
            await write(runtime, 4)
            await asyncio.gather(send_letters(runtime), send_letters(runtime))
            assert len(office.taken) < 4
            while await send_letters(runtime):
                pass
            rows = await kept(runtime)
            assert len(office.taken) == 4
            assert all(row.sent_at and row.attempts == 1 for row in rows)


@pytest.mark.parametrize(
    "address",
    [
        "somebody@example.org>\r\nRCPT TO:<thief@example.org",
        "somebody@example.org, thief@example.org",
        "=?utf-8?q?a=0d=0aBcc:_thief?=@example.org",
        "postmaster",
        "<>",
        "",
    ],
)
async def test_an_address_that_is_none_reaches_no_server(settings: Settings, address: str) -> None:
    office = Watched()
    async with (
        opened(office) as port,
        sending_to(settings, f"smtp://127.0.0.1:{port}") as runtime,
    ):
        async with transaction(runtime.sessions) as session:
            await write_letter(session, type(DRAFT)(**{**vars(DRAFT), "address": address}))
        await write(runtime)
        await send_letters(runtime)
        rows = {row.address: row for row in await kept(runtime)}
        assert rows[address].last_error == "no address"
        assert len(office.taken) == 1  # the other letter of the round
