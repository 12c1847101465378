"""Keep the method by which a payment was paid, where its player agreed to that beforehand."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import msgspec
import structlog

from guildbank.identity import PLAYERS
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Receipt, Sealed, Stage, facts
from guildbank.kernel import Refusal, new_id
from guildbank.payments import saved, store
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_PAYMENT
from guildbank.payments.contracts.rows import Attempt, AttemptState, Intent
from guildbank.payments.contracts.saved import (
    MAX_METHODS,
    METHOD_NOT_SAVED,
    METHOD_SAVED,
    Customer,
    CustomerState,
    MethodState,
    PaymentMethod,
    Saving,
)
from guildbank.payments.saved import CUSTOMERS, METHODS, SAVED_OF
from guildbank.payments.store import ATTEMPTS, INTENTS
from guildbank.payments.usecases import PaymentAct, Payments, provider_principal
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.remove_method import detach_method
from guildbank.payments.usecases.saved_names import (
    Names,
    ask_keeper,
    is_sound,
    keeper,
    names_of,
)
from guildbank.plugin_api import SavedMethod

log = structlog.get_logger(__name__)
REPLACED, TOO_MANY = "replaced", "too_many"
_GIVES_UP = timedelta(days=7)
"""A provider that does not say so long which method it kept has kept none that we know."""


class Told(NamedTuple):
    """A method as its provider named it: sealed, and the hashes by which it is known again."""

    sealed: Sealed
    mark: str
    twin: str | None


class KeepMethod(PaymentAct):
    """List what the provider kept; the same card, saved before, gives way to it.

    `freed` are the methods of which the provider is to let go.
    """

    verb = "payments.keep_method"
    __slots__ = ("attempt_id", "customer_id", "freed", "method_id", "player_id", "told")

    def __init__(self, attempt: Attempt, player_id: str, told: Told | None) -> None:
        super().__init__(attempt.payment_id, provider_principal(attempt.provider))
        self.attempt_id = attempt.id
        self.customer_id = attempt.customer_id or ""
        self.player_id = player_id
        self.told = told
        self.method_id = new_id("pmt")
        self.freed: tuple[PaymentMethod, ...] = ()

    def needs(self, stage: Stage) -> list[Need]:
        """Return the payment, its attempt and player, and what is saved already."""
        return [
            *super().needs(stage),
            (ATTEMPTS, self.attempt_id),
            (PLAYERS, self.player_id),
            (CUSTOMERS, self.customer_id),
            (SAVED_OF, self.player_id),
            (METHODS, self.method_id),
        ]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """List it, or say that there is none; `no_change` where that was said before."""
        attempt = stage.get(ATTEMPTS, self.attempt_id)
        if attempt is None or stage.get(INTENTS, self.payment_id) is None:
            return NO_PAYMENT
        if attempt.saves is not Saving.ASKED:
            return NO_CHANGE
        player = stage.get(PLAYERS, self.player_id)
        customer = stage.get(CUSTOMERS, self.customer_id)
        open_ = customer is not None and customer.state is CustomerState.OPEN
        if self.told is None or not open_ or player is None or player.state == "erased":
            return self._end(stage, attempt, Saving.NOT_KEPT, METHOD_NOT_SAVED, {})
        known = stage.get(SAVED_OF, self.player_id) or ()
        same = next((one for one in known if one.mark == self.told.mark), None)
        if same is not None:
            return self._end(stage, attempt, Saving.KEPT, METHOD_SAVED, {"method": same.id})
        return self._list(stage, attempt, known, self.told)

    def _list(
        self, stage: Stage, attempt: Attempt, known: tuple[PaymentMethod, ...], told: Told
    ) -> Draft | Refusal:
        twins = [one for one in known if told.twin is not None and one.twin == told.twin]
        left = tuple(one for one in known if one not in twins)
        full = len(left) >= MAX_METHODS
        made = PaymentMethod(
            id=self.method_id, player_id=self.player_id, provider=attempt.provider,
            customer_id=self.customer_id, payment_id=self.payment_id,
            state=MethodState.REMOVING if full else MethodState.SAVED,
            sealed=told.sealed.ciphertext, mark=told.mark, twin=told.twin,
            consented_by=attempt.saves_by or "", consented_at=attempt.created_at,
            created_at=stage.now, changed_at=stage.now, code=TOO_MANY if full else None,
        )  # fmt: skip
        freed = [
            msgspec.structs.replace(
                one, state=MethodState.REMOVING, code=REPLACED, changed_at=stage.now
            )
            for one in twins
        ]
        for one in (*freed, made):
            stage.put(METHODS, one.id, one)
        stage.put(SAVED_OF, self.player_id, left if full else (*left, made))
        self.freed = (*freed, made) if full else tuple(freed)
        more = {"method": made.id, "replaces": [one.id for one in freed], "code": made.code}
        if full:
            return self._end(stage, attempt, Saving.NOT_KEPT, METHOD_NOT_SAVED, more)
        return self._end(stage, attempt, Saving.KEPT, METHOD_SAVED, more)

    def _end(
        self, stage: Stage, attempt: Attempt, saves: Saving, kind: str, more: Mapping[str, object]
    ) -> Draft:
        stage.put(ATTEMPTS, attempt.id, msgspec.structs.replace(attempt, saves=saves))
        told = {
            "payment": attempt.payment_id,
            "attempt": attempt.id,
            "player": self.player_id,
            "provider": attempt.provider,
        }
        return Draft(kind, facts({**told, **more}))


async def keep_method(payments: Payments, tenant: TenantRef, attempt_id: str) -> bool:
    """Ask which method a paid attempt left, and list it; False where the provider cannot tell."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        attempt = await store.attempt_by_id(tx.driver, attempt_id)
        if not _is_due(attempt) or attempt is None:
            return True
        intent = await store.intent_by_id(tx.driver, attempt.payment_id)
        customer = await saved.customer_by_id(tx.driver, attempt.customer_id or "")
    if intent is None or customer is None:
        return True
    names = await names_of(payments, tenant)
    said = await _ask(payments, tenant, attempt, customer, names)
    if isinstance(said, Refusal):
        if payments.clock.now() - attempt.created_at < _GIVES_UP:
            return False
        said = None
    act = KeepMethod(
        attempt, intent.player_id, await _sealed(payments, tenant, intent, said, names)
    )
    outcome = await payments.journal.submit(tenant.schema, act)
    if isinstance(outcome, Receipt):
        for one in act.freed:
            await detach_method(payments, tenant, one)
    elif outcome != NO_CHANGE:
        log.error("method_not_kept", attempt=attempt.id, code=outcome.code)
    return True


