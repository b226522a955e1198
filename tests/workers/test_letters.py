"""Letters arrive once at a real SMTP server, whatever happens to it, and hold nothing strange."""

import asyncio
import warnings
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlmodel import select

from app.domain.letters.actions import write_letter
from app.domain.letters.rules import Draft
from app.infra import clock
from app.infra.database import transaction
from app.infra.mail import Envelope, Mailer, MailRefusedError, Words, _smtp_of, make_message
from app.infra.runtime import Runtime, make_runtime
from app.models.letters import Letter
from app.settings import Settings
from app.workers.letters import GIVEN_UP_AFTER, LEASE, send_letters

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # aiosmtpd's own, at import
    from aiosmtpd.smtp import SMTP

DRAFT = Draft(
    address="somebody@example.org",
    template="prove_email",
    values={"link": "/email/secret", "handle": "ann"},
    language="el",
    list_name="account",
)


class PostOffice:
    """A real SMTP server that keeps what it takes, and may be told to refuse."""

    def __init__(self) -> None:
        """It takes everything."""
        self.taken: list[bytes] = []
        self.answer = "250 OK"
        self.refused = ""
        self.after_taking: Any = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Judge an address."""
        if self.refused:
            return self.refused
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a letter."""
        if self.answer.startswith("250"):
            self.taken.append(envelope.content)
        return self.answer


@pytest.fixture
async def office() -> AsyncIterator[tuple[PostOffice, int]]:
    """A post office on a port of its own."""
    kept = PostOffice()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(kept, loop=loop), "127.0.0.1", 0)
    yield kept, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.fixture
async def runtime(settings: Settings, office: tuple[PostOffice, int]) -> AsyncIterator[Runtime]:
    url = f"smtp://127.0.0.1:{office[1]}"
    made = make_runtime(**settings.model_copy(update={"smtp_url": url}).tools())
    yield made
    await made.close()


async def write(runtime: Runtime, count: int = 1) -> None:
    async with transaction(runtime.sessions) as session:
        for _ in range(count):
            await write_letter(session, DRAFT)


async def kept(runtime: Runtime) -> list[Letter]:
    async with transaction(runtime.sessions) as session:
        return list((await session.exec(select(Letter))).all())


async def test_a_letter_is_sent_once_and_its_secret_forgotten(
    runtime: Runtime, office: tuple[PostOffice, int]
) -> None:
    await write(runtime, 3)
    await asyncio.gather(send_letters(runtime), send_letters(runtime))
    await send_letters(runtime)
    assert len(office[0].taken) == 3
    rows = await kept(runtime)
    assert all(row.sent_at and row.values == {} for row in rows)
    message = message_from_bytes(office[0].taken[0], policy=policy.default)
    assert message["To"] == "somebody@example.org"
    assert message["Message-ID"] in {f"<{row.id}@127.0.0.1>" for row in rows}
    plain, rich = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert "Είναι" in message["Subject"]
    for body in (plain.get_content(), rich.get_content()):
        assert "http://127.0.0.1:8080/email/secret" in body
    assert '<html lang="el">' in rich.get_content()
    assert "<img" not in rich.get_content()
    assert "src=" not in rich.get_content()
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message["Content-Language"] == "el"


async def test_a_post_office_that_is_away_loses_nothing(
    settings: Settings, office: tuple[PostOffice, int]
) -> None:
    away = make_runtime(**settings.model_copy(update={"smtp_url": "smtp://127.0.0.1:9"}).tools())
    url = f"smtp://127.0.0.1:{office[1]}"
    back = make_runtime(**settings.model_copy(update={"smtp_url": url}).tools())
    await write(away, 2)
    await send_letters(away)
    assert await send_letters(back) == 0  # not before its time
    assert all(row.last_error and not row.failed_at for row in await kept(back))
    with clock.moved(timedelta(minutes=2)):
        await send_letters(back)
    assert len(office[0].taken) == 2
    await away.close()
    await back.close()


async def test_a_letter_that_nobody_takes_for_three_days_is_given_up_visibly(
    runtime: Runtime, office: tuple[PostOffice, int]
) -> None:
    office[0].answer = "451 later"
    await write(runtime)
    await send_letters(runtime)
    with clock.moved(GIVEN_UP_AFTER + timedelta(minutes=1)):
        await send_letters(runtime)
    (row,) = await kept(runtime)
    assert row.failed_at is not None
    assert "451" in (row.last_error or "")
    assert row.values == {}


