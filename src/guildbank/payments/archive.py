"""Keep what plugins and callers exchanged about a payment, beside the requests that wait for it.

Nothing is decided by an exchange, so none is waited for: those of a quarter of a second are written
together, and a process that is killed loses them. The journal has what happened.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import structlog

from guildbank.identity import Persons
from guildbank.infra.database import Database
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Clock, new_id, parse_id
from guildbank.payments import exchanged as store
from guildbank.payments.exchanged import ExchangeRow
from guildbank.payments.exchanges import Fields, fields_of, path_of, request_id_of
from guildbank.plugin_api import Context, Manifest
from guildbank.plugin_host import Heard, Overheard
from guildbank.tenancy import Tenants

log = structlog.get_logger(__name__)
GATHER_SECONDS = 0.25
MAX_WAITING = 10_000
"""Exchanges that wait to be written; of more than that the oldest are lost, and the log says so."""
PART = 500
MAX_WORDS = 300


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and answered. `of` is a plugin's id, or who called; fields are by name.

    `request_id` is the name that the company which was asked gave to the request.
    """

    of: str
    method: str
    host: str
    path: str
    status: int | None
    problem: str | None
    micros: int
    asked: Fields
    answered: Fields
    request_id: str | None = None


Reading = Callable[[], Exchange]
"""Reads an exchange out of what went over the wire. Nobody waits for it, nor for what it raises."""


class Subject(NamedTuple):
    """What an exchange is about: a payment, and so its player; or what `about` names, and then the
    player whose it is, None where it is no player's.
    """

    payment_id: str | None = None
    about: str | None = None
    player_id: str | None = None

    @property
    def payout(self) -> str | None:
        """The payout that it is about, whose player is looked up."""
        named = self.player_id is None and self.about is not None
        return self.about if named and parse_id("pyo", self.about or "") is not None else None


class Waiting(NamedTuple):
    """An exchange that is to be written, and where it belongs."""

    tenant: TenantRef
    subject: Subject
    kind: str
    at: datetime
    reading: Reading


class Gathered(NamedTuple):
    """An exchange of which nobody knows yet what it is about."""

    kind: str
    at: datetime
    reading: Reading

    @property
    def nameless(self) -> "Gathered":
        """The same without what was said in it, for what is about somebody who was erased."""
        return self._replace(reading=partial(_without_words, self.reading))


Start = Callable[[Coroutine[Any, Any, None]], object]
"""Begins work beside requests, which is waited for before the process ends."""


