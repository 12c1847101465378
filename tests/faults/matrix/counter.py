"""A shop's counter for one company: the worker of the moment, and what there is left to be done."""

from collections import Counter as Count
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from tests.faults.matrix.company import Company
from tests.faults.matrix.deeds import Deed, Role
from tests.faults.matrix.hall import Hall
from tests.faults.matrix.studio import NOTE, PATH, TELL, Notary
from tests.faults.matrix.worker import Cut, Worker, premises_of
from tests.house import House
from tests.payments.shop import Shop, open_shop

from guildbank.infra.tenant import TenantRef
from guildbank.journal import pump
from guildbank.kernel import Refusal
from guildbank.payments import Payments
from guildbank.payments.contracts.rows import AFTER_CREDIT
from guildbank.payments.subscribers import CallbackOutbox
from guildbank.payments.usecases.callbacks import deliver_callbacks
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.read import read_payment
from guildbank.pipelines import Stages, Step
from guildbank.pipelines.usecases.set_secrets import StepSecrets, set_secrets
from guildbank_webhook.plugin import Webhook

T = TypeVar("T")


class Hand(Protocol):
    """Whoever works at a counter: in this process, or in others of its own."""

    cut: Cut
    on_answer: Any

    async def do(self, deed: Deed[T]) -> T:
        """Do as a deed says. Raises Died."""
        ...

    def successor(self) -> "Hand":
        """Return who takes over after a death."""
        ...

    async def close(self) -> None:
        """End in order."""
        ...


Hire = Callable[[Shop, Company], Hand]
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


NOTES = """
SELECT 'credited ' || (answers::jsonb -> 0 -> 'notes' ->> 'look-again.credited')
FROM payments_check
WHERE payment_id = $1 AND number = $2
"""


class Counter:
    """A company's counter in the shop: the worker of the moment, and who takes over from it."""

    def __init__(self, hall: Hall, shop: Shop, company: Company, worker: Hand) -> None:
        self.hall, self.shop, self.company = hall, shop, company
        self.worker = worker
        self.deaths: Count[Role] = Count()
        """How many workers died, by what they were at."""

    async def waiting(self) -> list[str]:
        """Return what still waits for something."""
        return await self._words(WAITING)

    async def entries(self, payment_id: str) -> list[str]:
        """Return the kinds of a payment's entries, in order."""
        return await self._words(ENTRIES, f'%"{payment_id}"%')

    async def stands(self, payment_id: str) -> str:
        """Return how a payment stands, as any other process sees it."""
        dossier = await read_payment(self.shop.payments, self.shop.tenant, payment_id)
        return "unknown" if dossier is None else dossier.intent.state.value

    async def notes(self, payment_id: str) -> list[str]:
        """Return what steps after the credit of a payment wrote down."""
        return await self._words(NOTES, payment_id, AFTER_CREDIT)

    async def _words(self, sql: str, *values: object) -> list[str]:
        async with self.shop.house.db.begin(self.shop.tenant.schema, read_only=True) as tx:
            return [str(row[0]) for row in await tx.driver.fetch(sql, *values)]

    async def close(self) -> None:
        """End the worker, and the shop with it."""
        await self.worker.close()
        await self.shop.payments.close()


def hire_here(shop: Shop, company: Company) -> Worker:
    """Return a worker in this process, which dies in it."""
    return Worker(premises_of(shop), plugins_of(company), company.places)


async def tell(payments: Payments, tenant: TenantRef) -> int:
    """Follow the journal, and tell callback steps what there is to be told."""
    pumped = await pump(payments.db, tenant.schema, [CallbackOutbox(payments)])
    assert not pumped.problems, pumped
    return await deliver_callbacks(payments, tenant)


def plugins_of(company: Company) -> tuple[tuple[str, object], ...]:
    """Return the plugins that a process of its shop has."""
    checks = () if company.check is None else ((company.check.manifest.id, company.check),)
    ours = (("webhook", Webhook()), ("notary", Notary()))
    return ((company.provider, company.plugin()), *checks, *ours)


async def open_counter(house: House, hall: Hall, company: Company, hire: Hire) -> Counter:
    """Open a shop of its own tenant that takes money at the company; `hire` brings its worker."""
    shop = await open_shop(house, spent_coins="debt", plugins=plugins_of(company))
    shop.payments.url = hall.url
    settings = await company.open(shop)
    made = await configure_provider(
        shop.payments, shop.tenant, company.provider, settings, enabled=True
    )
    assert not isinstance(made, Refusal), made
    before = () if company.check is None else (Step("look", company.check.manifest.id),)
    address, secret = {"url": f"{hall.url}{PATH}"}, {"secrets": hall.studio.secret}
    wanted = StepSecrets("packs", TELL, "callbacks", "webhook", address, secret)
    kept = await set_secrets(shop.payments.pipelines, shop.tenant, "app", wanted)
    assert not isinstance(kept, Refusal), kept
    told = Step(TELL, "webhook", address)
    await shop.publish_stages(
        Stages(before=before, after=(Step(NOTE, "notary"),), callbacks=(told,))
    )
    return Counter(hall, shop, company, hire(shop, company))
