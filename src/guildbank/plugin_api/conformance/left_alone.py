"""What becomes of purchases while whom a step asks is away, alike for each kind of step."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from guildbank.plugin_api.conformance.contracts import Verdict
from guildbank.plugin_api.conformance.identity.stage import Fault, Hostile
from guildbank.plugin_api.conformance.networks import Network, nobody_asked, undeclared
from guildbank.plugin_api.history import PastPurchase
from guildbank.plugin_api.http import Http
from guildbank.plugin_api.manifest import Manifest
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.stages import PurchaseView


class AskedStage(Protocol):
    """A stage of a run that asks a step about purchases."""

    @property
    def manifest(self) -> Manifest:
        """Return the step's manifest."""
        ...

    @property
    def context(self) -> Context:
        """Return the context of the run."""
        ...

    def purchases(self) -> list[PurchaseView]:
        """Return the purchases of the run."""
        ...

    def elsewhere(self, http: Http) -> Context:
        """Return the context with another network."""
        ...

    async def ask(self, purchase: PurchaseView, context: Context | None = None) -> Any:
        """Ask the step."""
        ...


class Step(NamedTuple):
    """A kind of step: what it is called, by which answers it lets go on, and what is said of that.

    None of `goes_on` means that any answer does.
    """

    name: str
    said: str
    goes_on: type | None = None

    async def lets(
        self, stage: AskedStage, purchase: PurchaseView, context: Context
    ) -> tuple[bool, str | None]:
        """Say whether the purchase goes on, and what is wrong with how the step said so."""
        try:
            answer = await stage.ask(purchase, context)
        except Fault as fault:
            return False, str(fault)
        except Exception:  # whatever it is, raising is what a step shall do here
            return False, None
        return self.goes_on is None or isinstance(answer, self.goes_on), None


class NoHistory:
    """A history that cannot be read."""

    def __init__(self) -> None:
        self.asked = False

    async def purchases(self, player_id: str, since: datetime) -> Sequence[PastPurchase]:
        """Fail as a database does that is away."""
        self.asked = True
        raise ConnectionError("the database does not answer")

    async def sharers(self, device: str, player_id: str, since: datetime) -> int:
        """Fail alike."""
        self.asked = True
        raise ConnectionError("the database does not answer")


async def asks_declared_hosts(stage: AskedStage, step: Step) -> Verdict:
    """Find a host that is asked and does not stand in the manifest."""
    for purchase in stage.purchases():
        network = Hostile(None)
        await step.lets(stage, purchase, stage.elsewhere(network))
        strange = undeclared(stage.manifest, network.asked)
        if strange:
            return f"{strange} is asked and not declared"
    return None


async def none_goes_on(stage: AskedStage, step: Step, networks: Mapping[str, Network]) -> Verdict:
    """Ask about all purchases in all networks at once, so that the wait is one timeout."""
    tries = [
        (words, purchase, network())
        for words, network in networks.items()
        for purchase in stage.purchases()
    ]
    went_on = await asyncio.gather(
        *(step.lets(stage, purchase, stage.elsewhere(network)) for _, purchase, network in tries)
    )
    for (words, _, network), (was, fault) in zip(tries, went_on, strict=True):
        if fault:
            return f"{words}: {fault}"
        if was and network.asked:
            return f"{words}, and {step.said}"
    if any(network.asked for _, _, network in tries):
        return None
    return nobody_asked(stage.manifest, f"no purchase of this run made the {step.name} ask anybody")


async def none_goes_on_without_history(stage: AskedStage, step: Step) -> Verdict:
    """Find a purchase that goes on though what was bought before cannot be read."""
    for purchase in stage.purchases():
        away = NoHistory()
        context = msgspec.structs.replace(stage.context, history=away)
        was, fault = await step.lets(stage, purchase, context)
        if fault:
            return fault
        if was and away.asked:
            return f"the history did not answer, and {step.said}"
    return None
