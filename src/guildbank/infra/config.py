"""One settings object: guildbank.toml for what stays, GUILDBANK_* for what a deployment decides."""

import os
import tomllib
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from guildbank.infra.smtp import SmtpServer, parse_smtp_url
from guildbank.kernel import Refusal, parse_address

DEFAULT_FILE = "guildbank.toml"
FILE_VARIABLE = "GUILDBANK_CONFIG"
PREFIX = "GUILDBANK_"


class BadSettings(ValueError):
    """The settings cannot be used; the message names each key at fault and never its value."""


def _read_networks(given: object) -> object:
    """Take a list from the file, and in the environment the same with commas."""
    entries = given.split(",") if isinstance(given, str) else given
    if not isinstance(entries, list | tuple):
        raise ValueError('give networks as in ["10.0.0.0/8"], in the environment with commas')
    return tuple(
        ip_network(one.strip()) if isinstance(one, str) else one
        for one in entries
        if not isinstance(one, str) or one.strip()
    )


def _check_redis_url(given: SecretStr | None) -> SecretStr | None:
    if given is not None and not given.get_secret_value().startswith(("redis://", "rediss://")):
        raise ValueError("it begins with redis:// or rediss://")
    return given


Networks = Annotated[
    tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_read_networks)
]


def _read_places(given: object) -> object:
    """Take a list from the file, and in the environment the same with commas."""
    entries = given.split(",") if isinstance(given, str) else given
    if not isinstance(entries, list | tuple) or not all(isinstance(one, str) for one in entries):
        raise ValueError('give places as in ["pay.internal:8443"], in the environment with commas')
    places = [one.strip() for one in entries if one.strip()]
    for place in places:
        host, _, port = place.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ValueError(f"{place[:255]} is no host:port")
    return tuple(places)


Places = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_read_places)]
PerMinute = Annotated[int, Field(ge=0, le=10_000_000)]


class Settings(BaseSettings):
    """All settings of a server. The environment wins over the file, the file over the default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    data: Path = Path(".guildbank")
    """Folder of everything that the server keeps outside the database."""
    url: str = "http://127.0.0.1:8080"
    """Address at which clients reach the server."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    default_tenant: str | None = None
    """Slug of the tenant of requests that name none; unset means that they must name one."""
    demo: bool = True
    """Create the demo tenant on `up`."""
    lab: bool = True
    """Start the provider lab beside the demo on `up`, and lead the demo's tenant to it."""
    database_url: SecretStr | None = None
    """`postgresql://...`; unset means the embedded PostgreSQL."""
    pool_size: Annotated[int, Field(ge=1, le=200)] = 8
    """Database connections of each worker process."""
    master_key: SecretStr | None = None
    """32 bytes in base64; unset means the file `master.key` in `data`."""
    smtp_url: SecretStr | None = None
    """`smtp://user:password@host:587?tls=starttls`; unset means that mail waits."""
    mail_from: str | None = None
    """The address that mail comes from; needed with `smtp_url`."""
    max_body_bytes: Annotated[int, Field(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    max_header_bytes: Annotated[int, Field(ge=1024, le=64 * 1024)] = 16 * 1024
    max_concurrent_requests: Annotated[int, Field(ge=1)] = 1024
    """Requests that one worker process handles at once; more are answered 503."""
    request_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    trusted_proxies: Annotated[Networks, Field(max_length=100)] = ()
    """Networks of the proxies whose X-Forwarded-For is believed."""
    address_countries: Path | None = None
    """A file MMDB of which country an address is in; unset means that none is known."""
    redis_url: Annotated[SecretStr | None, AfterValidator(_check_redis_url)] = None
    """`redis://` or `rediss://`, for rate counters; unset means the database."""
    address_requests_per_minute: PerMinute = 600
    """Of callers without credentials from one address; 0 for no limit, as in the next two."""
    player_requests_per_minute: PerMinute = 600
    key_requests_per_minute: PerMinute = 120_000
    """Of all keys of one application together."""
    egress_private: bool = False
    """Let addresses that tenants supply lead into loopback and private networks."""
    egress_places: Annotated[Places, Field(max_length=100)] = ()
    """The same for these places alone, each `host:port`; `up` adds its demo's provider."""
    allow_unconfined_plugins: bool = False
    """Run installed plugins without a wall where none can be built: they then read what we read."""
    safe: bool = False
    """Run no code of installed plugins; `up --safe` sets it."""
    log_format: Annotated[str, Field(pattern="^(json|console)$")] = "console"
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"

    @property
    def smtp_server(self) -> SmtpServer | None:
        """The mail server that `smtp_url` names."""
        return None if self.smtp_url is None else parse_smtp_url(self.smtp_url.get_secret_value())

    @field_validator("smtp_url")
    @classmethod
    def _readable(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parse_smtp_url(url.get_secret_value())
        return url

    @field_validator("mail_from")
    @classmethod
    def _an_address(cls, address: str | None) -> str | None:
        found = None if address is None else parse_address(address)
        if isinstance(found, Refusal):
            raise ValueError(found.detail)
        return found

    @model_validator(mode="after")
    def _with_a_sender(self) -> Self:
        if self.smtp_url is not None and self.mail_from is None:
            raise ValueError(
                "setting 'mail_from': is needed with smtp_url, such as bank@example.com"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, file."""
        return init_settings, env_settings, _TomlFile(settings_cls)

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read all sources; `given` (command-line options) wins. Raises BadSettings."""
        unknown = sorted(
            name
            for name in os.environ
            if name.startswith(PREFIX)
            and name != FILE_VARIABLE
            and name.removeprefix(PREFIX).lower() not in cls.model_fields
        )
        if unknown:
            raise BadSettings(f"unknown setting in the environment: {', '.join(unknown)}")
        try:
            return cls(**given)
        except ValidationError as error:
            raise BadSettings(_explain(error)) from None


class _TomlFile(PydanticBaseSettingsSource):
    """The TOML file as a source of settings."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Answer nothing: the whole file is read at once below."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the file's keys, or nothing when the default file does not exist."""
        named = os.environ.get(FILE_VARIABLE)
        path = Path(named or DEFAULT_FILE)
        if not named and not path.exists():
            return {}
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadSettings(f"cannot read {path}: {error}") from None


def _explain(error: ValidationError) -> str:
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            lines.append(f"unknown setting {key!r}")
        else:
            words = fault["msg"].removeprefix("Value error, ")
            lines.append(f"setting {key!r}: {words}" if key else words)
    return "; ".join(lines)
