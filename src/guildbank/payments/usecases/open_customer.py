"""Open a provider's customer for a player: one at each account, whoever races or dies meanwhile.

The row comes first, and its id is the provider's idempotency key; so two purchases at once, and one
whose answer was lost, mean the same customer.
"""

from typing import NamedTuple

import msgspec
import structlog

from guildbank.identity import PLAYERS, UNKNOWN_PLAYER, barred_by
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal, new_id
from guildbank.payments import saved, store
from guildbank.payments.archive import Subject
from guildbank.payments.asking import storable
from guildbank.payments.contracts.refusals import NO_CHANGE, STATE_UNREAD
from guildbank.payments.contracts.refusals_saved import (
    CUSTOMER_SILENT,
    METHOD_ELSEWHERE,
    NOT_SAVED_HERE,
)
from guildbank.payments.contracts.saved import (
    CUSTOMER_CHECKED,
    CUSTOMER_OPENED,
    CUSTOMER_OPENING,
    Customer,
    CustomerState,
)
from guildbank.payments.saved import CUSTOMERS, CUSTOMERS_OF
from guildbank.payments.usecases import Payments, provider_principal
from guildbank.payments.usecases.accounts import Line
from guildbank.payments.usecases.saved_names import ask_keeper, keeper, names_of
from guildbank.payments.usecases.used_account import account_needs, use_account
from guildbank.plugin_api import CustomerRequest

log = structlog.get_logger(__name__)


class Held(NamedTuple):
    """A customer of the account in use, with the provider's own name of it."""

    customer: Customer
    reference: str


class OpenCustomer(Act):
    """Make a player's customer at a provider, unless there is one at the account in use."""

    verb = "payments.open_customer"
    __slots__ = ("customer_id", "player_id", "provider", "since", "state_version")

    def __init__(self, principal: str, player_id: str, line: Line) -> None:
        super().__init__(principal)
        self.player_id, self.since = player_id, line.since
        self.provider, self.state_version = line.manifest.id, line.manifest.state_version
        self.customer_id = new_id("cst")

    def needs(self, stage: Stage) -> list[Need]:
        """Return the player and the customers that there are."""
        return [
            (PLAYERS, self.player_id),
            (CUSTOMERS_OF, self.player_id),
            (CUSTOMERS, self.customer_id),
            account_needs(self.provider),
        ]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Make it.

        Refusals: `unknown_player`, `player_suspended`, `player_closed`, `no_change`,
        `account_changed`.
        """
        player = stage.get(PLAYERS, self.player_id)
        if player is None or player.state == "erased":
            return UNKNOWN_PLAYER
        if (barred := barred_by(player.state)) is not None:
            return barred
        known = stage.get(CUSTOMERS_OF, self.player_id) or ()
        if any(one.provider == self.provider and one.here for one in known):
            return NO_CHANGE
        if (moved := use_account(stage, self.provider, self.since)) is not None:
            return moved
        made = Customer(
            id=self.customer_id, player_id=self.player_id, provider=self.provider,
            state=CustomerState.OPENING, here=True, sealed=None, created_at=stage.now,
            checked_at=stage.now, changed_at=stage.now, state_version=self.state_version,
        )  # fmt: skip
        stage.put(CUSTOMERS, made.id, made)
        stage.put(CUSTOMERS_OF, self.player_id, (*known, made))
        return Draft(CUSTOMER_OPENING, facts(_facts(made)))


class NoteCustomer(Act):
    """Record that a provider has a customer, or whether the account in use is the one."""

    verb = "payments.note_customer"
    __slots__ = ("customer_id", "here", "player_id", "sealed")

    def __init__(self, customer: Customer, sealed: bytes | None, *, here: bool) -> None:
        super().__init__(provider_principal(customer.provider))
        self.customer_id = customer.id
        self.player_id = customer.player_id
        self.sealed = sealed
        self.here = here

    def needs(self, stage: Stage) -> list[Need]:
        """Return the customer, and the others of its player."""
        return [(CUSTOMERS, self.customer_id), (CUSTOMERS_OF, self.player_id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Record it, or say `no_change`; an erased player's name is kept until it is forgotten."""
        known = stage.get(CUSTOMERS, self.customer_id)
        if known is None or known.state is CustomerState.FORGOTTEN:
            return NO_CHANGE
        if self.sealed is not None and known.sealed is not None:
            return NO_CHANGE
        opening = known.state is CustomerState.OPENING
        noted = msgspec.structs.replace(
            known, state=CustomerState.OPEN if opening else known.state, here=self.here,
            sealed=known.sealed or self.sealed, checked_at=stage.now, changed_at=stage.now,
        )  # fmt: skip
        stage.put(CUSTOMERS, noted.id, noted)
        others = stage.get(CUSTOMERS_OF, self.player_id) or ()
        stage.put(
            CUSTOMERS_OF,
            self.player_id,
            tuple(noted if one.id == noted.id else one for one in others),
        )
        kind = CUSTOMER_CHECKED if self.sealed is None else CUSTOMER_OPENED
        return Draft(kind, facts({**_facts(noted), "here": self.here}))


