"""What the matrix asks of every company: how a player pays there, what it does, and its books."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from tests.faults.matrix.hall import Hall
from tests.payments.shop import Shop

from guildbank.payments.contracts.rows import Attempt, Refund
from guildbank.plugin_api import Annotated, Confirmer, Context, Manifest, PurchaseView, Slot
from guildbank_lab.switches import Place, Switch

PRICE, PART = 499, 200
PATIENCE_SECONDS = 20.0
"""Silence is an answer without a word here, so that only a busy machine is ever waited for."""


class Books(NamedTuple):
    """What was taken, given back and disputed, in minor units."""

    charged: int = 0
    refunded: int = 0
    disputed: int = 0

    def plus(self, other: "Books") -> "Books":
        """Return both together."""
        return Books(*(one + more for one, more in zip(self, other, strict=True)))

    @property
    def left(self) -> int:
        """What the company owes to the shop."""
        return self.charged - self.refunded - self.disputed


class Check:
    """A step before the provider that lets everybody in."""

    manifest = Manifest(
        id="waves", version="1", slot=Slot.MIDDLEWARE, title="Waves", timeout_seconds=1,
        settings_schema={"type": "object", "additionalProperties": False},
    )  # fmt: skip

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated:
        """Say yes."""
        return Annotated()


class Company(ABC):
    """A company at which a shop takes money; each provider of the matrix has one."""

    provider: ClassVar[str]
    """The id of its plugin."""
    confirmed_by: ClassVar[Confirmer | None] = None
    places: ClassVar[Mapping[str, str]] = {}
    """Which of its calls moves something, by a part of its method and address."""
    switched: ClassVar[Mapping[str, Place]] = {}
    """How the lab calls these places."""
    last_rounds: ClassVar[int] = 1
    """How often the jobs run at the end; reports that get no answer are asked for again."""
    check: "Check | None" = None
    """What the shop asks before the provider is, where it asks anybody."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.shop: Shop

    @abstractmethod
    def plugin(self) -> object:
        """Return the plugin as a new process has it."""

    @abstractmethod
    async def open(self, shop: Shop) -> dict[str, Any]:
        """Open an account for the shop; return the settings that lead to it."""

    def purchase(self, fate: str) -> dict[str, Any]:
        """Return what a purchase here names besides the product; `fate` is what will happen."""
        return {}

    async def pay(self, attempt: Attempt, fate: str) -> None:
        """Do what the player does there; nothing, where the first call takes the money."""
        assert attempt.provider == self.provider

    def word(self, attempt: Attempt) -> dict[str, str]:
        """Return what confirms a payment, where somebody confirms."""
        return {}

    def refund_word(self, refund: Refund) -> dict[str, str] | None:
        """Return what an operator says of a refund that waits for one, None where none does."""
        return None

    async def give_back(self, attempt: Attempt, minor: int | None) -> None:
        """Give money back without us, where that can be done."""
        raise AssertionError(f"no case lets {self.provider} give money back by itself")

    async def dispute(self, attempt: Attempt) -> None:
        """Let the buyer's bank take all of the money, for good, where one can."""
        raise AssertionError(f"no case has a dispute at {self.provider}")

    @abstractmethod
    def books(self, attempts: list[Attempt]) -> Books:
        """Return what the company says of all that was begun for one payment."""

    def turn(self, place: str, effect: str, times: int = 1) -> None:
        """Let something go wrong with the next calls at a place."""
        switch = Switch(
            subject="*", at=self.switched[place], effect=effect, times=times, seconds=0.03
        )
        self.hall.bench.switches.turn(switch)

    def hook(self) -> str:
        """Return where webhooks are sent."""
        return f"{self.hall.url}/v1/webhooks/{self.shop.tenant.slug}/{self.provider}"
