"""A scripted provider that pays money out, and a shop whose coins can be paid out."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from tests.house import House
from tests.payments.scripted import MANIFEST, NOT_FOUND, Lost, Scripted, processed
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.turns import turn

from guildbank.journal import Receipt
from guildbank.kernel import FixedClock, Refusal, new_id
from guildbank.payments.contracts.payouts import Payout, PayoutCommand, PayoutTerms
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.payouts.destinations import ShownDestination, add_destination
from guildbank.payments.usecases.payouts.mind import mind_payouts
from guildbank.payments.usecases.payouts.read import get_payout
from guildbank.payments.usecases.payouts.request import request_payout
from guildbank.payments.usecases.payouts.terms import set_payout_terms
from guildbank.plugin_api import (
    PAYOUTS,
    RETURNED,
    SEND_AGAIN,
    Context,
    Destination,
    DestinationRefused,
    Manifest,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PayoutRequest,
)
from guildbank.wallets.contracts import Grant
from guildbank.wallets.usecases.grant import GrantAct

CAME_BACK = Outcome(status=OutcomeStatus.CANCELED, code=RETURNED)
TERMS = PayoutTerms(
    currency="GEM", is_open=True, money="EUR", amount_minor=1, per_coins=2, least_coins=10,
    most_coins=5_000, window_days=14, buckets=("free",), review_above_minor=None,
)  # fmt: skip
CASH = msgspec.structs.replace(MANIFEST, id="cash", title="Cash", capabilities=frozenset({PAYOUTS}))


class Cashier(Scripted):
    """Pays out as a test tells it; what it paid is `paid`, one payout a key."""

    def __init__(self, manifest: Manifest = CASH) -> None:
        super().__init__(manifest)
        self.on_pay: Outcome | Exception | None = None
        self.asked: list[PayoutRequest] = []
        self.paid: dict[str, Outcome] = {}
        self.loses_answers = 0
        self.is_silent = False
        self.dies: str | None = None
        self.knows_only_names = False
        self.refuses: Outcome | None = None

    async def check_destination(
        self, context: Context, given: Mapping[str, str]
    ) -> Destination | DestinationRefused:
        if self.is_silent:
            raise Lost
        account = given.get("account", "")
        if not account.isdecimal():
            detail = "Give the number of the account."
            return DestinationRefused(code="no_account", detail=detail, field="account")
        label = f".... {account[-4:]}"
        return Destination(kind="account", label=label, details={"account": account})

    async def pay_out(self, context: Context, request: PayoutRequest) -> Outcome:
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.dies == "before":
            raise asyncio.CancelledError
        known = self.paid.get(request.idempotency_key)
        if known is None:
            if self.refuses is not None:
                return self.refuses
            if isinstance(self.on_pay, Exception):
                raise self.on_pay
            reference = f"po_{request.payout_id}"
            full = processed(request.amount_minor, request.currency, reference)
            known = full if self.on_pay is None else self.on_pay
            known = msgspec.structs.replace(known, reference=reference)
            self.paid[request.idempotency_key] = known
        if self.dies == "after":
            # As if the process ended between the call and its outcome.
            raise asyncio.CancelledError
        if self.loses_answers:
            self.loses_answers -= 1
            raise Lost
        return known

    async def fetch_payout(
        self, context: Context, request: PayoutRequest, reference: str | None
    ) -> Outcome:
        if self.is_silent:
            raise Lost
        if self.knows_only_names and reference is None:
            return Outcome(status=OutcomeStatus.UNKNOWN, code=SEND_AGAIN)
        return self.paid.get(request.idempotency_key, NOT_FOUND)

    async def confirm_payout(
        self, context: Context, request: PayoutRequest, data: Mapping[str, str]
    ) -> Outcome | NotConfirmed:
        if data.get("sent") == "no":
            return Outcome(status=OutcomeStatus.CANCELED, code="not_sent")
        if data.get("returned") == "yes":
            return CAME_BACK
        if "transaction" not in data:
            return NotConfirmed(code="incomplete", detail="Name the transaction.")
        amount = int(data.get("minor", request.amount_minor))
        return processed(amount, request.currency, data["transaction"])

    def says(self, payout: Payout, outcome: Outcome) -> None:
        """Have a payout stand so from now on."""
        self.paid[f"{payout.id}:pay:1"] = outcome


class Window:
    """A shop with a cashier; coins that are granted grow old by `wait`."""

    def __init__(self, shop: Shop, cashier: Cashier) -> None:
        self.shop = shop
        self.cashier = cashier

    async def terms(self, **changes: Any) -> None:
        """Set the terms of GEM: a cent for two coins, unless they are changed."""
        terms = msgspec.structs.replace(TERMS, **changes)
        done = await set_payout_terms(self.shop.payments, self.shop.tenant, "op_1", terms)
        assert isinstance(done, Receipt), done

    async def earner(self, coins: int = 1_000) -> tuple[str, str]:
        """Return a player whose free coins are old enough, and where they are paid."""
        player = await self.shop.player()
        await self.grant(player, coins)
        place = await self.destination(player)
        self.wait(days=15)
        return player, place

    async def grant(self, player: str, coins: int) -> Receipt:
        act = GrantAct("app", new_id("key"), Grant(player, "GEM", coins))
        done = await self.shop.house.journal.submit(self.shop.tenant.schema, act)
        assert isinstance(done, Receipt), done
        return done

    async def add(
        self, player: str, account: str = "4711081500", provider: str = "cash"
    ) -> ShownDestination | Refusal:
        return await add_destination(
            self.shop.payments, self.shop.tenant, "app", player, provider, {"account": account}
        )

    async def destination(self, player: str) -> str:
        made = await self.add(player)
        assert not isinstance(made, Refusal), made
        return made.stored.id

    async def ask(
        self, player: str, place: str, coins: int = 400, key: str | None = None, by: str = "app"
    ) -> Payout | Refusal:
        command = PayoutCommand(player_id=player, currency="GEM", coins=coins, destination_id=place)
        return await request_payout(
            self.shop.payments, self.shop.tenant, by, key or new_id("key"), command
        )

    async def pay(
        self, player: str, place: str, coins: int = 400, key: str | None = None
    ) -> Payout:
        made = await self.ask(player, place, coins, key)
        assert not isinstance(made, Refusal), made
        return made

    async def state(self, payout: Payout) -> str:
        found = await get_payout(self.shop.payments, self.shop.tenant, payout.id)
        assert not isinstance(found, Refusal)
        return found.payout.state.value

    def wait(self, **span: float) -> None:
        self.shop.clock.by += timedelta(**span)

    def stand(self, at: datetime) -> None:
        """Let it be this time until it is set anew; what is written has the database's time."""
        self.shop.payments.clock = FixedClock(at)

    async def later(self, **span: float) -> int:
        """Let time pass and the janitor of payouts work; return how often it looked."""
        self.wait(**span)
        return await turn(mind_payouts, self.shop.payments, self.shop.tenant)


async def open_window(
    house: House,
    *,
    spent_coins: str = "refuse",
    plugins: tuple[tuple[str, object], ...] = (),
    manifest: Manifest = CASH,
    **terms: Any,
) -> Window:
    """Open a shop that pays GEM out."""
    cashier = Cashier(manifest)
    shop = await open_shop(house, spent_coins=spent_coins, plugins=(("cash", cashier), *plugins))
    account = await configure_provider(
        shop.payments, shop.tenant, "cash", {"secret": SECRET}, enabled=True
    )
    assert not isinstance(account, Refusal), account
    window = Window(shop, cashier)
    await window.terms(**terms)
    return window
