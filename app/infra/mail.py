"""Mail: one message to one address, by SMTP or as a file.

A message is made of parts that are given apart and never of headers put together as text, so
that no value can add a header of its own. Nothing in it is fetched from anywhere.
"""

import html
import os
import secrets
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from app.infra.i18n import fallbacks

TIMEOUT_SECONDS = 20
SUBJECT_MAX = 180
PERMANENT = range(500, 600)
# Answers that say nothing about the address or the letter: the server itself wants something.
OURS_TO_MEND = frozenset({530, 534, 535, 538})
_BODY = "margin:0;padding:16px;font:16px/1.5 system-ui,sans-serif"
_SHEET = "max-width:560px;margin:0 auto"
_BUTTON = (
    "display:inline-block;padding:12px 20px;border:2px solid #A8401F;border-radius:6px;"
    "background:#A8401F;color:#FFFDF8;font-weight:600;text-decoration:none"
)
_SMALL = "font-size:14px;border-top:1px solid #8C7B6B;padding-top:12px;margin-top:24px"


class MailRefusedError(Exception):
    """This letter will never be taken; trying again is of no use."""


class MailLaterError(Exception):
    """The letter was not taken now; `reached` says whether a server answered at all."""

    def __init__(self, what: str, *, reached: bool) -> None:
        """`what` is kept with the letter: never an address, never what was in it."""
        super().__init__(what)
        self.reached = reached


@dataclass(frozen=True)
class Words:
    """What a letter says: paragraphs, and the one thing to press."""

    subject: str
    paragraphs: Sequence[str]
    why: str = ""
    button: str = ""
    link: str = ""
    stop: str = ""
    stop_link: str = ""
    # One press in the reader's mail program (RFC 8058): the address must take a POST.
    one_click: bool = False
    # Says nothing that could tell who reads over a shoulder what this is about.
    discreet: bool = False


@dataclass(frozen=True)
class Envelope:
    """Where a letter goes, and what mail programs sort it by."""

    to: str
    message_id: str
    list_name: str
    language: str
    date: datetime