async def test_an_address_that_is_refused_is_tried_once(
    runtime: Runtime, office: tuple[PostOffice, int]
) -> None:
    office[0].refused = "550 nobody here"
    await write(runtime)
    await send_letters(runtime)
    (row,) = await kept(runtime)
    assert row.failed_at is not None
    assert row.last_error == "address refused (550)"


async def test_a_worker_killed_after_handing_over_sends_what_folds_with_the_first(
    runtime: Runtime, office: tuple[PostOffice, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    await write(runtime)
    with monkeypatch.context() as patch:
        patch.setattr("app.workers.letters._close", killed)
        with pytest.raises(asyncio.CancelledError):
            await send_letters(runtime)
    assert await send_letters(runtime) == 0  # the lease holds
    with clock.moved(LEASE + timedelta(seconds=1)):
        assert await send_letters(runtime) == 1
    numbers = {message_from_bytes(raw)["Message-ID"] for raw in office[0].taken}
    assert (len(office[0].taken), len(numbers)) == (2, 1)


async def test_without_a_server_letters_are_files_for_their_owner_only(settings: Settings) -> None:
    runtime = make_runtime(**settings.tools())
    await write(runtime)
    await send_letters(runtime)
    (file,) = runtime.mailer.folder.iterdir()
    assert file.suffix == ".eml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    await runtime.close()


async def test_a_password_is_never_offered_in_the_clear(tmp_path: Path) -> None:

    def tls(url: str) -> tuple[bool, object]:
        made = _smtp_of(Mailer(url, "", "", "host.example", tmp_path))
        return made.use_tls, made._start_tls_on_connect

    assert tls("smtps://a:b@mail.example") == (True, False)
    assert tls("smtp://a:b@mail.example") == (False, True)
    assert tls("smtp://mail.example") == (False, None)
    assert tls("smtp://127.0.0.1:25?starttls=never") == (False, False)


ENVELOPE = Envelope(
    "somebody@example.org", "1", "decisions", "en", datetime(2026, 3, 2, tzinfo=UTC)
)


# What a mail library reads as a word in disguise, here with a line break and a header in it.
DISGUISED = "=?utf-8?q?hello=0d=0aBcc:_thief@example.org?="
ALSO = "=?utf-8?b?YQ0KQmNjOiB0aGllZkBleGFtcGxlLm9yZw==?= and more"
TEXTS = st.text(max_size=80) | st.sampled_from([DISGUISED, ALSO, "a\r\nBcc: thief@example.org"])


@given(TEXTS, TEXTS, TEXTS)
@example(DISGUISED, DISGUISED, DISGUISED)
@example(ALSO, ALSO, ALSO)
def test_no_text_adds_a_header(subject: str, text: str, name: str) -> None:
    words = Words(subject, [text], why=text, button=text, link="https://host.example/x")
    message = make_message(words, ENVELOPE, "noreply@host.example", name, "host.example")
    plain = make_message(Words("a", ["b"]), ENVELOPE, "noreply@host.example", "c", "host.example")
    try:
        raw = message.as_bytes()
    except UnicodeEncodeError:
        return  # half of a letter pair, which our forms refuse, is sent by nobody
    again = message_from_bytes(raw, policy=policy.default)
    assert [n.lower() for n in again.keys()] == [n.lower() for n in plain.keys()]  # noqa: SIM118
    assert again["To"] == "somebody@example.org"


@given(st.text(max_size=60))
@example("=?utf-8?q?a=0d=0aBcc:_thief?=@example.org")
@example("somebody@=?utf-8?q?a=0d=0aBcc:_thief?=")
@example("somebody@example.org>\r\nRCPT TO:<thief@example.org")
@example("somebody@example.org, thief@example.org")
def test_no_address_is_several_or_adds_a_header(address: str) -> None:
    envelope = Envelope(address, "1", "decisions", "en", ENVELOPE.date)
    try:
        message = make_message(
            Words("a", ["b"]), envelope, "noreply@host.example", "c", "h.example"
        )
    except MailRefusedError:
        return
    again = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert len(again["To"].addresses) == 1
    assert again["Bcc"] is None
    assert again["Cc"] is None
