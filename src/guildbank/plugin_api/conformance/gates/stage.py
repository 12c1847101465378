"""The set for every check of a gate: the gate, which is overheard, and what it is asked about."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import count
from typing import Any, Protocol, cast

import msgspec

from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.gates.contracts import PURCHASE, GateRehearsal
from guildbank.plugin_api.conformance.identity.stage import Fault
from guildbank.plugin_api.conformance.networks import in_time
from guildbank.plugin_api.conformance.witness import words_of
from guildbank.plugin_api.http import Http
from guildbank.plugin_api.lifecycle import Starts
from guildbank.plugin_api.manifest import Manifest, Slot
from guildbank.plugin_api.moves import Judged, JudgesMoves, MoveView
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.stages import Annotated, Entry, Middleware, PurchaseView, Veto

Gate = Entry | Middleware
LARGEST = 2**53 - 1


class GateStage(msgspec.Struct, frozen=True, kw_only=True):
    """What a check is given. `heard` is all that the gate said in words."""

    plugin: Gate
    context: Context
    rehearsal: GateRehearsal
    heard: list[str] = msgspec.field(default_factory=list)
    runs: "count[int]" = msgspec.field(default_factory=count)

    @property
    def manifest(self) -> Manifest:
        """The gate's manifest."""
        return self.plugin.manifest

    @property
    def slot(self) -> Slot:
        """Entry if the gate says so, else middleware."""
        return Slot.ENTRY if self.manifest.slot is Slot.ENTRY else Slot.MIDDLEWARE

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of this run."""
        return self.context.settings

    def purchases(self) -> list[PurchaseView]:
        """Return an ordinary purchase and those of the rehearsal."""
        named = (PURCHASE, self.rehearsal.vetoed, self.rehearsal.admitted)
        return [self.seen(one) for one in named if one is not None]

    def seen(self, purchase: PurchaseView) -> PurchaseView:
        """Return the purchase as this slot sees it: before the entry stage nothing is stored."""
        if self.slot is Slot.ENTRY:
            return msgspec.structs.replace(purchase, payment_id="")
        return purchase

    def elsewhere(self, http: Http) -> Context:
        """Return the context in another network, of a tenant of whom nothing is remembered.

        A gate that makes ready for a tenant stays with the one that it was started for.
        """
        tenant = self.context.tenant
        if not isinstance(self.plugin, Starts):
            tenant = f"{tenant}-{next(self.runs)}"
        return msgspec.structs.replace(self.context, http=http, tenant=tenant)

    async def ask(self, purchase: PurchaseView, context: Context | None = None) -> Annotated | Veto:
        """Return the gate's answer; raises what the gate does, and Fault for what is no answer."""
        gate = self.plugin
        verb = (
            cast("Entry", gate).admit
            if self.slot is Slot.ENTRY
            else cast("Middleware", gate).before_provider
        )
        result: object
        try:
            result = await in_time(
                verb(context or self.context, purchase), self.manifest.timeout_seconds
            )
        except Exception as error:
            self.heard.extend(words_of(error))
            raise
        self.heard.append(repr(result))
        if not isinstance(result, Annotated | Veto):
            raise Fault(f"answered {result!r}, which is neither an Annotated nor a Veto")
        return result

    async def ask_moves(
        self, moves: tuple[MoveView, ...], context: Context | None = None
    ) -> Judged:
        """Return what the gate says of operations; raises alike."""
        result: object
        try:
            result = await in_time(
                cast("JudgesMoves", self.plugin).before_moves(context or self.context, moves),
                self.manifest.timeout_seconds,
            )
        except Exception as error:
            self.heard.extend(words_of(error))
            raise
        self.heard.append(repr(result))
        if not isinstance(result, Judged) or len(result.judgements) != len(moves):
            raise Fault(f"answered {result!r}, which is not {len(moves)} judgements")
        return result


GateCheck = Callable[[GateStage], Awaitable[Verdict]]


class Sees(Protocol):
    """What the purchases below need of a stage."""

    def seen(self, purchase: PurchaseView) -> PurchaseView:
        """Return the purchase as the slot sees it."""
        ...


def amounts(stage: Sees) -> Iterator[tuple[str, PurchaseView]]:
    """Yield purchases of the least and the most that there is, by the words that say so."""
    for many in (1, LARGEST):
        purchase = msgspec.structs.replace(PURCHASE, amount_minor=many, coins=many, bonus=many)
        yield f"an amount of {many}", stage.seen(purchase)


def gaps(stage: Sees) -> Iterator[tuple[str, PurchaseView]]:
    """Yield purchases of which something is missing or unheard of."""
    crowded = {f"other-{number:02}.{'n' * 50}": "ü" * 500 for number in range(20)}
    changed = {
        "no country": msgspec.structs.replace(PURCHASE, country=None),
        "nothing known of the client": msgspec.structs.replace(
            PURCHASE, address=None, address_country=None, device=None
        ),
        "an address of IPv6 that no file has": msgspec.structs.replace(
            PURCHASE, address="2001:db8::1", address_country=None
        ),
        "many annotations of others": msgspec.structs.replace(PURCHASE, annotations=crowded),
        "a currency that nobody knows": msgspec.structs.replace(PURCHASE, currency="ZZZ"),
        "a purpose that nobody knows": msgspec.structs.replace(PURCHASE, purpose="something_new"),
        "no product": msgspec.structs.replace(
            PURCHASE, product_id="", game_currency="", coins=0, bonus=0
        ),
    }
    for words, purchase in changed.items():
        yield words, stage.seen(purchase)
