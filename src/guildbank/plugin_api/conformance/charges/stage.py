"""The set for every check of a charge step: the step, which is overheard, and what it charges."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

import msgspec

from guildbank.plugin_api.charges import Charge, Charged, added_of
from guildbank.plugin_api.conformance.charges.contracts import ChargeRehearsal
from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.gates.contracts import PURCHASE
from guildbank.plugin_api.conformance.identity.stage import Fault
from guildbank.plugin_api.conformance.networks import in_time
from guildbank.plugin_api.conformance.witness import words_of
from guildbank.plugin_api.http import Http
from guildbank.plugin_api.lifecycle import Starts
from guildbank.plugin_api.manifest import Manifest, Slot
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.stages import Charger, PurchaseView, Veto

BEFORE = (
    Charge(kind="fee", label="Service", amount_minor=50, step="service"),
    Charge(kind="tax", label="VAT 19 %", amount_minor=144, included=True, rate="19", step="vat"),
)
"""Lines of steps before, on a purchase of 9.00."""


class ChargeStage(msgspec.Struct, frozen=True, kw_only=True):
    """What a check is given. `heard` is all that the step said in words."""

    plugin: Charger
    context: Context
    rehearsal: ChargeRehearsal
    heard: list[str] = msgspec.field(default_factory=list)
    runs: "count[int]" = msgspec.field(default_factory=count)

    slot = Slot.CHARGE

    @property
    def manifest(self) -> Manifest:
        """The step's manifest."""
        return self.plugin.manifest

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of this run."""
        return self.context.settings

    def purchases(self) -> list[PurchaseView]:
        """Return an ordinary purchase, one with lines of steps before, those of the rehearsal."""
        total = PURCHASE.amount_minor + added_of(BEFORE)
        lined = msgspec.structs.replace(PURCHASE, amount_minor=total, charges=BEFORE)
        named = (PURCHASE, lined, self.rehearsal.charged, self.rehearsal.spared)
        return [self.seen(one) for one in named if one is not None]

    def seen(self, purchase: PurchaseView) -> PurchaseView:
        """Return the purchase as this slot sees it: nothing is stored yet."""
        return msgspec.structs.replace(purchase, payment_id="")

    def elsewhere(self, http: Http) -> Context:
        """Return the context in another network, of a tenant of whom nothing is remembered."""
        tenant = self.context.tenant
        if not isinstance(self.plugin, Starts):
            tenant = f"{tenant}-{next(self.runs)}"
        return msgspec.structs.replace(self.context, http=http, tenant=tenant)

    async def ask(self, purchase: PurchaseView, context: Context | None = None) -> Charged | Veto:
        """Return the answer; raises what the step does, and Fault for what is no answer."""
        result: object
        try:
            result = await in_time(
                self.plugin.charge(context or self.context, purchase),
                self.manifest.timeout_seconds,
            )
        except Exception as error:
            self.heard.extend(words_of(error))
            raise
        self.heard.append(repr(result))
        if not isinstance(result, Charged | Veto):
            raise Fault(f"answered {result!r}, which is neither a Charged nor a Veto")
        return result


ChargeCheck = Callable[[ChargeStage], Awaitable[Verdict]]
