"""Background work of payments: what no request waits for."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from guildbank.identity import Identity
from guildbank.infra.busy_tenants import busy_tenants
from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.room import Job
from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import AT_ONCE, Turn
from guildbank.payments import agenda, backlogs, bindings, disputes, payouts, reports, saved
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.bind_waiting import bind_waiting
from guildbank.payments.usecases.callbacks import deliver_callbacks, forget_tellings
from guildbank.payments.usecases.cancel import expire_payments
from guildbank.payments.usecases.exchanges import forget_exchanges
from guildbank.payments.usecases.hand_in import forget_handed_in
from guildbank.payments.usecases.handle_webhook import forget_fields, sweep_webhooks
from guildbank.payments.usecases.look import janitor
from guildbank.payments.usecases.mind_disputes import mind_disputes
from guildbank.payments.usecases.mind_methods import mind_methods
from guildbank.payments.usecases.mind_subscriptions import mind_subscriptions
from guildbank.payments.usecases.payouts.mind import mind_payouts
from guildbank.payments.usecases.read_reports import read_reports
from guildbank.payments.usecases.reconcile import reconcile
from guildbank.payments.usecases.reconcile_daily import begin_days, watch_days
from guildbank.payments.usecases.watch_disputes import watch_disputes
from guildbank.payments.usecases.watch_unapplied import watch_unapplied
from guildbank.payments.usecases.whose_account import name_merchants


class Services(Protocol):
    """What the jobs take of the app's services."""

    @property
    def identity(self) -> Identity:
        """The parts of identity, which know whom to tell."""
        ...

    @property
    def payments(self) -> Payments:
        """The parts of payments."""
        ...


Work = Callable[[Payments, TenantRef], Awaitable[int]]
Asking = Callable[[Payments, TenantRef, Turn], Awaitable[int]]
"""Work that asks others, who may be silent: its turn is over some time."""

WAITS: Mapping[Asking, str] = MappingProxyType(
    {
        bind_waiting: bindings.WAITS,
        deliver_callbacks: backlogs.CALLBACKS,
        janitor: agenda.LOOKS,
        mind_disputes: disputes.WAITS,
        mind_methods: saved.WAITS,
        mind_payouts: payouts.WAITS,
        reconcile: reports.WAITS,
        sweep_webhooks: backlogs.WEBHOOKS,
    }
)
"""What finds the tenants for whom work that is looked for all the time has anything to do."""


async def in_each_tenant(services: Services, work: Work, *, suspended: bool = False) -> None:
    """Run work that waits for nobody, for one active tenant after another; also for suspended ones
    where it is asked for.
    """
    payments = services.payments

    async def of_one(tenant: TenantRef) -> None:
        await work(payments, tenant)

    tenants = await payments.tenants.all()
    await each_tenant(tenants, of_one, "payments_job_failed", suspended=suspended)


async def by_turns(services: Services, work: Asking) -> None:
    """Run work that asks others, for some active tenants at once, each for the time of a turn.

    Whoever is asked may be silent; so one tenant's provider or endpoint keeps no other waiting for
    longer than that. What is due is taken under leases or made by acts with keys, so that two may
    do it at once; those who take the same are of one tenant in any case.
    """
    payments = services.payments

    async def of_one(tenant: TenantRef) -> None:
        await work(payments, tenant, Turn())

    tenants = await payments.tenants.all()
    if work in WAITS:
        tenants = await busy_tenants(payments.db, tenants, WAITS[work])
    await each_tenant(tenants, of_one, "payments_job_failed", at_once=AT_ONCE)


async def run_sweep(services: Services) -> None:
    """Work on webhooks that their own process left."""
    await by_turns(services, sweep_webhooks)


async def run_janitor(services: Services) -> None:
    """Ask providers about unknown and pending attempts and refunds; return unapplied money."""
    await by_turns(services, janitor)


async def run_binding(services: Services) -> None:
    """Ask checks that were published since about payments that wait for their players."""
    await by_turns(services, bind_waiting)


async def run_methods(services: Services) -> None:
    """Ask providers which methods they kept, and to let go of those that were removed."""
    await by_turns(services, mind_methods)


async def run_disputes(services: Services) -> None:
    """Ask providers about disputes that are open, or decided without their money."""
    await by_turns(services, mind_disputes)


async def run_subscriptions(services: Services) -> None:
    """Ask stores about subscriptions whose periods ended."""
    await by_turns(services, mind_subscriptions)


async def run_payouts(services: Services) -> None:
    """Send payouts, ask providers about those that nobody knows the end of."""
    await by_turns(services, mind_payouts)


async def run_expiry(services: Services) -> None:
    """End payments whose time is over."""
    await by_turns(services, expire_payments)


async def run_callbacks(services: Services) -> None:
    """Tell callback plugins what was committed."""
    await by_turns(services, deliver_callbacks)


async def run_tidy(services: Services) -> None:
    """Forget what was exchanged and told long ago, and what nobody needs any more.

    For suspended tenants too: what is promised to be gone some day is about persons.
    """
    for forget in (forget_fields, forget_tellings, forget_exchanges, forget_handed_in):
        await in_each_tenant(services, forget, suspended=True)


async def run_watch(services: Services) -> None:
    """Tell of money that waits too long to be given back, and of disputes to be answered."""
    identity = services.identity

    async def watch(payments: Payments, tenant: TenantRef) -> int:
        await watch_disputes(payments, identity, tenant)
        return int(await watch_unapplied(payments, identity, tenant))

    await in_each_tenant(services, watch)


async def run_reconciliations(services: Services) -> None:
    """Read providers' reports, and hold them against the books."""
    await by_turns(services, reconcile)


async def run_days(services: Services) -> None:
    """Begin to reconcile the days that are due, and tell of those that are not done in time."""
    identity = services.identity

    async def one(payments: Payments, tenant: TenantRef) -> int:
        begun = await begin_days(payments, tenant)
        await watch_days(payments, identity, tenant)
        return begun

    await in_each_tenant(services, one)


async def run_merchants(services: Services) -> None:
    """Ask providers whose the accounts are that were saved while nobody could say."""
    await by_turns(services, name_merchants)


async def run_reports(services: Services) -> None:
    """Ask providers that send no webhooks what became of payments."""
    await by_turns(services, read_reports)


JOBS = (
    Job("payments.callbacks", 2, run_callbacks),
    Job("payments.sweep_webhooks", 5, run_sweep),
    Job("payments.janitor", 10, run_janitor),
    Job("payments.bind_waiting", 10, run_binding),
    Job("payments.reconcile", 10, run_reconciliations),
    Job("payments.mind_methods", 10, run_methods),
    Job("payments.mind_payouts", 10, run_payouts),
    Job("payments.mind_disputes", 60, run_disputes),
    Job("payments.mind_subscriptions", 60, run_subscriptions),
    Job("payments.expire", 60, run_expiry),
    Job("payments.read_reports", 60, run_reports),
    Job("payments.watch_unapplied", 300, run_watch),
    Job("payments.reconcile_days", 300, run_days),
    Job("payments.name_merchants", 300, run_merchants),
    Job("payments.tidy", 3_600, run_tidy),
)
