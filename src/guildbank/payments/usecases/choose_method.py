"""Find what a purchase has to do with saved methods: one that pays, or one to be kept."""

from typing import NamedTuple

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import saved
from guildbank.payments.contracts.refusals_saved import (
    METHOD_EXPIRED,
    METHOD_GONE,
    METHODS_FULL,
    NOT_SAVED_HERE,
    SAVED_OR_NAMED,
    UNKNOWN_METHOD,
    kept_by,
)
from guildbank.payments.contracts.saved import MAX_METHODS, MethodState, PaymentMethod
from guildbank.payments.rules import is_expired
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line
from guildbank.payments.usecases.look_at_method import look_at_method
from guildbank.payments.usecases.open_customer import customer_for, hold_customer
from guildbank.payments.usecases.saved_names import keeper, open_method
from guildbank.plugin_api import OnFile, SavedMethod


class MethodWish(NamedTuple):
    """What is asked for: to pay by the saved method, or to `save` the one that pays."""

    method_id: str | None = None
    save: bool = False

    def __bool__(self) -> bool:
        """Say whether anything is asked for."""
        return self.method_id is not None or self.save


NO_WISH = MethodWish()


class Kept(NamedTuple):
    """What an attempt has to do with saved methods, with the provider's own names."""

    method_id: str | None
    customer_id: str
    on_file: OnFile


async def provider_of(
    payments: Payments,
    tenant: TenantRef,
    player_id: str,
    wish: MethodWish,
    *,
    provider: str | None,
    method: str | None,
) -> str | Refusal | None:
    """Return who takes the money: the keeper of the saved method, else whom the buyer named.

    Refusals: `invalid_value`, `unknown_payment_method`, `payment_method_removed`,
    `payment_method_elsewhere`.
    """
    if wish.method_id is None:
        return provider
    if wish.save or method is not None:
        return SAVED_OR_NAMED
    found = await _own(payments, tenant, player_id, wish.method_id)
    if isinstance(found, Refusal):
        return found
    return found.provider if provider in (None, found.provider) else kept_by(found.provider)


async def choose_method(
    payments: Payments, tenant: TenantRef, line: Line, player_id: str, wish: MethodWish, by: str
) -> Kept | Refusal:
    """Return what is sent along; it may ask the provider, so never inside a transaction.

    Refusals: `payment_methods_not_saved`, `payment_methods_full`, `unknown_payment_method`,
    `payment_method_removed`, `payment_method_expired`, `payment_method_elsewhere`,
    `provider_silent`, `unknown_player`, `player_suspended`, `player_closed`. Raises Unavailable.
    """
    if keeper(line) is None:
        return NOT_SAVED_HERE
    if wish.method_id is not None:
        return await _saved(payments, tenant, line, player_id, wish.method_id)
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        count = len(await saved.saved_of(tx.driver, player_id))
    if count >= MAX_METHODS:
        return METHODS_FULL
    held = await customer_for(payments, tenant, line, player_id, by)
    if isinstance(held, Refusal):
        return held
    return Kept(None, held.customer.id, OnFile(customer=held.reference, keep=True))


async def _saved(
    payments: Payments, tenant: TenantRef, line: Line, player_id: str, method_id: str
) -> Kept | Refusal:
    method = await _own(payments, tenant, player_id, method_id)
    if isinstance(method, Refusal):
        return method
    if method.provider != line.manifest.id:
        return kept_by(method.provider)
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        customer = await saved.customer_by_id(tx.driver, method.customer_id)
    if customer is None:
        return METHOD_GONE
    held = await hold_customer(payments, tenant, line, customer)
    if isinstance(held, Refusal):
        return held
    known = await _good(payments, tenant, method)
    if isinstance(known, Refusal):
        return known
    on_file = OnFile(customer=held.reference, method=known.reference)
    return Kept(method.id, customer.id, on_file)


async def _good(
    payments: Payments, tenant: TenantRef, method: PaymentMethod
) -> SavedMethod | Refusal:
    """Return a method that has not expired, asking its provider first: banks renew cards."""
    known = await open_method(payments, tenant, method)
    if known is None:
        return METHOD_GONE
    now = payments.clock.now()
    if not is_expired(known.expires_year, known.expires_month, now):
        return known
    told = await look_at_method(payments, tenant, method)
    if told is None:
        return METHOD_GONE
    if isinstance(told, Refusal) or is_expired(told.expires_year, told.expires_month, now):
        return METHOD_EXPIRED
    return told


async def _own(
    payments: Payments, tenant: TenantRef, player_id: str, method_id: str
) -> PaymentMethod | Refusal:
    """Return the player's own method while it is saved; of another's nobody learns anything."""
    if parse_id("pmt", method_id) is None:
        return UNKNOWN_METHOD
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        method = await saved.method_by_id(tx.driver, method_id)
    if method is None or method.player_id != player_id:
        return UNKNOWN_METHOD
    return method if method.state is MethodState.SAVED else METHOD_GONE