class Archive:
    """The exchanges of this process that are yet to be written."""

    def __init__(
        self, db: Database, tenants: Tenants, persons: Persons, clock: Clock, start: Start
    ) -> None:
        self._db, self._tenants, self._persons, self._clock = db, tenants, persons, clock
        self._start = start
        self._waiting: deque[Waiting] = deque()
        self._lost = 0
        self._writing = False

    def listens(
        self, tenant: TenantRef, subject: Subject, context: Context, of: Manifest
    ) -> Context:
        """Return the context in which a plugin's requests are kept with what they are about."""

        def heard(one: Heard) -> None:
            self.keep(tenant, subject, of.slot.value, partial(_exchange_of, of, one))

        return msgspec.structs.replace(context, http=Overheard(context.http, heard))

    def gathers(self, into: list["Gathered"], context: Context, of: Manifest) -> Context:
        """Return the context in which a plugin's requests are gathered, until it is known what they
        are about.
        """

        def heard(one: Heard) -> None:
            reading = partial(_exchange_of, of, one)
            into.append(Gathered(of.slot.value, self._clock.now(), reading))

        return msgspec.structs.replace(context, http=Overheard(context.http, heard))

    def keep_gathered(
        self, tenant: TenantRef, subject: Subject, gathered: Sequence["Gathered"]
    ) -> None:
        """Have what was gathered written, now that it is known what it is about."""
        for one in gathered:
            self.keep(tenant, subject, one.kind, one.reading, one.at)

    def keep(
        self,
        tenant: TenantRef,
        subject: Subject,
        kind: str,
        reading: Reading,
        at: datetime | None = None,
    ) -> None:
        """Have an exchange of this moment, or of `at`, read and written soon."""
        self._waiting.append(Waiting(tenant, subject, kind, at or self._clock.now(), reading))
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self._lost += 1
        if not self._writing:
            self._writing = True
            self._start(self._write())

    async def _write(self) -> None:
        try:
            await asyncio.sleep(GATHER_SECONDS)
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(PART, len(self._waiting)))]
                by_tenant: dict[str, list[Waiting]] = {}
                for one in some:
                    by_tenant.setdefault(one.tenant.schema, []).append(one)
                for those in by_tenant.values():
                    await self._write_of(those[0].tenant, those)
        finally:
            self._writing = False
            if self._lost:
                log.warning("exchanges_lost", count=self._lost)
                self._lost = 0

    async def _write_of(self, tenant: TenantRef, those: Sequence[Waiting]) -> None:
        """Write the exchanges of one tenant; what cannot be is lost, and the log says so."""
        try:
            rows = await self.sealed(tenant, those)
            if rows:
                async with self._db.begin(tenant.schema) as tx:
                    await store.add(tx.driver, rows)
        except Exception as error:  # an exchange that is lost must not stop those of others
            log.warning("exchanges_lost", tenant=tenant.slug, count=len(those), error=repr(error))

    async def sealed(self, tenant: TenantRef, those: Sequence[Waiting]) -> list[ExchangeRow]:
        """Return the rows of exchanges of one tenant, each under the key of whose it is.

        A tenant that is suspended or being deleted, and one that keeps none, get no rows; nor does
        what is about a person who was erased.
        """
        settings = await self._tenants.settings(tenant.id)
        if settings is None or settings.exchanges_kept_days == 0:
            return []
        paid = {one.subject.payment_id for one in those if one.subject.payment_id is not None}
        paid_out = {one.subject.payout for one in those if one.subject.payout is not None}
        async with self._db.begin(tenant.schema, read_only=True) as tx:
            players = dict(await store.players_of(tx.driver, paid)) if paid else {}
            if paid_out:
                players |= await store.payees_of(tx.driver, paid_out)
        named = {one.subject.player_id for one in those if one.subject.player_id is not None}
        seals = await self._persons.seals(tenant, named | set(players.values()))
        house = await self._tenants.data_key(tenant.id)
        rows = []
        for one in those:
            payment_id, about, player_id = one.subject
            payout = one.subject.payout
            whose = player_id or players.get(payment_id or payout or "")
            exchange = _read(one)
            if exchange is None:
                continue
            plain = msgspec.json.encode(exchange)
            if payment_id is None and player_id is None and payout is None and house is not None:
                said = house.seal(place_of(tenant), plain)
            elif whose is not None and whose in seals:
                said = seals[whose](plain).ciphertext
            else:
                continue
            row = ExchangeRow(new_id("exc"), payment_id, one.kind, one.at, said)
            rows.append(row._replace(about=about, player_id=None if about is None else whose))
        return rows


def _exchange_of(of: Manifest, one: Heard) -> Exchange:
    """Return what may be kept of a request of a plugin's and its answer."""
    place, answer = urlsplit(one.url), one.answer
    return Exchange(
        of=of.id,
        method=one.method,
        host=place.netloc.rpartition("@")[2],
        path=path_of(place.path, of),
        status=None if answer is None else answer.status,
        problem=None if one.problem is None else one.problem[:MAX_WORDS],
        micros=one.micros,
        asked=fields_of(one.body, of.archived),
        answered=fields_of(None if answer is None else answer.body, of.archived),
        request_id=request_id_of(None if answer is None else answer.headers, of),
    )


def _without_words(reading: Reading) -> Exchange:
    return msgspec.structs.replace(reading(), path="", asked={}, answered={})


def place_of(tenant: TenantRef) -> bytes:
    """Return the place for which exchanges are sealed that are no player's."""
    return f"payments_exchange.sealed:{tenant.id}".encode()


def event_read(provider: str, fields: Fields) -> Exchange:
    """Return how an event is kept that a provider sent, and that was taken."""
    return Exchange(
        of=provider, method="POST", host="", path="", status=200, problem=None, micros=0,
        asked=fields, answered={},
    )  # fmt: skip


def _read(one: Waiting) -> Exchange | None:
    try:
        return one.reading()
    except Exception as error:  # what others wrote can always be worse than was thought of
        log.error("exchange_not_kept", about=one.subject, kind=one.kind, error=repr(error))
        return None
