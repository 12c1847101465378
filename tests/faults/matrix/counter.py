"""A shop's counter for one company: the worker of the moment, and what there is left to be done."""

from tests.faults.matrix.company import Company
from tests.faults.matrix.hall import Hall
from tests.faults.matrix.worker import Worker
from tests.house import House
from tests.payments.shop import Shop, open_shop

from guildbank.kernel import Refusal
from guildbank.payments.usecases.accounts import configure_provider

WAITING = """
SELECT 'payment ' || state FROM payments_intent
WHERE state NOT IN ('credited', 'failed', 'canceled', 'expired', 'conflicted')
UNION ALL
SELECT 'attempt ' || state FROM payments_attempt
WHERE state IN ('created', 'pending', 'unknown') OR finish = 'due'
UNION ALL
SELECT 'refund ' || state FROM payments_refund
WHERE state IN ('created', 'pending', 'unknown')
UNION ALL
SELECT 'dispute ' || state FROM payments_dispute
WHERE state NOT IN ('won', 'lost')
UNION ALL
SELECT 'event ' || coalesce(problem, 'new') FROM payments_webhook WHERE processed_at IS NULL
UNION ALL
SELECT 'telling' FROM payments_telling WHERE told_at IS NULL
"""
ENTRIES = """
SELECT kind FROM journal_entry
WHERE kind LIKE 'payments.%' AND data LIKE $1
ORDER BY seq
"""


class Counter:
    """A company's counter in the shop: the worker of the moment, and who takes over from it."""

    def __init__(self, hall: Hall, shop: Shop, company: Company) -> None:
        self.hall, self.shop, self.company = hall, shop, company
        self.worker = self.successor()
        self.deaths = 0

    def successor(self) -> Worker:
        """Return a fresh worker."""
        return Worker(self.shop, plugins_of(self.company), self.company.places)

    async def waiting(self) -> list[str]:
        """Return what still waits for something."""
        return await self._words(WAITING)

    async def entries(self, payment_id: str) -> list[str]:
        """Return the kinds of a payment's entries, in order."""
        return await self._words(ENTRIES, f'%"{payment_id}"%')

    async def _words(self, sql: str, *values: object) -> list[str]:
        async with self.shop.house.db.begin(self.shop.tenant.schema, read_only=True) as tx:
            return [str(row[0]) for row in await tx.driver.fetch(sql, *values)]

    async def close(self) -> None:
        """End the worker, and the shop with it."""
        await self.worker.close()
        await self.shop.payments.close()


def plugins_of(company: Company) -> tuple[tuple[str, object], ...]:
    """Return the plugins that a process of its shop has."""
    checks = () if company.check is None else ((company.check.manifest.id, company.check),)
    return ((company.provider, company.plugin()), *checks)


async def open_counter(house: House, hall: Hall, company: Company) -> Counter:
    """Open a shop of its own tenant that takes money at the company."""
    shop = await open_shop(house, spent_coins="debt", plugins=plugins_of(company))
    shop.payments.url = hall.url
    settings = await company.open(shop)
    made = await configure_provider(
        shop.payments, shop.tenant, company.provider, settings, enabled=True
    )
    assert not isinstance(made, Refusal), made
    if company.check is not None:
        await shop.publish(before=[("look", company.check.manifest.id)])
    return Counter(hall, shop, company)
