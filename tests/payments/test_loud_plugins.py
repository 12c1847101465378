"""A plugin whose exception holds its secret: neither a log nor the database has it then."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.house import House
from tests.payments.keeper import Keeper
from tests.payments.reckoning import reconciled
from tests.payments.scripted import UNKNOWN
from tests.payments.shop import Shop, open_shop
from tests.payments.test_kept_events import dump
from tests.payments.test_kept_words import callbacks, tell
from tests.pipelines.gates import ASKING

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.contracts.subscriptions import Subscription
from guildbank.payments.usecases.answer_dispute import answer_dispute
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.look_at_subscription import look_at_subscription
from guildbank.payments.usecases.payouts.destinations import add_destination
from guildbank.payments.usecases.read_reports import read_reports
from guildbank.payments.usecases.receive_webhook import receive_webhook
from guildbank.pipelines import Stages, Step
from guildbank.pipelines.contracts import SlotName
from guildbank.pipelines.usecases.set_secrets import StepSecrets, set_secrets
from guildbank.plugin_api import (
    PAYOUTS,
    SUBSCRIPTIONS,
    Context,
    DisputeStand,
    DisputeStatus,
    EventKind,
    Manifest,
    ProviderEvent,
    Slot,
    SubscriptionState,
)
from guildbank.plugin_host import Plugins

KEY = "sk_loud_0123456789abcdef"
HERE = "https://game.example/ask"
SAYS = {"product_description": "500 gems"}
MORE = frozenset({"usage", "finish", "reports", PAYOUTS, SUBSCRIPTIONS})
VERBS = (
    "finish_payment", "tell_usage", "report", "check_destination", "pay_out", "fetch_payout",
    "fetch_subscription",
)  # fmt: skip


class Loud(Keeper):
    """Does what a scripted provider does, but for one verb, which tells its secret."""

    def __init__(self, verb: str = "") -> None:
        super().__init__("loud")
        capabilities = self._manifest.capabilities | MORE
        self._manifest = msgspec.structs.replace(self._manifest, capabilities=capabilities)
        for name in VERBS:
            setattr(self, name, quietly)
        if verb:
            setattr(self, verb, loudly)


async def quietly(*_: object) -> None:
    return None


async def loudly(context: Context, *_: object) -> None:
    cause = LookupError(f"no account of {context.settings['secret']}")
    raise ConnectionError(f"401 for the key {context.settings['secret']}\nat once") from cause


async def opened(house: House, verb: str) -> Shop:
    """Open a shop with a provider that is loud at this verb."""
    shop = await open_shop(house, spent_coins="debt", plugins=(("loud", Loud(verb)),))
    made = await configure_provider(
        shop.payments, shop.tenant, "loud", {"secret": KEY}, enabled=True
    )
    assert not isinstance(made, Refusal), made
    return shop


async def buys(shop: Shop, **changes: Any) -> Intent:
    intent = await shop.try_buying(await shop.player(), provider="loud", **changes)
    await shop.payments.drain()
    return cast("Intent", intent)


async def looks_again(shop: Shop) -> None:
    plugin = shop.payments.plugins.provider("loud")
    cast("Loud", plugin).on_create = UNKNOWN
    await buys(shop)
    await shop.later(minutes=2)


async def is_told(shop: Shop, kind: EventKind = EventKind.IGNORED, **said: Any) -> None:
    """Deliver an event that the provider believes."""
    facts = {"amount_minor": 499, "currency": "EUR", **said}
    event = ProviderEvent(external_id=new_id("evt"), kind=kind, **facts)
    await receive_webhook(
        shop.payments, shop.tenant.slug, "loud", {"x-sign": KEY}, msgspec.json.encode(event)
    )
    await shop.payments.drain()


async def is_asked_for_usage(shop: Shop) -> None:
    intent = await buys(shop)
    (attempt,) = (await shop.dossier(intent)).attempts
    await is_told(shop, EventKind.USAGE_ASKED, payment_reference=attempt.reference)


async def is_disputed(shop: Shop) -> None:
    intent = await buys(shop)
    (attempt,) = (await shop.dossier(intent)).attempts
    due = shop.clock.now() + timedelta(days=7)
    plugin = cast("Loud", shop.payments.plugins.provider("loud"))
    stand = DisputeStand(reference="dp_1", status=DisputeStatus.NEEDS_RESPONSE, answer_by=due)
    plugin.cases = {"dp_1": stand}
    about = {"payment_reference": attempt.reference, "dispute_reference": "dp_1"}
    await is_told(shop, EventKind.DISPUTE_OPENED, **about)
    await is_told(shop, EventKind.DISPUTE_UPDATED, **about)
    (dispute,) = (await shop.dossier(intent)).disputes
    await answer_dispute(shop.payments, shop.tenant, "op_olga", new_id("key"), dispute.id, SAYS)
    await shop.payments.drain()


async def refunds(shop: Shop) -> None:
    await shop.refund(await buys(shop))
    await shop.payments.drain()


async def reconciles(shop: Shop) -> None:
    await reconciled(shop, "loud")


async def reads_reports(shop: Shop) -> None:
    await read_reports(shop.payments, shop.tenant)


async def saves_a_card(shop: Shop) -> None:
    await buys(shop, save_method=True)


async def names_a_destination(shop: Shop) -> None:
    await add_destination(
        shop.payments, shop.tenant, "app", await shop.player(), "loud", {"account": "1"}
    )


async def follows_a_subscription(shop: Shop) -> None:
    intent, now = await buys(shop), shop.clock.now()
    known = Subscription(
        id=new_id("sub"), provider="loud", reference="s1", player_id=intent.player_id,
        payment_id=intent.id, product_id=shop.pack, state=SubscriptionState.ACTIVE, renews=True,
        began_at=now, ends_at=now, created_at=now, changed_at=now,
    )  # fmt: skip
    await look_at_subscription(shop.payments, shop.tenant, known)


Deed = Callable[[Shop], Awaitable[object]]
DOORS: Mapping[str, tuple[Deed, str]] = {
    "create_payment": (buys, "provider_failed"),
    "fetch_payment": (looks_again, "provider_failed"),
    "refund": (refunds, "provider_failed"),
    "read_webhook": (is_told, "webhook_unreadable"),
    "finish_payment": (buys, "payment_not_finished"),
    "tell_usage": (is_asked_for_usage, "usage_not_told"),
    "fetch_dispute": (is_disputed, "dispute_not_told"),
    "submit_evidence": (is_disputed, "evidence_not_sent"),
    "settlements": (reconciles, "settlements_not_read"),
    "report": (reads_reports, "report_not_read"),
    "open_customer": (saves_a_card, "keeper_silent"),
    "check_destination": (names_a_destination, "destination_not_checked"),
    "fetch_subscription": (follows_a_subscription, "subscription_not_told"),
}
"""What makes the core ask by each verb, and what it logs where the provider raises."""


@pytest.mark.parametrize("verb", DOORS)
async def test_what_a_provider_raises_is_told_without_its_secret(
    house: House, verb: str, caplog: pytest.LogCaptureFixture
) -> None:
    deed, event = DOORS[verb]
    with capture_logs() as lines:
        shop = await opened(house, verb)
        await deed(shop)
        await shop.payments.drain()
    told = [line for line in lines if line["event"] == event]
    assert told, [line["event"] for line in lines]
    assert {line["error"] for line in told} == {"ConnectionError: 401 for the key *** at once"}
    assert KEY not in repr(lines)
    assert KEY not in caplog.text
    everything = await dump(shop)
    assert shop.pack in everything
    assert KEY not in everything


class LoudStep:
    """A gate, a charge step, a scorer or a callback that tells its token, whatever it is asked."""

    def __init__(self, slot: Slot) -> None:
        self.manifest = Manifest(
            id="asking", version="1", slot=slot, title="Asking", settings_schema=ASKING,
            secret_fields=frozenset({"token"}), egress_hosts=("*",), timeout_seconds=1,
        )  # fmt: skip

    async def admit(self, context: Context, purchase: object) -> Any:
        raise ConnectionError(f"401 for the token {context.settings['token']} of {HERE}")

    before_provider = charge = score = deliver = admit


SLOTS: Mapping[SlotName, Slot] = {
    "entry": Slot.ENTRY,
    "charges": Slot.CHARGE,
    "before": Slot.MIDDLEWARE,
    "scorers": Slot.SCORER,
    "callbacks": Slot.CALLBACK,
}


async def with_step(house: House, slot: SlotName) -> Shop:
    """Open a shop whose purchases pass a loud step."""
    shop = await open_shop(house, plugins=(("asking", LoudStep(SLOTS[slot])),))
    wanted = StepSecrets("packs", "ask", slot, "asking", {"url": HERE}, {"token": KEY})
    done = await set_secrets(shop.payments.pipelines, shop.tenant, "app", wanted)
    assert isinstance(done, Receipt), done
    step = Step("ask", "asking", {"url": HERE})
    await shop.publish_stages(msgspec.structs.replace(Stages(), **{slot: (step,)}))
    return shop


@pytest.mark.parametrize("slot", [slot for slot in SLOTS if slot != "callbacks"])
async def test_what_a_step_raises_is_logged_without_its_secret(house: House, slot: Any) -> None:
    with capture_logs() as lines:
        shop = await with_step(house, slot)
        await shop.try_buying(await shop.player())
    (told,) = {line["error"] for line in lines if line["event"] == "gate_failed"}
    assert told == f"ConnectionError: 401 for the token *** of {HERE}"
    assert KEY not in repr(lines)
    assert KEY not in await dump(shop)


async def test_what_a_callback_raises_is_shown_without_its_secret(house: House) -> None:
    with capture_logs() as lines:
        shop = await with_step(house, "callbacks")
        payment = await shop.buy(await shop.player())
        await tell(shop)
    problems = {one.facts.get("problem") for one in await callbacks(shop, payment)} - {None}
    assert problems == {f"401 for the token *** of {HERE}"}
    (told,) = {line["error"] for line in lines if line["event"] == "callback_failed"}
    assert told == "ConnectionError"
    assert KEY not in repr(lines)
    assert KEY not in await dump(shop)


async def test_what_a_plugin_raises_as_it_is_closed_is_a_name_alone() -> None:
    plugin: Any = Loud()

    async def close() -> None:
        raise ConnectionError(f"the session of {KEY} stays open")

    plugin.close = close
    with capture_logs() as lines:
        await Plugins([("loud", plugin)]).close()
    (line,) = [one for one in lines if one["event"] == "plugin_close_failed"]
    assert (line["plugin"], line["error"]) == ("loud", "ConnectionError")
    assert KEY not in repr(lines)
