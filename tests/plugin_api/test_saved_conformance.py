"""The checks of kept methods pass a sound provider and name the fault of each unsound one."""

from datetime import UTC, datetime

import msgspec
import pytest
from tests.plugin_api.specimen import MANIFEST, Specimen, rehearsal_of

from guildbank.plugin_api import (
    SAVED_METHODS,
    Context,
    CustomerRequest,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    SavedMethod,
    Slot,
)
from guildbank.plugin_api.conformance import (
    SAVED_CHECKS,
    Check,
    DirectHttp,
    run_provider_conformance,
)
from guildbank.plugin_api.runner import verbs_of
from guildbank.plugin_host import Plugins

KEEPING = msgspec.structs.replace(
    MANIFEST, capabilities=frozenset({"refund", "partial_refund", "cancel", SAVED_METHODS})
)
CONTEXT = Context(
    tenant="demo", mode="test", settings={"secret": "hush-hush"}, now=datetime.now(UTC),
    webhook_url="http://127.0.0.1/hook", http=DirectHttp(),
)  # fmt: skip
REFUSED = Outcome(status=OutcomeStatus.DECLINED, code="no_such_method")


class Keeps(Specimen):
    """Keeps what a payment was paid by, for one customer a player."""

    manifest = KEEPING

    def __init__(self) -> None:
        super().__init__()
        self.customers: dict[str, str] = {}
        self.kept: dict[str, str] = {}

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        on_file = request.on_file
        if on_file is not None and on_file.method is not None:
            if not self.fits(on_file.customer, on_file.method):
                return REFUSED
        elif on_file is not None and on_file.keep:
            self.kept[f"card_{request.attempt_id}"] = on_file.customer
        return await super().create_payment(context, request)

    def fits(self, customer: str, method: str) -> bool:
        return self.kept.get(method) == customer

    async def open_customer(self, context: Context, request: CustomerRequest) -> str:
        return self.customers.setdefault(request.player_id, f"customer_{request.player_id}")

    async def knows_customer(self, context: Context, request: CustomerRequest) -> bool:
        return self.customers.get(request.player_id) == request.reference

    async def forget_customer(self, context: Context, request: CustomerRequest) -> None:
        self.customers.pop(request.player_id, None)
        self.kept = {card: whose for card, whose in self.kept.items() if whose != request.reference}

    async def saved_method(
        self, context: Context, customer: str, attempt_id: str, reference: str
    ) -> SavedMethod | None:
        return await self.fetch_method(context, customer, f"card_{attempt_id}")

    async def fetch_method(
        self, context: Context, customer: str, reference: str
    ) -> SavedMethod | None:
        if not self.fits(customer, reference):
            return None
        return SavedMethod(reference=reference, brand="visa", last_four="4242")

    async def remove_method(self, context: Context, customer: str, reference: str) -> None:
        self.kept.pop(reference, None)


class MakesCustomersAnew(Keeps):
    async def open_customer(self, context: Context, request: CustomerRequest) -> str:
        self.customers[request.player_id] = f"customer_{len(self.customers)}{context.now}"
        return self.customers[request.player_id]


class KnowsEverybody(Keeps):
    async def knows_customer(self, context: Context, request: CustomerRequest) -> bool:
        return True


class TellsTheNumber(Keeps):
    async def fetch_method(
        self, context: Context, customer: str, reference: str
    ) -> SavedMethod | None:
        found = await super().fetch_method(context, customer, reference)
        number = "4242 4242 4242 4242"
        return None if found is None else msgspec.structs.replace(found, brand=number)


class NamesNothing(Keeps):
    async def saved_method(
        self, context: Context, customer: str, attempt_id: str, reference: str
    ) -> SavedMethod | None:
        return None


class KeepsUnasked(Keeps):
    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        if request.on_file is not None:
            self.kept[f"card_{request.attempt_id}"] = request.on_file.customer
        return await super().create_payment(context, request)


class ChargesAnybodyS(Keeps):
    def fits(self, customer: str, method: str) -> bool:
        return method in self.kept


class RemovesForShow(Keeps):
    async def remove_method(self, context: Context, customer: str, reference: str) -> None:
        pass


class ForgetsForShow(Keeps):
    async def forget_customer(self, context: Context, request: CustomerRequest) -> None:
        self.customers.pop(request.player_id, None)


class ChargesNothingAgain(Keeps):
    def fits(self, customer: str, method: str) -> bool:
        return False

    async def fetch_method(
        self, context: Context, customer: str, reference: str
    ) -> SavedMethod | None:
        return SavedMethod(reference=reference) if reference in self.kept else None


async def checked(kind: type[Keeps]) -> dict[str, Check]:
    provider = kind()
    done = await run_provider_conformance(provider, CONTEXT, rehearsal_of(provider))
    return {one.name: one for one in done}


async def test_a_sound_one_passes() -> None:
    done = await checked(Keeps)
    for check in SAVED_CHECKS:
        assert done[check.__name__].passed, done[check.__name__]


@pytest.mark.parametrize(
    ("kind", "name", "word"),
    [
        (MakesCustomersAnew, "one_player_has_one_customer", "has the customers"),
        (KnowsEverybody, "one_player_has_one_customer", "nobody made"),
        (TellsTheNumber, "a_paid_payment_names_the_method_that_it_left", "number of a card"),
        (NamesNothing, "a_paid_payment_names_the_method_that_it_left", "left none"),
        (KeepsUnasked, "a_payment_that_keeps_nothing_leaves_no_method", "it left"),
        (ChargesNothingAgain, "a_saved_method_pays_again", "expected processed"),
        (ChargesAnybodyS, "a_saved_method_pays_for_its_own_customer_alone", "somebody else"),
        (RemovesForShow, "a_removed_method_pays_no_more", "still shows it"),
        (ForgetsForShow, "a_forgotten_customer_leaves_nothing", "still shows the method"),
    ],
)
async def test_each_fault_is_named(kind: type[Keeps], name: str, word: str) -> None:
    check = (await checked(kind))[name]
    assert check.ran
    assert not check.passed
    assert word in check.detail


async def test_names_go_through_a_plugin_s_wall_as_they_are() -> None:
    verbs = verbs_of(Slot.PROVIDER)
    method = SavedMethod(reference="card_1", brand="visa", last_four="4242", expires_year=2030)
    for verb, said in (("fetch_method", method), ("knows_customer", True), ("open_customer", "c")):
        kind = verbs[verb].kind_of(said)
        assert kind is not None
        packed = msgspec.Raw(msgspec.msgpack.encode(said))
        assert verbs[verb].unpack(kind, packed) == said


def test_who_says_that_it_keeps_methods_and_cannot_is_not_used() -> None:
    class Boasts(Specimen):
        manifest = KEEPING

    plugins = Plugins([("boasts", Boasts())])
    assert plugins.provider(KEEPING.id) is None
    assert "open_customer" in (plugins.reports[0].problem or "")
