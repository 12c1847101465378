"""A dry run says what a draft would have made of payments, and nothing of it happens."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import DECLINED, MANIFEST, UNKNOWN, Scripted
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.web import Web
from tests.pipelines.gates import Gate

from guildbank.infra.egress import Egress
from guildbank.kernel import Refusal
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.pipelines import Route, Stages, Step
from guildbank.pipelines.contracts import Answer, Placed, Share, When
from guildbank.pipelines.usecases.check import find_problems
from guildbank.pipelines.usecases.dry_run import Replayed, dry_run, recorded_answer
from guildbank.plugin_api import Annotated, Context, PurchaseView, Slot, Veto

MONEY = "SELECT count(*) FROM journal_entry"


class Caller(Gate):
    """A gate that may call its game's server, and says what it was told to."""

    def __init__(self) -> None:
        super().__init__("caller", egress_hosts=("game.example",))
        self.calls = 0
        self.refuses = False

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        self.calls += 1
        if self.refuses:
            return Veto(code="no_longer", detail="Not today.")
        return Annotated(annotations={"tier": "gold"})


class Nosy(Gate):
    """A gate that only computes, and still tries to call somebody."""

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        await context.http.send("GET", "http://127.0.0.1:9/")
        return Annotated()


class Far(Gate):
    """A gate whose settings say whom it calls."""

    def __init__(self) -> None:
        super().__init__("far", egress_hosts=("*",))
        url = {"type": "string", "format": "uri"}
        schema = {"type": "object", "additionalProperties": False, "properties": {"url": url}}
        self.manifest = msgspec.structs.replace(self.manifest, settings_schema=schema)


class Lab(Shop):
    """A shop with a second provider and gates of all kinds."""

    caller: Caller
    gate: Gate
    second: Scripted


@pytest.fixture
async def lab(house: House) -> Lab:
    second = Scripted(msgspec.structs.replace(MANIFEST, id="second"))
    caller, gate = Caller(), Gate()
    shop = await open_shop(
        house,
        plugins=(
            ("second", second), ("caller", caller), ("gate", gate),
            ("nosy", Nosy("nosy")), ("door", Gate("door", Slot.ENTRY)),
        ),
    )  # fmt: skip
    made = await configure_provider(
        shop.payments, shop.tenant, "second", {"secret": SECRET}, enabled=True
    )
    assert not isinstance(made, Refusal), made
    shop.__class__ = Lab
    assert isinstance(shop, Lab)
    shop.caller, shop.gate, shop.second = caller, gate, second
    return shop


async def run(lab: Lab, stages: Stages) -> list[Replayed]:
    found = await dry_run(lab.payments.pipelines, lab.tenant, "packs", stages, 50)
    assert not isinstance(found, Refusal), found
    return found


def to(*providers: str) -> Route:
    return Route("all", tuple(Share(one) for one in providers))


async def entries(lab: Lab) -> int:
    async with lab.house.db.begin(lab.tenant.schema, read_only=True) as tx:
        return int(await tx.driver.fetchval(MONEY))


async def test_a_draft_that_changes_nothing_says_so(lab: Lab) -> None:
    stages = Stages(before=(Step("look", "gate", {"word": "fine"}),), routes=(to("scripted"),))
    await lab.publish_stages(stages)
    player = await lab.player()
    await lab.buy(player, provider=None)
    lab.script.on_create = DECLINED
    await lab.buy(player, provider=None)
    found = await run(lab, stages)
    assert [one.changed for one in found] == [(), ()]
    assert [one.unknown for one in found] == [(), ()]


async def test_a_stricter_gate_shows_who_would_not_have_bought(lab: Lab) -> None:
    paid = await lab.buy(await lab.player())
    before = await entries(lab)
    [one] = await run(lab, Stages(before=(Step("strict", "gate", {"veto": True}),)))
    assert one.payment_id == paid.id
    assert set(one.changed) == {"outcome", "problem", "refused_by", "postings"}
    assert (one.before.outcome, one.after.outcome) == ("credited", "failed")
    assert (one.after.problem, one.after.refused_by) == ("purchase_vetoed", "strict")
    assert (len(one.before.postings), one.after.postings) == (3, ())
    assert await entries(lab) == before


