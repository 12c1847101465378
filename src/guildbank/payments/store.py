"""SQL of payments: shelves of its rows for acts, and plain reads."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import msgspec
from sqlalchemy import BigInteger, Boolean, DateTime, Integer, LargeBinary, Table

from guildbank.journal import Driver, Statement, fetch_rows, read_each
from guildbank.journal import Rows as JournalRows
from guildbank.payments import tables
from guildbank.payments.contracts.payouts import Payout, StoredDestination
from guildbank.payments.contracts.reports import Reconciliation
from guildbank.payments.contracts.requests import RefundRequest
from guildbank.payments.contracts.rows import (
    PAYMENTS_ORDER,
    Account,
    Attempt,
    Check,
    Dispute,
    Dossier,
    Intent,
    Refund,
)
from guildbank.payments.contracts.saved import Customer, PaymentMethod
from guildbank.payments.contracts.subscriptions import Subscription

R = TypeVar(
    "R", Intent, Attempt, Refund, Dispute, Account, Check, Reconciliation, RefundRequest, Customer,
    PaymentMethod, Payout, StoredDestination, Subscription,
)  # fmt: skip

_TYPES: dict[type, str] = {
    BigInteger: "bigint[]",
    Integer: "integer[]",
    Boolean: "boolean[]",
    DateTime: "timestamptz[]",
    LargeBinary: "bytea[]",
}


class Rows(Generic[R]):
    """The shelf of one table by id. Struct and table name the same columns."""

    order: ClassVar[int]
    derived: ClassVar[bool] = False

    def __init__(self, table: Table, kind: type[R]) -> None:
        self._kind: type[R] = kind
        names = [field.name for field in msgspec.structs.fields(kind)]
        columns = ", ".join(names)
        self.select = f"SELECT {columns} FROM {table.name}"  # noqa: S608 - names of our own
        self._load = f"{self.select} WHERE id = ANY($1::text[])"
        arrays = ", ".join(
            f"${number}::{_TYPES.get(type(table.c[name].type), 'text[]')}"
            for number, name in enumerate(names, 1)
        )
        changes = ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")
        self._save = (
            f"INSERT INTO {table.name} ({columns}) SELECT * FROM unnest({arrays}) "  # noqa: S608
            f"ON CONFLICT (id) DO UPDATE SET {changes}"
        )
        self._names = names

    def row(self, record: Sequence[Any]) -> R:
        """Return the struct of a record selected by `select`."""
        found: R = msgspec.convert(dict(zip(self._names, record, strict=True)), self._kind)
        return found

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the rows that exist."""
        return Statement(self._load, (keys,))

    def read(self, keys: Sequence[str], rows: JournalRows) -> Mapping[str, R]:
        """Return the structs by id."""
        return {found.id: found for found in map(self.row, rows)}

    def saving(self, changed: Mapping[str, R]) -> Sequence[Statement]:
        """Insert or update the rows."""
        rows = [[_plain(getattr(row, name)) for name in self._names] for row in changed.values()]
        return [Statement(self._save, tuple(zip(*rows, strict=True)))]


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


class Intents(Rows[Intent]):
    """Payments by id."""

    order: ClassVar[int] = PAYMENTS_ORDER


class Attempts(Rows[Attempt]):
    """Attempts by id."""

    order: ClassVar[int] = PAYMENTS_ORDER + 1


class Refunds(Rows[Refund]):
    """Refunds by id."""

    order: ClassVar[int] = PAYMENTS_ORDER + 2


class Disputes(Rows[Dispute]):
    """Disputes by id."""

    order: ClassVar[int] = PAYMENTS_ORDER + 3


class Checks(Rows[Check]):
    """What checks said, by id; written once."""

    order: ClassVar[int] = PAYMENTS_ORDER + 6


class Accounts(Rows[Account]):
    """The tenant's accounts at providers, by the provider's id."""

    order: ClassVar[int] = PAYMENTS_ORDER + 5


class Reconciliations(Rows[Reconciliation]):
    """Reconciliations by id; an act makes one, and a job moves it on."""

    order: ClassVar[int] = PAYMENTS_ORDER + 7


INTENTS = Intents(tables.intent, Intent)
ATTEMPTS = Attempts(tables.attempt, Attempt)
CHECKS = Checks(tables.check, Check)
REFUNDS = Refunds(tables.refund, Refund)
DISPUTES = Disputes(tables.dispute, Dispute)
ACCOUNTS = Accounts(tables.provider, Account)
RECONCILIATIONS = Reconciliations(tables.reconciliation, Reconciliation)


class References:
    """The shelf of rows by the provider's reference: an index, so it writes nothing."""

    order: ClassVar[int] = PAYMENTS_ORDER + 4
    derived: ClassVar[bool] = True

    def __init__(self, rows: Rows[Any]) -> None:
        self.rows = rows

    def reading(self, keys: Sequence[tuple[str, str]]) -> Statement:
        """Read the rows that exist."""
        matching = "(SELECT * FROM unnest($1::text[], $2::text[]))"
        statement = f"{self.rows.select} WHERE (provider, reference) IN {matching}"
        return Statement(statement, tuple(zip(*keys, strict=True)))

    def read(
        self, keys: Sequence[tuple[str, str]], rows: JournalRows
    ) -> Mapping[tuple[str, str], Any]:
        """Return the structs by (provider, reference)."""
        return {(found.provider, found.reference): found for found in map(self.rows.row, rows)}

    def saving(self, changed: Mapping[tuple[str, str], Any]) -> Sequence[Statement]:
        """Write nothing: this shelf is an index."""
        return ()


