"""The other slots of the pipeline: entry, charge, middleware and callback."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from guildbank.plugin_api.charges import Charge, Charged, added_of
from guildbank.plugin_api.letters import Letter, Sold
from guildbank.plugin_api.manifest import Manifest
from guildbank.plugin_api.provider import Context

MAX_ANNOTATIONS = 20
"""How many annotations of all steps go along with a purchase."""
MAX_ANNOTATION_NAME = 64
"""How long the name of one may be, with that of its step in front."""
MAX_ANNOTATION_TEXT = 500
"""How long its text may be, and the sentence of a veto."""
MAX_NOTE_BYTES = 2_048
"""How much of a delivery's note is kept, as UTF-8."""


class PurchaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase as stages before the provider see it.

    `amount_minor` is what the buyer is asked for in minor units of the money `currency`: the price
    and what `charges` add to it. Entry steps see the price alone, charge steps the lines before
    theirs, all later ones those that are fixed. It buys `coins` paid and `bonus` free units of
    `game_currency`, as the product `product_id` says. `payment_id` is empty
    in the entry stage, where nothing is stored yet. `platform` is where the player buys (web, ios),
    in the buyer's own word. `address` is the network address of the buyer's client, as far as the
    core knows it: in clear, to be looked at and not to be kept. `address_country` is the country
    (ISO 3166-1) that the deployment's file of addresses has it in. `device` stands for the device
    that the client says it runs on: the same text for the same device of a tenant, and of no use
    elsewhere. `age_confirmed_at` is when somebody made sure that the player is of age; None where
    nobody did. `annotations` are those of the stages before, each under `<step>.<name>`.
    `credited_at` is when the purchase was paid and credited, for steps that run after that.
    """

    payment_id: str
    player_id: str
    purpose: str
    provider: str
    amount_minor: int
    currency: str
    country: str | None
    annotations: Mapping[str, str]
    product_id: str = ""
    game_currency: str = ""
    coins: int = 0
    bonus: int = 0
    platform: str | None = None
    age_confirmed_at: datetime | None = None
    address: str | None = None
    address_country: str | None = None
    device: str | None = None
    charges: tuple[Charge, ...] = ()
    credited_at: datetime | None = None

    @property
    def price_minor(self) -> int:
        """Return the price, without what charges add to it."""
        return self.amount_minor - added_of(self.charges)


class Veto(msgspec.Struct, frozen=True, kw_only=True):
    """The purchase must not go on. `code` is stable, `detail` is shown to the player."""

    code: str
    detail: str


class Annotated(msgspec.Struct, frozen=True, kw_only=True):
    """The purchase goes on, with facts for later stages and the record."""

    annotations: Mapping[str, str] = {}


class Entry(Protocol):
    """Decides whether a purchase may enter at all. Runs before anything is stored."""

    @property
    def manifest(self) -> Manifest:
        """Return the plugin's manifest, with slot `entry`."""
        ...

    async def admit(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Admit the purchase or veto it."""
        ...


class Charger(Protocol):
    """Proposes taxes and fees. Runs after the entry steps, before anything is stored.

    The core checks the lines and fixes them in the commit that makes the payment; no later step and
    no later revision changes them. Where a store sets the price, and where the price is zero, no
    charge step is asked.
    """

    @property
    def manifest(self) -> Manifest:
        """Return the plugin's manifest, with slot `charge`."""
        ...

    async def charge(self, context: Context, purchase: PurchaseView) -> Charged | Veto:
        """Return the step's own lines or veto; whoever cannot say what is due raises."""
        ...


class Middleware(Protocol):
    """Looks at a purchase before the provider is called; may veto, never change amounts.

    One that only annotates may also stand after the credit (`credited_at`): what it notes there is
    kept with the payment, a veto counts as no answer, and whoever does not answer is skipped.
    """

    @property
    def manifest(self) -> Manifest:
        """Return the plugin's manifest, with slot `middleware`."""
        ...

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Annotate the purchase or veto it."""
        ...


class CallbackEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A committed fact. Delivered at least once and in order; `id` is the same each time.

    `sold` is the payment that it is about, for a callback with the capability `letters`; None for
    all others, and where the event is about none.
    """

    id: str
    kind: str
    at: datetime
    data: Mapping[str, object]
    sold: Sold | None = None


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """The event was taken. `note` is what operators read of it, such as what the peer answered.

    `letter` goes to the payment's player, once for an event, from a callback with the capability
    `letters`.
    """

    note: str
    letter: Letter | None = None


class Callback(Protocol):
    """Is told of what was committed. Raising means: tell me again later."""

    @property
    def manifest(self) -> Manifest:
        """Return the plugin's manifest, with slot `callback`."""
        ...

    async def deliver(self, context: Context, event: CallbackEvent) -> Delivered | None:
        """Handle the event; return only when it needs no other delivery.

        What is raised is shown to operators by its text, as the reason why the event waits.
        """
        ...
