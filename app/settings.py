"""Every setting of an instance, in one frozen tree.

Sources, strongest first: what the command line passes, `TORNALLOM_*` in the environment,
`TORNALLOM_*_FILE` (a secret's file), `tornallom.toml` in the working folder. Only entry
points read this; tools below take plain parameters.
"""

import difflib
import os
import re
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "TORNALLOM_"
# All else is decided here: an address that could switch checks off would be a trap.
STORAGE_OPTIONS = frozenset({"region", "endpoint", "virtual_hosted_style_request"})
# Read by the launcher, the tests or the container, not by the service.
OTHER_NAMES = frozenset(
    {"TEST_DATABASE_URL", "TEST_REDIS_URL", "NO_BOOTSTRAP", "SETTINGS_FILE", "TEST_WORKER"}
)


class SettingsError(Exception):
    """A setting is unknown or unusable; the text says which and what to do."""


class Settings(BaseSettings):
    """The settings; each is described in docs/configuration.md."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data_dir: Path = Field(Path("data"), description="Folder of database, files and keys.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=1, le=65535, description="Port to listen on.")
    base_url: str = Field("", description="Public address; http://host:port when empty.")
    database_url: str | None = Field(None, description="External PostgreSQL 15 or newer.")
    database_owner_url: str | None = Field(
        None, description="The owner's login, for migrations; database_url when empty."
    )
    redis_url: str | None = Field(None, description="External Redis or Valkey.")
    instance_name: str = Field("Tornallom", description="Name until the set-up gives one.")
    default_language: str = Field("en", description="Language of a page when nothing else says.")
    default_time_zone: str = Field("UTC", description="Zone of an hour where nobody said theirs.")
    registration_open: bool = Field(default=True, description="Anyone may make an account.")
    dev_peers: tuple[str, ...] = Field(
        (), description="Origins on loopback with which plain http is allowed (development)."
    )
    public_follow: bool = Field(
        default=True, description="The fediverse may follow this instance's public needs."
    )
    followers_max: int = Field(
        5_000, ge=0, description="Followers that are written to; more are asked to come later."
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Proxies of ours, whose X-Forwarded-For is believed."
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_json: bool = Field(default=False, description="One JSON object a line, for collectors.")
    body_max_bytes: int = Field(1_048_576, ge=1024, description="Largest request body.")
    import_max_bytes: int = Field(33_554_432, ge=1024, description="Largest import file.")
    storage_url: str = Field(
        "", description="s3://bucket?region=…&endpoint=… for files; a local folder when empty."
    )
    storage_access_key: str = Field("", description="Login of the S3 storage.")
    storage_secret_key: str = Field("", description="Its secret.", repr=False)
    file_max_bytes: int = Field(10_000_000, ge=1024, description="Largest attached file.")
    files_account_max_bytes: int = Field(
        200_000_000, ge=1024, description="Room for the files of one account."
    )
    files_organisation_max_bytes: int = Field(
        1_000_000_000, ge=1024, description="Room for the files of one organisation."
    )
    files_instance_max_bytes: int = Field(
        20_000_000_000, ge=1024, description="Room for all files together."
    )
    database_pool_size: int = Field(10, ge=1, le=200, description="Connections per process.")
    claims_live_max: int = Field(
        3, ge=1, le=50, description="Claims that a worker holds at once; more with confirmed work."
    )
    claims_pending_max: int = Field(
        3, ge=1, le=50, description="Applications that a worker waits for at once."
    )
    password_min_length: int = Field(10, ge=8, le=64, description="Shortest password accepted.")
    sign_in_attempts_per_hour: int = Field(
        30, ge=3, description="Failed sign-ins per account and hour."
    )
    registrations_per_network: int = Field(
        50, ge=1, description="New accounts from one network within a day."
    )
    smtp_url: str = Field(
        "", description="smtp(s)://name:password@host:port; empty: letters are files.", repr=False
    )
    mail_from: str = Field("", description="Sender of letters; noreply@ our host when empty.")
    sweep_seconds: int = Field(5, ge=1, le=60, description="How often missed work is looked for.")

    @field_validator("base_url")
    @classmethod
    def _origin_only(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.path not in {"", "/"}
        ):
            message = "must be an origin such as https://example.org, without a path"
            raise ValueError(message)
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            networks = [ip_network(each.strip()) for each in value]
        except ValueError as error:
            message = f"holds addresses and networks such as 192.0.2.0/24: {error}"
            raise ValueError(message) from None
        if any(network.prefixlen == 0 for network in networks):
            message = "must not hold everybody: then anybody could write any address"
            raise ValueError(message)
        return value

    @field_validator("storage_url")
    @classmethod
    def _storage_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme != "s3" or not parts.hostname):
            message = "must be s3://bucket?region=…&endpoint=…, or empty for a local folder"
            raise ValueError(message)
        unknown = sorted(set(dict(parse_qsl(parts.query))) - STORAGE_OPTIONS)
        if unknown:
            message = f"knows {', '.join(sorted(STORAGE_OPTIONS))}, and not {', '.join(unknown)}"
            raise ValueError(message)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _post_office(cls, value: str) -> str:
        return _checked_smtp_url(value) if value else value

    @field_validator("mail_from")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.fullmatch(r"[^@\s<>\"',;:\\]+@[^@\s<>\"',;:\\]+", value):
            message = "must be one plain address, such as noreply@example.org"
            raise ValueError(message)
        return value

    @property
    def origin(self) -> str:
        """The public origin: what links, ids and signatures are made with."""
        # Listening everywhere is no address: what a browser on this machine would use, then.
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104
        return self.base_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def tools(self) -> dict[str, Any]:
        """Return what a process's tools are made with (app.infra.runtime.make_runtime)."""
        if not self.database_url or not self.redis_url:
            message = "database_url and redis_url must be known before anything is made with them"
            raise SettingsError(message)
        return {
            "database_url": self.database_url,
            "redis_url": self.redis_url,
            "origin": self.origin,
            "data_dir": self.data_dir,
            "dev_origins": frozenset(self.dev_peers),
            "pool_size": self.database_pool_size,
            "smtp_url": self.smtp_url,
            "mail_from": self.mail_from,
            "instance_name": self.instance_name,
            "public_follow": self.public_follow,
            "followers_max": self.followers_max,
            "storage": (self.storage_url, self.storage_access_key, self.storage_secret_key),
        }

    @property
    def secure(self) -> bool:
        """Whether people reach this instance over HTTPS."""
        return self.origin.startswith("https://")