ATTEMPT_REFERENCES = References(ATTEMPTS)
REFUND_REFERENCES = References(REFUNDS)
DISPUTE_REFERENCES = References(DISPUTES)


ATTEMPTS_OF = f"{ATTEMPTS.select} WHERE payment_id = $1 ORDER BY number"
REFUNDS_OF = f"{REFUNDS.select} WHERE payment_id = $1 ORDER BY created_at, id"
DISPUTES_OF = f"{DISPUTES.select} WHERE payment_id = $1 ORDER BY created_at, id"
PAGE_OF_INTENTS = """
WHERE ($1::text IS NULL OR player_id = $1)
  AND ($2::text IS NULL OR id < $2)
  AND ($4::text IS NULL OR provider = $4)
  AND ($5::text IS NULL OR state = $5)
  AND ($6::text IS NULL OR id = (
      SELECT attempt.payment_id
      FROM payments_attempt AS attempt
      WHERE attempt.provider = $4
        AND attempt.reference = $6
  ))
ORDER BY id DESC
LIMIT $3
"""


class PaymentFilter(NamedTuple):
    """Which payments are listed; `reference` is that of an attempt at the named provider."""

    player_id: str | None = None
    provider: str | None = None
    state: str | None = None
    reference: str | None = None


async def intent_by_id(driver: Driver, id_: str) -> Intent | None:
    """Return a payment."""
    return (await fetch_rows(driver, INTENTS, [id_])).get(id_)


async def attempt_by_id(driver: Driver, id_: str) -> Attempt | None:
    """Return an attempt."""
    return (await fetch_rows(driver, ATTEMPTS, [id_])).get(id_)


async def refund_by_id(driver: Driver, id_: str) -> Refund | None:
    """Return a refund."""
    return (await fetch_rows(driver, REFUNDS, [id_])).get(id_)


async def account_at(driver: Driver, provider: str) -> Account | None:
    """Return the tenant's account at a provider."""
    return (await fetch_rows(driver, ACCOUNTS, [provider])).get(provider)


async def accounts(driver: Driver) -> list[Account]:
    """Return all accounts of the tenant at providers."""
    return [ACCOUNTS.row(record) for record in await driver.fetch(f"{ACCOUNTS.select} ORDER BY id")]


async def attempt_by_reference(driver: Driver, provider: str, reference: str) -> Attempt | None:
    """Return the attempt that the provider calls so."""
    record = await driver.fetchrow(
        f"{ATTEMPTS.select} WHERE provider = $1 AND reference = $2", provider, reference
    )
    return None if record is None else ATTEMPTS.row(record)


async def refund_by_reference(driver: Driver, provider: str, reference: str) -> Refund | None:
    """Return the refund that the provider calls so."""
    record = await driver.fetchrow(
        f"{REFUNDS.select} WHERE provider = $1 AND reference = $2", provider, reference
    )
    return None if record is None else REFUNDS.row(record)


async def attempts_of(driver: Driver, payment_id: str) -> list[Attempt]:
    """Return a payment's attempts, the first one first."""
    return [ATTEMPTS.row(record) for record in await driver.fetch(ATTEMPTS_OF, payment_id)]


async def refunds_of(driver: Driver, payment_id: str) -> list[Refund]:
    """Return a payment's refunds, the oldest first."""
    return [REFUNDS.row(record) for record in await driver.fetch(REFUNDS_OF, payment_id)]


async def disputes_of(driver: Driver, payment_id: str) -> list[Dispute]:
    """Return a payment's disputes, the oldest first."""
    return [DISPUTES.row(record) for record in await driver.fetch(DISPUTES_OF, payment_id)]


async def read_dossier(driver: Driver, payment_id: str) -> Dossier | None:
    """Return a payment with all that belongs to it, in one round trip."""
    of_it = [Statement(text, (payment_id,)) for text in (ATTEMPTS_OF, REFUNDS_OF, DISPUTES_OF)]
    intents, attempts, refunds, disputes = await read_each(
        driver, [INTENTS.reading([payment_id]), *of_it]
    )
    if not intents:
        return None
    return Dossier(
        intent=INTENTS.row(intents[0]),
        attempts=[ATTEMPTS.row(record) for record in attempts],
        refunds=[REFUNDS.row(record) for record in refunds],
        disputes=[DISPUTES.row(record) for record in disputes],
    )


async def intent_page(
    driver: Driver, wanted: PaymentFilter, before: str | None, limit: int
) -> list[Intent]:
    """Return payments, the newest first, of one player, provider and state or of all."""
    records = await driver.fetch(
        f"{INTENTS.select} {PAGE_OF_INTENTS}",
        wanted.player_id,
        before,
        limit,
        wanted.provider,
        wanted.state,
        wanted.reference,
    )
    return [INTENTS.row(record) for record in records]