async def test_other_routes_show_where_the_money_would_have_gone(lab: Lab) -> None:
    await lab.publish_stages(Stages(routes=(to("scripted"),)))
    await lab.buy(await lab.player(), provider=None)
    asked = len(lab.second.requests)
    [one] = await run(lab, Stages(routes=(to("second"),)))
    assert set(one.changed) == {"provider", "postings"}
    assert one.after.postings[0].debit == "house/provider:second"
    assert one.unknown == ("second was never asked: it is taken to say what was said",)
    assert len(lab.second.requests) == asked
    japan = Route("japan", (Share("second"),), When(countries=("JP",)))
    [one] = await run(lab, Stages(routes=(japan,)))
    assert (one.after.outcome, one.after.problem) == ("refused", "no_route")


async def test_the_postings_shown_are_those_that_were_booked(lab: Lab) -> None:
    player = await lab.player()
    paid = await lab.buy(player)
    [one] = await run(lab, Stages(before=(Step("strict", "gate", {"veto": True}),)))
    async with lab.house.db.begin(lab.tenant.schema, read_only=True) as tx:
        rows = await tx.driver.fetch(
            "SELECT debited.owner || '/' || debited.bucket, credited.owner || '/' || "
            "credited.bucket, credited.asset, transfer.amount FROM ledger_transfer AS transfer "
            "JOIN ledger_account AS debited ON debited.id = transfer.debit "
            "JOIN ledger_account AS credited ON credited.id = transfer.credit "
            "WHERE transfer.seq = $1 ORDER BY transfer.leg",
            (await lab.dossier(paid)).intent.credited_seq,
        )
    shown = [(line.debit, line.credit, line.asset, line.amount) for line in one.before.postings]
    assert shown == [tuple(row) for row in rows]


async def test_steps_that_call_somebody_are_answered_from_the_record(lab: Lab) -> None:
    asking = Stages(before=(Step("ask", "caller"), Step("look", "gate")))
    await lab.publish_stages(asking)
    await lab.buy(await lab.player())
    calls, lab.caller.refuses = lab.caller.calls, True
    [one] = await run(lab, asking)
    assert (one.changed, one.unknown) == ((), ())
    assert lab.gate.seen[-1][1].annotations["ask.tier"] == "gold"
    [one] = await run(lab, Stages(before=(Step("other", "caller"),)))
    assert one.unknown == ("other was never asked: it is taken to agree",)
    assert lab.caller.calls == calls


async def test_a_recorded_veto_is_a_veto_in_the_dry_run_too(lab: Lab) -> None:
    lab.caller.refuses = True
    await lab.publish_stages(Stages(before=(Step("ask", "caller"),)))
    await lab.buy(await lab.player())
    lab.caller.refuses = False
    [one] = await run(lab, Stages(before=(Step("ask", "caller"),)))
    assert one.changed == ()
    [one] = await run(lab, Stages(entry=(Step("door", "door"),)))
    assert (one.before.outcome, one.after.outcome) == ("failed", "unknown")
    assert one.unknown == ("scripted was never asked",)


async def test_nothing_leaves_the_server_even_where_a_step_tries(lab: Lab) -> None:
    await lab.buy(await lab.player())
    [one] = await run(lab, Stages(before=(Step("nosy", "nosy"),)))
    assert (one.after.problem, one.after.refused_by) == ("gate_unavailable", "nosy")


async def test_payments_under_way_are_left_out(lab: Lab) -> None:
    lab.script.on_create = UNKNOWN
    await lab.buy(await lab.player())
    assert await run(lab, Stages(routes=(to("second"),))) == []


def with_a_listener(lab: Lab) -> None:
    teller, text = Gate("tell", Slot.CALLBACK), {"type": "string"}
    properties = {"url": text, "word": text, "events": {"type": "array", "items": text}}
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    teller.manifest = msgspec.structs.replace(teller.manifest, settings_schema=schema)
    lab.payments.pipelines.plugins._slots[Slot.CALLBACK]["tell"] = teller


async def test_other_callbacks_are_shown(lab: Lab) -> None:
    await lab.buy(await lab.player())
    with_a_listener(lab)
    [one] = await run(lab, Stages(callbacks=(Step("crm", "tell"),)))
    assert (one.changed, one.after.callbacks) == (("callbacks",), (Step("crm", "tell"),))


