"""The set for every check of a scorer: the scorer, which is overheard, and what it scores."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

import msgspec

from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.gates.contracts import PURCHASE
from guildbank.plugin_api.conformance.identity.stage import Fault
from guildbank.plugin_api.conformance.networks import in_time
from guildbank.plugin_api.conformance.scorers.contracts import ScorerRehearsal
from guildbank.plugin_api.conformance.witness import words_of
from guildbank.plugin_api.http import Http
from guildbank.plugin_api.lifecycle import Starts
from guildbank.plugin_api.manifest import Manifest, Slot
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.scoring import Scored, Scorer
from guildbank.plugin_api.stages import PurchaseView


class ScorerStage(msgspec.Struct, frozen=True, kw_only=True):
    """What a check is given. `heard` is all that the scorer said in words."""

    plugin: Scorer
    context: Context
    rehearsal: ScorerRehearsal
    heard: list[str] = msgspec.field(default_factory=list)
    runs: "count[int]" = msgspec.field(default_factory=count)

    slot = Slot.SCORER

    @property
    def manifest(self) -> Manifest:
        """The scorer's manifest."""
        return self.plugin.manifest

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of this run."""
        return self.context.settings

    def purchases(self) -> list[PurchaseView]:
        """Return an ordinary purchase and those of the rehearsal."""
        named = (PURCHASE, self.rehearsal.risky, self.rehearsal.plain)
        return [one for one in named if one is not None]

    def seen(self, purchase: PurchaseView) -> PurchaseView:
        """Return the purchase as this slot sees it, where it is stored already."""
        return purchase

    def elsewhere(self, http: Http) -> Context:
        """Return the context in another network, of a tenant of whom nothing is remembered."""
        tenant = self.context.tenant
        if not isinstance(self.plugin, Starts):
            tenant = f"{tenant}-{next(self.runs)}"
        return msgspec.structs.replace(self.context, http=http, tenant=tenant)

    async def ask(self, purchase: PurchaseView, context: Context | None = None) -> Scored:
        """Return the score; raises what the scorer does, and Fault for what is no score."""
        result: object
        try:
            result = await in_time(
                self.plugin.score(context or self.context, purchase), self.manifest.timeout_seconds
            )
        except Exception as error:
            self.heard.extend(words_of(error))
            raise
        self.heard.append(repr(result))
        if not isinstance(result, Scored):
            raise Fault(f"answered {result!r}, which is no Scored")
        return result


ScorerCheck = Callable[[ScorerStage], Awaitable[Verdict]]