def one_line(text: str) -> str:
    """Return a text as one line without anything that is no letter to be seen."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:SUBJECT_MAX]


def _header(text: str) -> str:
    """Return a text that a header takes as it stands.

    The library reads "=?utf-8?q?...?=" in what it is given, line breaks included, and would write
    them out: a need's title could add a header. So no text begins an encoded word.
    """
    return one_line(text).replace("=?", "= ?")


def _address(text: str) -> Address:
    if not text.isprintable() or "=?" in text:  # disguised words, as in `_header`
        raise ValueError
    return Address(addr_spec=text)


def make_message(
    words: Words, envelope: Envelope, sender: str, name: str, host: str
) -> EmailMessage:
    """Make the message; refuses an address that is none."""
    message = EmailMessage(policy=SMTP if envelope.to.isascii() else SMTPUTF8)
    try:
        message["To"] = _address(envelope.to)
    except (ValueError, IndexError, TypeError, AttributeError, MessageError) as error:
        what = "no address"
        raise MailRefusedError(what) from error
    message["From"] = Address(display_name=_header(name), addr_spec=sender)
    message["Subject"] = _header(words.subject)
    message["Date"] = format_datetime(envelope.date)
    message["Message-ID"] = f"<{envelope.message_id}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message["List-Id"] = f"<{envelope.list_name}.{host}>"
    if words.stop_link:
        message["List-Unsubscribe"] = f"<{words.stop_link}>"
        if words.one_click:
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(as_text(words))
    message.add_alternative(as_html(words, envelope.language), subtype="html")
    message["Content-Language"] = envelope.language  # setting the content forgets earlier ones
    return message


def as_text(words: Words) -> str:
    """The letter for those who read plain text."""
    parts = list(words.paragraphs)
    if words.link:
        parts.append(f"{words.button or words.link}\n{words.link}" if words.button else words.link)
    foot = "\n".join(part for part in (words.why, _stop_line(words)) if part)
    return "\n\n".join([*parts, f"-- \n{foot}"] if foot else parts) + "\n"


def _stop_line(words: Words) -> str:
    return f"{words.stop} {words.stop_link}" if words.stop and words.stop_link else ""


def as_html(words: Words, language: str) -> str:
    """The same letter with a button; its colours hold on light and dark paper."""
    lines = [f"<p>{html.escape(each).replace(chr(10), '<br>')}</p>" for each in words.paragraphs]
    if words.link:
        shown, link = html.escape(words.button or words.link), html.escape(words.link)
        lines.append(f'<p><a href="{link}" style="{_BUTTON}">{shown}</a></p>')
    foot = html.escape(words.why).replace("\n", "<br>")
    if words.stop and words.stop_link:
        stop = f'<a href="{html.escape(words.stop_link)}">{html.escape(words.stop)}</a>'
        foot = f"{foot} {stop}".strip()
    if foot:
        lines.append(f'<p style="{_SMALL}">{foot}</p>')
    tag = fallbacks(language)[0]
    return (
        f'<!doctype html><html lang="{tag}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(one_line(words.subject))}</title></head>"
        f'<body style="{_BODY}"><div style="{_SHEET}">{"".join(lines)}</div></body></html>\n'
    )


class Mailer:
    """Hands messages over: to the SMTP server that is named, or to a folder."""

    def __init__(self, smtp_url: str, sender: str, name: str, host: str, folder: Path) -> None:
        """`smtp_url` empty: letters are files in `folder`. Nothing connects yet."""
        self.smtp_url = smtp_url
        self.host = host
        self.name = name
        self.sender = sender or f"noreply@{host}"
        self.folder = folder

    def message(self, words: Words, envelope: Envelope, name: str = "") -> EmailMessage:
        """Make a message of this instance, under the name that people know it by."""
        return make_message(words, envelope, self.sender, name or self.name, self.host)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Post"]:
        """Hold one connection for several letters."""
        post = Post(self)
        try:
            yield post
        finally:
            await post.close()


class Post:
    """One round to the post: connects on the first letter."""

    def __init__(self, mailer: Mailer) -> None:
        """Nothing connects yet."""
        self._mailer = mailer
        self._smtp: aiosmtplib.SMTP | None = None

    async def hand_over(self, message: EmailMessage, to: str, name: str) -> None:
        """Hand one message over for one address; returns when it is taken for good."""
        if not self._mailer.smtp_url:
            _write(self._mailer.folder, f"{name}.eml", message.as_bytes())
            return
        smtp = await self.connect()
        options = [] if to.isascii() else ["SMTPUTF8"]
        try:
            await smtp.sendmail(self._mailer.sender, [to], message.as_bytes(), mail_options=options)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _judged(error.recipients[0].code, "address refused") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _judged(error.code, "letter refused") from error
        except aiosmtplib.SMTPNotSupported as error:
            what = "the server takes no such address"
            raise MailRefusedError(what) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            smtp.close()
            self._smtp = None
            raise MailLaterError(type(error).__name__, reached=False) from error

    async def connect(self) -> aiosmtplib.SMTP:
        """Return the connection, signed in; `doctor` asks for no more."""
        if self._smtp is not None and self._smtp.is_connected:
            return self._smtp
        smtp = _smtp_of(self._mailer)
        try:
            await smtp.connect()
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ssl.SSLError) as error:
            raise MailLaterError(_told(error), reached=False) from error
        self._smtp = smtp
        return smtp

    async def close(self) -> None:
        """Say goodbye, if anybody is there."""
        if self._smtp is not None and self._smtp.is_connected:
            try:
                await self._smtp.quit()
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                self._smtp.close()
        self._smtp = None


def _smtp_of(mailer: Mailer) -> aiosmtplib.SMTP:
    parts = urlsplit(mailer.smtp_url)
    wish = parse_qs(parts.query).get("starttls", ["auto"])[0]
    implicit = parts.scheme == "smtps"
    # A password never travels in the clear, except to this machine itself.
    secret = parts.password is not None and not _here(parts.hostname or "")
    required = wish == "required" or (wish == "auto" and secret)
    start_tls = None if wish == "auto" and not required else required
    return aiosmtplib.SMTP(
        hostname=parts.hostname,
        port=parts.port or (465 if implicit else 25 if parts.password is None else 587),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        use_tls=implicit,
        start_tls=False if implicit else start_tls,
        local_hostname=mailer.host,
        timeout=TIMEOUT_SECONDS,
    )


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _judged(code: int, what: str) -> Exception:
    if code in PERMANENT and code not in OURS_TO_MEND:
        return MailRefusedError(f"{what} ({code})")
    return MailLaterError(f"{what} ({code})", reached=True)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def _write(folder: Path, name: str, raw: bytes) -> None:
    """Write a letter whole or not at all; a second try replaces the first."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{name}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / name)