@pytest.mark.parametrize(
    "moved",
    [
        {"url": "https://elsewhere.example/", "events": ["payments.credited"]},
        {"url": "https://game.example/", "events": ["payments.refunded"]},
    ],
    ids=["address", "events"],
)
async def test_a_callback_that_is_led_elsewhere_or_told_of_less_is_shown(
    lab: Lab, moved: dict[str, Any]
) -> None:
    with_a_listener(lab)
    was = {"url": "https://game.example/", "events": ["payments.credited"]}
    ran = Stages(callbacks=(Step("crm", "tell", was),))
    await lab.publish_stages(ran)
    await lab.buy(await lab.player())
    assert [one.changed for one in await run(lab, ran)] == [()]
    [one] = await run(lab, Stages(callbacks=(Step("crm", "tell", moved),)))
    assert one.changed == ("callbacks",)
    assert (one.before.callbacks[0].settings, one.after.callbacks[0].settings) == (was, moved)


async def test_what_became_a_secret_of_a_callback_is_not_shown(lab: Lab) -> None:
    with_a_listener(lab)
    await lab.publish_stages(Stages(callbacks=(Step("crm", "tell", {"word": "hush"}),)))
    await lab.buy(await lab.player())
    teller = lab.payments.pipelines.plugins.at(Slot.CALLBACK, "tell")
    assert isinstance(teller, Gate)
    secret = frozenset({"word"})
    teller.manifest = msgspec.structs.replace(teller.manifest, secret_fields=secret)
    [one] = await run(lab, Stages(before=(Step("look", "gate"),)))
    assert one.before.callbacks == (Step("crm", "tell", {"word": "***"}),)


async def test_an_answer_to_other_settings_is_taken_and_listed_as_unknown(lab: Lab) -> None:
    await lab.publish_stages(Stages(before=(Step("ask", "caller", {"word": "old"}),)))
    paid = await lab.buy(await lab.player())
    [one] = await run(lab, Stages(before=(Step("ask", "caller", {"word": "new"}),)))
    told = "ask was asked with other settings then: it is taken to say what it said"
    assert (one.payment_id, one.changed, one.unknown) == (paid.id, (), (told,))


async def test_a_veto_of_then_is_none_of_a_step_that_may_be_skipped_by_now(lab: Lab) -> None:
    asking = Stages(before=(Step("ask", "caller"),))
    lab.caller.refuses = True
    await lab.publish_stages(asking)
    await lab.buy(await lab.player())
    lab.caller.manifest = msgspec.structs.replace(lab.caller.manifest, fail_closed=False)
    [one] = await run(lab, asking)
    assert (one.before.refused_by, one.after.refused_by) == ("ask", None)


async def test_no_address_of_a_draft_is_looked_up(lab: Lab) -> None:
    looked: list[str] = []

    async def look_up(host: str, port: int) -> Sequence[str]:
        looked.append(host)
        return ("203.0.114.7",)

    await lab.buy(await lab.player())
    pipelines = lab.payments.pipelines
    pipelines.egress = Egress(resolve=look_up)
    pipelines.plugins._slots[Slot.MIDDLEWARE]["far"] = Far()
    stages = Stages(before=(Step("ask", "far", {"url": "https://game.example/"}),))
    await run(lab, stages)
    assert looked == []
    assert await find_problems(pipelines, lab.tenant, "packs", stages) == []
    assert looked == ["game.example"]


async def test_a_draft_is_tried_over_http(lab: Lab) -> None:
    await lab.buy(await lab.player())
    async with await Web(lab).machine() as server:
        path = "/v1/pipelines/packs/dry-run"
        strict = {"id": "strict", "plugin": "gate", "settings": {"veto": True}}
        told = (await server.post(path, json={"stages": {"before": [strict]}})).json()
        assert (told["replayed"], told["same"], told["unknown"]) == (1, 0, {})
        assert told["items"][0]["changed"] == ["outcome", "problem", "refusedBy", "postings"]
        bad = await server.post(path, json={"stages": {"before": [{**strict, "plugin": "no"}]}})
        assert (bad.status_code, bad.json()["field"]) == (422, "stages.before.0.plugin")


def test_an_answer_to_a_check_of_another_revision_is_taken_and_listed_as_unknown() -> None:
    said = Answer(slot=Slot.MIDDLEWARE, step="ask", plugin="caller", verdict="passed")
    unknown: list[str] = []
    asked = Placed(Slot.MIDDLEWARE, Step("ask", "caller"))
    assert recorded_answer([said], asked, Stages(), unknown) == said
    assert unknown == [
        "ask was asked with settings that are not known: it is taken to say what it said"
    ]