def _checked_smtp_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        message = "must be smtp://[name:password@]host[:port] or smtps://…"
        raise ValueError(message)
    if parse_qs(parts.query).get("starttls", ["auto"])[0] not in {"auto", "required", "never"}:
        message = "starttls is auto, required or never"
        raise ValueError(message)
    return url


def load_settings(**overrides: Any) -> Settings:
    """Read all sources and check them; raises SettingsError with a sentence for the operator."""
    values = {**_from_file(), **_from_secret_files()}
    for name in Settings.model_fields:  # the environment beats the file
        if os.environ.get(PREFIX + name.upper()) is not None:
            values.pop(name, None)
    values.update({key: value for key, value in overrides.items() if value is not None})
    _refuse_unknown(values)
    try:
        return Settings(**values)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SettingsError("settings: " + "; ".join(lines)) from None


def setting_origins() -> dict[str, str]:
    """Say for each setting where its value comes from: environment, file or default."""
    file_values, secret_values = _from_file(), _from_secret_files()
    origins = {}
    for name in Settings.model_fields:
        if PREFIX + name.upper() in os.environ:
            origins[name] = f"environment {PREFIX}{name.upper()}"
        elif name in secret_values:
            origins[name] = f"environment {PREFIX}{name.upper()}_FILE"
        else:
            origins[name] = "tornallom.toml" if name in file_values else "default"
    return origins


def _from_file() -> dict[str, Any]:
    path = Path(os.environ.get(PREFIX + "SETTINGS_FILE", "tornallom.toml"))
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is not readable as TOML: {error}"
        raise SettingsError(message) from None


def _from_secret_files() -> dict[str, Any]:
    values = {}
    for name in Settings.model_fields:
        path = os.environ.get(f"{PREFIX}{name.upper()}_FILE")
        if path and name != "settings":
            values[name] = Path(path).read_text(encoding="utf-8").strip()
    return values


def _refuse_unknown(values: dict[str, Any]) -> None:
    known = set(Settings.model_fields)
    names = {
        key.removeprefix(PREFIX).removesuffix("_FILE").lower()
        for key in os.environ
        if key.startswith(PREFIX) and key.removeprefix(PREFIX) not in OTHER_NAMES
    }
    for name in sorted((names | set(values)) - known):
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {PREFIX}{close[0].upper()}?" if close else ""
        message = f"Unknown setting {PREFIX}{name.upper()}.{hint}"
        raise SettingsError(message)