def _is_due(attempt: Attempt | None) -> bool:
    if attempt is None or attempt.saves is not Saving.ASKED:
        return False
    return attempt.state is AttemptState.CAPTURED and attempt.reference is not None


async def _ask(
    payments: Payments, tenant: TenantRef, attempt: Attempt, customer: Customer, names: Names
) -> SavedMethod | Refusal | None:
    line = await line_about(payments, tenant, attempt.provider, attempt.payment_id)
    if isinstance(line, Refusal):
        return line
    plugin, reference = keeper(line), names.open(customer)
    if plugin is None or reference is None or attempt.reference is None:
        return None
    said = await ask_keeper(
        line, plugin.saved_method(line.context, reference, attempt.id, attempt.reference)
    )
    if isinstance(said, SavedMethod) and not is_sound(said):
        log.error("method_malformed", plugin=attempt.provider)
        return None
    return said


async def _sealed(
    payments: Payments, tenant: TenantRef, intent: Intent, said: SavedMethod | None, names: Names
) -> Told | None:
    """Return the method under the person's key, None for who has none any more."""
    if said is None:
        return None
    sealed = await payments.persons.seal(tenant, intent.player_id, msgspec.json.encode(said))
    if isinstance(sealed, Refusal):
        return None
    mark = names.mark(intent.provider, said.reference)
    return Told(sealed, mark, names.twin(intent.provider, said.fingerprint))
