"""A scripted provider that keeps methods of payment, as a test tells it."""

from collections.abc import Awaitable, Callable

import msgspec
from tests.payments.bank import Bank
from tests.payments.scripted import Lost

from guildbank.plugin_api import (
    SAVED_METHODS,
    Context,
    CustomerRequest,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    SavedMethod,
)

CARD = SavedMethod(
    reference="", brand="visa", last_four="4242", expires_year=2090, expires_month=12
)
NO_CARD = Outcome(status=OutcomeStatus.DECLINED, code="no_such_method")


class Keeper(Bank):
    """Keeps what a payment was paid by, one customer a key; the setting `shop` is the account."""

    def __init__(self, id_: str = "keeper") -> None:
        super().__init__(id_)
        capabilities = self._manifest.capabilities | {SAVED_METHODS}
        self._manifest = msgspec.structs.replace(self._manifest, capabilities=capabilities)
        self.card = CARD
        self.loses_openings = 0
        self.is_silent = False
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.refuses_removals = 0
        self.openings: list[CustomerRequest] = []
        self.removals: list[str] = []
        self.forgotten: list[str] = []
        self.customers: dict[tuple[str, str], str] = {}
        self.kept: dict[str, tuple[str, SavedMethod]] = {}
        self.left: dict[str, str] = {}

    def _speak(self) -> None:
        if self.is_silent:
            raise Lost

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        on_file = request.on_file
        if on_file is not None and on_file.method is not None:
            customer, _ = self.kept.get(on_file.method, (None, None))
            if customer != on_file.customer:
                self.requests.append(request)
                self.stands[request.attempt_id] = NO_CARD
                return NO_CARD
        said = await super().create_payment(context, request)
        if on_file is not None and on_file.keep:
            reference = f"pm_{request.attempt_id}"
            method = msgspec.structs.replace(self.card, reference=reference)
            self.kept[reference] = (on_file.customer, method)
            self.left[request.attempt_id] = reference
        return said

    async def open_customer(self, context: Context, request: CustomerRequest) -> str:
        self._speak()
        self.openings.append(request)
        place = (str(context.settings.get("shop")), request.idempotency_key)
        made = self.customers.setdefault(place, f"cus_{len(self.customers)}")
        if self.loses_openings:
            self.loses_openings -= 1
            raise Lost
        return made

    async def knows_customer(self, context: Context, request: CustomerRequest) -> bool:
        self._speak()
        shop = str(context.settings.get("shop"))
        return any(
            at == shop and made == request.reference for (at, _), made in self.customers.items()
        )

    async def forget_customer(self, context: Context, request: CustomerRequest) -> None:
        self._speak()
        self.forgotten.append(request.player_id)
        self.kept = {
            name: (customer, method)
            for name, (customer, method) in self.kept.items()
            if customer != request.reference
        }

    async def saved_method(
        self, context: Context, customer: str, attempt_id: str, reference: str
    ) -> SavedMethod | None:
        self._speak()
        return await self.fetch_method(context, customer, self.left.get(attempt_id, ""))

    async def fetch_method(
        self, context: Context, customer: str, reference: str
    ) -> SavedMethod | None:
        self._speak()
        if self.meanwhile is not None:
            await self.meanwhile()
        whose, method = self.kept.get(reference, (None, None))
        return method if whose == customer else None

    async def remove_method(self, context: Context, customer: str, reference: str) -> None:
        self._speak()
        self.removals.append(reference)
        if self.refuses_removals:
            self.refuses_removals -= 1
            raise Lost
        self.kept.pop(reference, None)