def _facts(customer: Customer) -> dict[str, object]:
    return {
        "customer": customer.id,
        "player": customer.player_id,
        "provider": customer.provider,
    }


async def customer_for(
    payments: Payments, tenant: TenantRef, line: Line, player_id: str, by: str
) -> Held | Refusal:
    """Return the player's customer at the account in use, made now where there is none.

    Refusals: `unknown_player`, `player_suspended`, `player_closed`, `provider_silent`,
    `payment_methods_not_saved`, `account_changed`, `tenant_suspended`. Raises Unavailable.
    """
    for one in await _customers(payments, tenant, player_id, line.manifest.id):
        held = await hold_customer(payments, tenant, line, one)
        if held != METHOD_ELSEWHERE:
            return held
    act = OpenCustomer(by, player_id, line)
    made = await payments.journal.submit(tenant.schema, act)
    if isinstance(made, Refusal) and made != NO_CHANGE:
        return made
    found = await _customers(payments, tenant, player_id, line.manifest.id)
    here = [one for one in found if one.here]
    return await hold_customer(payments, tenant, line, here[-1]) if here else CUSTOMER_SILENT


async def hold_customer(
    payments: Payments, tenant: TenantRef, line: Line, customer: Customer
) -> Held | Refusal:
    """Return a customer if the account in use is the one that has it.

    The provider is asked where the account was set up anew since it was asked last, and to make
    what it has not answered for yet. Refusals: `payment_method_elsewhere`, `provider_silent`,
    `payment_methods_not_saved`, and `provider_state_unread` where the newest version of the plugin
    does not read what an older one made.
    """
    plugin = keeper(line)
    if plugin is None:
        return NOT_SAVED_HERE
    if not line.manifest.reads(customer.state_version):
        return STATE_UNREAD
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        account = await store.account_at(tx.driver, customer.provider)
    names = await names_of(payments, tenant)
    reference = names.open(customer)
    request = request_of(customer, reference)
    about = Subject(about=customer.id, player_id=customer.player_id)
    line = line.about(payments, tenant, about)
    if reference is None:
        said = await ask_keeper(line, plugin.open_customer(line.context, request))
        if isinstance(said, Refusal):
            return said
        if not storable(said):
            log.error("customer_malformed", plugin=customer.provider)
            return CUSTOMER_SILENT
        note = NoteCustomer(customer, names.seal(customer.id, said), here=True)
        return await _noted(payments, tenant, note, Held(customer, said))
    if account is None or account.changed_at <= customer.checked_at:
        return Held(customer, reference) if customer.here else METHOD_ELSEWHERE
    known = await ask_keeper(line, plugin.knows_customer(line.context, request))
    if isinstance(known, Refusal):
        return known
    note = NoteCustomer(customer, None, here=known)
    held = await _noted(payments, tenant, note, Held(customer, reference))
    return held if known else METHOD_ELSEWHERE


def request_of(customer: Customer, reference: str | None) -> CustomerRequest:
    """Return what a provider is asked with, the same each time."""
    return CustomerRequest(
        customer_id=customer.id,
        player_id=customer.player_id,
        idempotency_key=f"{customer.id}:open:1",
        requested_at=customer.created_at,
        reference=reference,
    )


async def _noted(
    payments: Payments, tenant: TenantRef, note: NoteCustomer, held: Held
) -> Held | Refusal:
    outcome = await payments.journal.submit(tenant.schema, note)
    return outcome if isinstance(outcome, Refusal) and outcome != NO_CHANGE else held


async def _customers(
    payments: Payments, tenant: TenantRef, player_id: str, provider: str
) -> list[Customer]:
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        found = await saved.customers_of(tx.driver, player_id)
    return [one for one in found if one.provider == provider]
