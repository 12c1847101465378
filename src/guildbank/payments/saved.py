"""SQL of saved methods: their shelves for acts, plain reads, and what waits for a provider."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from guildbank.journal import Driver, Statement, fetch_rows
from guildbank.journal import Rows as JournalRows
from guildbank.payments import tables
from guildbank.payments.contracts.rows import PAYMENTS_ORDER, Attempt
from guildbank.payments.contracts.saved import Customer, PaymentMethod
from guildbank.payments.store import ATTEMPTS, Rows

IS_PLAYER = """
SELECT EXISTS (
    SELECT
    FROM identity_v_player
    WHERE id = $1
      AND state <> 'erased'
)
"""

# What a look may be taken at now: never before, or when the last one said.
# In which tenants a job has to look: it finds a row wherever the statements here find any.
WAITS = """
SELECT
FROM payments_customer
WHERE state = 'forgetting'
UNION ALL
SELECT
FROM payments_method
WHERE state = 'removing'
UNION ALL
SELECT
FROM payments_attempt
WHERE saves = 'asked'
  AND state = 'captured'
"""

DUE = """
LEFT JOIN payments_look AS look USING (id)
WHERE state = $1
  AND (look.id IS NULL OR look.next_at <= $2)
ORDER BY changed_at
LIMIT $3
"""

# The attempt that is known by it: what its provider writes of a method is that person's.
READ_ATTEMPT = """
SELECT intent.attempt_id
FROM payments_method AS method
JOIN payments_intent AS intent ON intent.id = method.payment_id
WHERE method.mark = $1
ORDER BY method.id DESC
LIMIT 1
"""

# The looks at a payment's method are apart from those at its money.
UNNAMED = """
LEFT JOIN (SELECT id AS subject, next_at FROM payments_look) AS look
  ON look.subject = payments_attempt.id || ':method'
WHERE saves = 'asked'
  AND state = 'captured'
  AND CASE WHEN look.subject IS NOT NULL THEN look.next_at <= $1 ELSE changed_at <= $2 END
ORDER BY changed_at
LIMIT $3
"""


class Customers(Rows[Customer]):
    """Customers by id."""

    order: ClassVar[int] = PAYMENTS_ORDER + 10


class Methods(Rows[PaymentMethod]):
    """Saved methods by id."""

    order: ClassVar[int] = PAYMENTS_ORDER + 11


CUSTOMERS = Customers(tables.customer, Customer)
METHODS = Methods(tables.method, PaymentMethod)


class OfPlayer:
    """Rows of a player that are not over, the oldest first: an index, so it writes nothing."""

    order: ClassVar[int] = PAYMENTS_ORDER + 11
    derived: ClassVar[bool] = True

    def __init__(self, rows: Rows[Any], states: tuple[str, ...]) -> None:
        self._rows = rows
        self._states = states

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read them."""
        wanted = "WHERE player_id = ANY($1::text[]) AND state = ANY($2::text[]) ORDER BY id"
        return Statement(f"{self._rows.select} {wanted}", (keys, self._states))

    def read(self, keys: Sequence[str], rows: JournalRows) -> Mapping[str, tuple[Any, ...]]:
        """Return them by player, none for who has none."""
        found: dict[str, tuple[Any, ...]] = dict.fromkeys(keys, ())
        for one in map(self._rows.row, rows):
            found[one.player_id] = (*found[one.player_id], one)
        return found

    def saving(self, changed: Mapping[str, Any]) -> Sequence[Statement]:
        """Write nothing: this shelf is an index."""
        return ()


CUSTOMERS_OF = OfPlayer(CUSTOMERS, ("opening", "open"))
SAVED_OF = OfPlayer(METHODS, ("saved",))


async def is_player(driver: Driver, player_id: str) -> bool:
    """Say whether there is such a player."""
    return bool(await driver.fetchval(IS_PLAYER, player_id))


async def customer_by_id(driver: Driver, id_: str) -> Customer | None:
    """Return a customer."""
    return (await fetch_rows(driver, CUSTOMERS, [id_])).get(id_)


async def customers_of(driver: Driver, player_id: str) -> Sequence[Customer]:
    """Return a player's customers that are not forgotten, the oldest first."""
    found: tuple[Customer, ...] = (await fetch_rows(driver, CUSTOMERS_OF, [player_id]))[player_id]
    return found


async def method_by_id(driver: Driver, id_: str) -> PaymentMethod | None:
    """Return a saved method, or one that was."""
    return (await fetch_rows(driver, METHODS, [id_])).get(id_)


async def method_by_mark(driver: Driver, mark: str) -> PaymentMethod | None:
    """Return the method whose name at its provider has this hash."""
    newest = "WHERE mark = $1 ORDER BY id DESC LIMIT 1"
    record = await driver.fetchrow(f"{METHODS.select} {newest}", mark)
    return None if record is None else METHODS.row(record)


async def attempt_of_mark(driver: Driver, mark: str) -> str | None:
    """Return the attempt of the payment that left a method."""
    found: str | None = await driver.fetchval(READ_ATTEMPT, mark)
    return found


async def saved_of(driver: Driver, player_id: str) -> Sequence[PaymentMethod]:
    """Return the methods by which a player can pay, the oldest first."""
    found: tuple[PaymentMethod, ...] = (await fetch_rows(driver, SAVED_OF, [player_id]))[player_id]
    return found


async def removing(driver: Driver, now: datetime, limit: int) -> list[PaymentMethod]:
    """Return methods of which a provider is to let go."""
    records = await driver.fetch(f"{METHODS.select} {DUE}", "removing", now, limit)
    return [METHODS.row(record) for record in records]


async def forgetting(driver: Driver, now: datetime, limit: int) -> list[Customer]:
    """Return customers of which a provider is to let go."""
    records = await driver.fetch(f"{CUSTOMERS.select} {DUE}", "forgetting", now, limit)
    return [CUSTOMERS.row(record) for record in records]


async def unnamed(driver: Driver, now: datetime, since: datetime, limit: int) -> list[Attempt]:
    """Return paid attempts whose provider has not said yet which method they left."""
    records = await driver.fetch(f"{ATTEMPTS.select} {UNNAMED}", now, since, limit)
    return [ATTEMPTS.row(record) for record in records]
