"""Looks at a deployment from outside: what is configured, what answers, what is missing."""

import asyncio
import os
import platform
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

import asyncpg
import httpx

from guildbank.app.credentials import CredentialsBroken, read_credentials
from guildbank.app.places import cluster_of, credentials_path, database_url, master_key_path
from guildbank.app.schema import is_current
from guildbank.infra.config import Settings
from guildbank.infra.crypto import KeyUnusable, MasterKey
from guildbank.infra.postgres import ClusterError
from guildbank.kernel import SystemClock

OLDEST_POSTGRESQL = 15
COUNTRIES_OLD_DAYS = 100
"""Publishers bring a file out each month or week."""
BACKUP_AGES = timedelta(hours=48)
"""An older backup is an alarm: who makes one each night has missed two."""
_ASK_SECONDS = 5.0
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError)


class State(StrEnum):
    """How one part is."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


class Finding(NamedTuple):
    """One part of the deployment, its state, and a sentence on it."""

    part: str
    state: State
    detail: str


def examine(settings: Settings) -> list[Finding]:
    """Return what was found, the foundations first. Changes nothing and starts nothing."""
    return list(_examine(settings))


def _examine(settings: Settings) -> Iterator[Finding]:
    yield python_build(sys.base_prefix, str(sysconfig.get_config_var("CONFIG_ARGS")))
    yield _data(settings)
    yield _master_key(settings)
    yield from _database(settings)
    yield from _counters(settings)
    yield _server(settings)
    yield _mail(settings)
    yield _breached(settings)
    yield address_countries(settings)
    yield _credentials(settings)
    yield from _plugins(settings)


def python_build(prefix: str, configured: str) -> Finding:
    """Tell of a Python that was compiled plainly, as pyenv does it; distributions' never are.

    `prefix` is where it is installed, `configured` what its build was configured with.
    """
    version = f"Python {platform.python_version()}"
    if prefix == "/usr" or "--enable-optimizations" in configured:
        return Finding("python", State.OK, version)
    return Finding(
        "python",
        State.NOTE,
        f"{version} was built without --enable-optimizations and runs everything more slowly than "
        "the one of your distribution; choose it with `make up PYTHON=/usr/bin/python3`",
    )


def _data(settings: Settings) -> Finding:
    folder = settings.data.absolute()
    if not folder.is_dir():
        return _missing("data folder", f"{folder} does not exist; `guildbank up` makes it")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return _missing("data folder", f"{folder} may not be written by this user")
    mode = folder.stat().st_mode & 0o777
    if mode & 0o022:
        return Finding("data folder", State.NOTE, f"{folder} may be written by others ({mode:o})")
    return Finding("data folder", State.OK, str(folder))


def _master_key(settings: Settings) -> Finding:
    try:
        if settings.master_key is not None:
            MasterKey.from_text(settings.master_key.get_secret_value())
            return Finding("master key", State.OK, "from GUILDBANK_MASTER_KEY")
        path = master_key_path(settings)
        if not path.exists():
            return _missing("master key", f"{path} does not exist; the first start makes it")
        MasterKey.load_or_create(path)
    except KeyUnusable as error:
        return _missing("master key", str(error))
    return Finding("master key", State.OK, f"{path}; keep a copy where the backups are not")


def _database(settings: Settings) -> Iterator[Finding]:
    embedded = settings.database_url is None
    what = "embedded database" if embedded else "database"
    try:
        if embedded and not cluster_of(settings).running():
            yield _missing(what, "is not running; `guildbank up` starts it")
            return
        url = database_url(settings)
        version = asyncio.run(_version(url))
        major = version // 10_000
        if major < OLDEST_POSTGRESQL:
            yield _missing(what, f"is PostgreSQL {major}; {OLDEST_POSTGRESQL} or later is needed")
            return
        where = "in the data folder" if embedded else "of GUILDBANK_DATABASE_URL"
        yield Finding(what, State.OK, f"PostgreSQL {major} {where} answers")
        if asyncio.run(is_current(url)):
            yield Finding("schema", State.OK, "every schema is at the version of this program")
            yield from _signing_keys(settings)
            yield from proofs(settings)
            yield from waiting(settings)
            yield from last_backup(settings)
        else:
            yield _missing("schema", "is of another version; run `guildbank migrate`")
    except (*_AWAY, ClusterError) as error:
        yield _missing(what, str(error) or type(error).__name__)


def _signing_keys(settings: Settings) -> Iterator[Finding]:
    from guildbank.app.signing_keys import list_signing_keys
    from guildbank.identity import SIGNS_FOR

    try:
        keys = list_signing_keys(settings)
    except KeyUnusable:
        # The line on the master key tells of it.
        return
    for key in keys:
        if key.state == "signs":
            due = key.since + SIGNS_FOR
            yield Finding(
                "signing key", State.OK, f"{key.id} signs tokens; it is rotated on {due:%Y-%m-%d}"
            )


def proofs(settings: Settings) -> Iterator[Finding]:
    """Say whether the books of all tenants add up, as the last rounds of the worker found."""
    from guildbank.app.kept_proofs import read_kept_proofs

    try:
        found = read_kept_proofs(settings)
    except KeyUnusable:
        return
    if found.broken:
        yield _missing(
            "proof",
            f"the books of {_some(found.broken)} do not add up; run `guildbank ledger proof` and "
            "see docs/when-the-proof-breaks.md",
        )
    if found.stale:
        yield Finding(
            "proof",
            State.NOTE,
            f"that of {_some(found.stale)} was not taken for half an hour: does a worker run?",
        )
    if found.ok and not found.broken:
        yield Finding("proof", State.OK, f"the books of {len(found.ok)} tenants add up")


def waiting(settings: Settings) -> Iterator[Finding]:
    """Tell of requests, disputes and differences that somebody has to look at."""
    from guildbank.app.waiting import read_waiting

    try:
        found = read_waiting(settings)
    except KeyUnusable:
        return
    for part, said, tenants in found:
        told = f"{sum(tenants.values())} of {_some(sorted(tenants))} {said}"
        yield Finding(part, State.NOTE, told)


def last_backup(settings: Settings) -> Iterator[Finding]:
    """Say when the last backup was made."""
    from guildbank.app.backups import read_last_backup

    try:
        made_at = read_last_backup(settings)
    except KeyUnusable:
        return
    if made_at is None:
        how = "none was made yet; see `guildbank recovery-key` and `guildbank backup`"
        yield Finding("backup", State.NOTE, how)
        return
    said = f"the last one was made at {made_at:%Y-%m-%d %H:%M} UTC"
    if SystemClock().now() - made_at > BACKUP_AGES:
        yield Finding("backup", State.NOTE, f"{said}; does whatever makes them still run?")
    else:
        yield Finding("backup", State.OK, said)


def _some(slugs: Sequence[str], most: int = 5) -> str:
    more = len(slugs) - most
    return ", ".join(slugs[:most]) + (f" and {more} more" if more > 0 else "")


async def _version(url: str) -> int:
    connection = await asyncpg.connect(url, timeout=_ASK_SECONDS)
    try:
        return int(await connection.fetchval("SHOW server_version_num"))
    finally:
        await connection.close()


def _counters(settings: Settings) -> Iterator[Finding]:
    """Say of Redis, where one is configured, whether it answers."""
    if settings.redis_url is None:
        return
    from redis import Redis, RedisError

    url = settings.redis_url.get_secret_value()
    try:
        with Redis.from_url(url, socket_timeout=_ASK_SECONDS) as redis:
            redis.ping()
    except (RedisError, OSError, ValueError) as error:
        yield _missing("redis", f"does not answer ({error}); limits are counted by each process")
    else:
        yield Finding("redis", State.OK, "of GUILDBANK_REDIS_URL answers")


def _server(settings: Settings) -> Finding:
    try:
        answer = httpx.get(f"{settings.url}/readyz", timeout=_ASK_SECONDS, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return _missing("server", f"{settings.url} does not answer ({type(error).__name__})")
    if answer.status_code == httpx.codes.OK:
        return Finding("server", State.OK, f"{settings.url} is ready")
    return _missing("server", f"{settings.url} answers {answer.status_code} to /readyz")


def _mail(settings: Settings) -> Finding:
    from guildbank.notify import try_server

    server, sender = settings.smtp_server, settings.mail_from
    if server is None or sender is None:
        return Finding(
            "mail",
            State.NOTE,
            "no mail server is configured: mail of live tenants and of operators waits for up to "
            "3 days; set GUILDBANK_SMTP_URL and GUILDBANK_MAIL_FROM",
        )
    where = f"{server.host}:{server.port}"
    wrong = asyncio.run(try_server(server, sender))
    if wrong is not None:
        return _missing("mail", f"{where}: {wrong}; mail waits for up to 3 days")
    how = "without encryption" if server.tls == "none" else f"encrypted by {server.tls}"
    return Finding("mail", State.OK, f"{where} answers, {how}; mail comes from {sender}")


def _breached(settings: Settings) -> Finding:
    from guildbank.infra.breached import FILE_NAME, BadList, Breached

    part = "breached passwords"
    try:
        count = Breached(settings.data.absolute() / FILE_NAME).count()
    except (BadList, OSError) as error:
        return _missing(part, f"{error}; until then no password can be set")
    if count is None:
        return Finding(
            part,
            State.NOTE,
            "no list is loaded: only easy passwords are refused; see `guildbank "
            "breached-passwords load --help`",
        )
    return Finding(part, State.OK, f"{count} hashes are loaded")


def address_countries(settings: Settings) -> Finding:
    """Say how the file is by which the country of an address is known."""
    from guildbank.infra.address_countries import BadCountries, built_at, open_countries

    part, path = "countries of addresses", settings.address_countries
    if path is None:
        return Finding(
            part,
            State.NOTE,
            "no file is configured, so the country of an address is never known; set "
            "GUILDBANK_ADDRESS_COUNTRIES to a file MMDB",
        )
    try:
        with open_countries(path) as reader:
            built = built_at(reader)
    except BadCountries as error:
        return _missing(part, f"{error}; until then the country of an address is not known")
    age = (SystemClock().now() - built).days
    if age > COUNTRIES_OLD_DAYS:
        return Finding(
            part,
            State.NOTE,
            f"{path} was built on {built:%Y-%m-%d}, {age} days ago, and addresses move: put a "
            "newer one in its place, which running servers take by themselves",
        )
    return Finding(part, State.OK, f"{path} was built on {built:%Y-%m-%d}")


def _credentials(settings: Settings) -> Finding:
    path = credentials_path(settings)
    try:
        kept = read_credentials(path)
    except CredentialsBroken as error:
        return _missing("credentials", str(error))
    if kept is None:
        return Finding("credentials", State.NOTE, f"{path} does not exist: give keys with --key")
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return _missing("credentials", f"{path} is open to others ({mode:o}); run chmod 600")
    tenant = f" and of tenant {kept.demo.tenant}" if kept.demo else ""
    return Finding("credentials", State.OK, f"{path}: keys of the deployment{tenant}")


def _plugins(settings: Settings) -> Iterator[Finding]:
    from guildbank.plugin_host import Plugins

    reports = Plugins.discover(safe=settings.safe).reports
    if not reports:
        yield Finding("plugins", State.NOTE, "none is installed, so no payment can be taken")
    for report in reports:
        if report.problem is not None:
            yield _missing(f"plugin {report.name}", report.problem)
        elif report.manifest is not None:
            manifest = report.manifest
            yield Finding(
                f"plugin {manifest.id}", State.OK, f"{manifest.slot} {manifest.version} loads"
            )


def _missing(part: str, detail: str) -> Finding:
    return Finding(part, State.MISSING, detail)
