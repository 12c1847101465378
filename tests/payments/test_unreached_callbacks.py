"""A callback step that nobody answers is tried ten times, then disabled until somebody helps."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.payments.test_timeline import follow, timeline
from tests.payments.turns import turn
from tests.payments.web import Web

from guildbank.kernel import Refusal, new_id
from guildbank.payments.personal import PERSONAL
from guildbank.payments.usecases.callbacks import deliver_callbacks
from guildbank.payments.usecases.list_callbacks import list_callbacks
from guildbank.payments.usecases.replay_callbacks import replay_callbacks
from guildbank.pipelines import Stages, Step
from guildbank.plugin_api import CallbackEvent, Context, Delivered, Manifest, Slot


class Peer:
    """A callback plugin whose peer is away for a while; it answers with a note."""

    manifest = Manifest(
        id="peer", version="1", slot=Slot.CALLBACK, title="Peer",
        settings_schema={
            "type": "object", "additionalProperties": False,
            "properties": {"door": {"type": "string"}},
        },
    )  # fmt: skip

    def __init__(self) -> None:
        self.away = False
        self.note = "200 thank you"
        self.asked: list[CallbackEvent] = []
        self.took: list[CallbackEvent] = []
        self.doors: list[object] = []

    async def deliver(self, context: Context, event: CallbackEvent) -> Delivered:
        self.asked.append(event)
        self.doors.append(context.settings.get("door"))
        if self.away:
            raise RuntimeError("answered 503:\n\x00 closed " + "x" * 5_000)
        self.took.append(event)
        return Delivered(note=self.note)


@pytest.fixture
async def shop(house: House) -> Shop:
    shop = await open_shop(house, plugins=(("peer", Peer()),))
    await shop.publish(callbacks=[("tell", "peer")])
    await follow(shop)
    return shop


def peer_of(shop: Shop) -> Peer:
    peer = shop.payments.plugins.at(Slot.CALLBACK, "peer")
    assert isinstance(peer, Peer)
    return peer


async def tell(shop: Shop, **later: float) -> int:
    """Let time pass; return how many events were told."""
    shop.clock.by += timedelta(**later)
    await follow(shop)
    return await turn(deliver_callbacks, shop.payments, shop.tenant)


async def give_up(shop: Shop) -> None:
    """Let the peer be away until nobody tries any more."""
    peer_of(shop).away = True
    for _ in range(15):
        assert await tell(shop, hours=13) == 0


async def disabled(shop: Shop) -> list[Mapping[str, Any]]:
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        rows = await tx.driver.fetch(
            "SELECT data::jsonb ->> 'step' AS step, (data::jsonb ->> 'tries')::int AS tries "
            "FROM journal_entry WHERE kind = 'payments.callback_disabled' ORDER BY seq"
        )
    return [dict(row) for row in rows]


async def test_after_ten_tries_nothing_more_is_sent_and_an_entry_says_so(shop: Shop) -> None:
    await shop.buy(await shop.player())
    await give_up(shop)
    peer = peer_of(shop)
    assert len(peer.asked) == 10
    assert {event.kind for event in peer.asked} == {"payments.created"}
    assert await disabled(shop) == [{"step": "tell", "tries": 10}]
    (stands,) = await list_callbacks(shop.payments, shop.tenant, ("", ""), 10)
    assert (stands.step, stands.waiting, stands.tries) == ("tell", 3, 10)
    assert stands.disabled_at is not None
    assert (stands.problem or "").startswith("answered 503: closed xxx")
    assert len(stands.problem or "") == 1_000


async def test_a_step_that_an_earlier_version_kept_events_for_is_disabled_too(shop: Shop) -> None:
    await shop.buy(await shop.player())
    await follow(shop)
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute("DELETE FROM payments_callback")
    await give_up(shop)
    assert len(peer_of(shop).asked) == 10
    assert await disabled(shop) == [{"step": "tell", "tries": 10}]


async def test_the_pauses_between_tries_grow_up_to_a_day_in_all(shop: Shop) -> None:
    await shop.buy(await shop.player())
    peer_of(shop).away = True
    await follow(shop)
    pauses = []
    for tries in range(1, 10):
        await turn(deliver_callbacks, shop.payments, shop.tenant)
        (stands,) = await list_callbacks(shop.payments, shop.tenant, ("", ""), 10)
        assert stands.tries == tries
        assert stands.next_at is not None
        pause = stands.next_at - shop.clock.now()
        pauses.append(pause)
        assert await turn(deliver_callbacks, shop.payments, shop.tenant) == 0
        assert len(peer_of(shop).asked) == tries, "it was tried before its time"
        shop.clock.by += pause
    assert all(one < other for one, other in pairwise(pauses))
    assert timedelta(hours=17) < sum(pauses, timedelta()) < timedelta(hours=24)


async def test_tries_count_anew_after_each_event_that_was_taken(shop: Shop) -> None:
    peer = peer_of(shop)
    for _ in range(4):
        await shop.buy(await shop.player())
        peer.away = True
        for _ in range(5):
            await tell(shop, hours=13)
        peer.away = False
        assert await tell(shop, hours=13) == 3
    assert await disabled(shop) == []


async def test_what_came_meanwhile_is_told_in_order_once_the_step_is_enabled(shop: Shop) -> None:
    player = await shop.player()
    first = await shop.buy(player)
    await give_up(shop)
    second = await shop.buy(player)
    peer = peer_of(shop)
    peer.away, before = False, len(peer.asked)
    assert await tell(shop, days=3) == 0
    assert len(peer.asked) == before
    async with await Web(shop).machine() as http:
        enabled = await http.post("/v1/callbacks/packs/tell/enable")
        assert enabled.json() == {"purpose": "packs", "step": "tell"}
    assert await tell(shop) == 6
    told = [(event.data["payment"], event.kind.removeprefix("payments.")) for event in peer.took]
    assert told == [
        (one.id, kind) for one in (first, second) for kind in ("created", "attempted", "credited")
    ]


async def test_what_waits_is_told_where_the_step_leads_now(shop: Shop) -> None:
    def at(door: str, name: str = "tell") -> Stages:
        return Stages(callbacks=(Step(name, "peer", {"door": door}),))

    await shop.publish_stages(at("old"))
    await shop.buy(await shop.player())
    peer = peer_of(shop)
    peer.away = True
    await tell(shop)
    await shop.publish_stages(at("new"))
    peer.away = False
    assert await tell(shop, hours=1) == 3
    assert peer.doors == ["old", "new", "new", "new"]
    await shop.buy(await shop.player())
    await follow(shop)
    await shop.publish_stages(at("elsewhere", "another"))
    assert await tell(shop) == 3
    assert peer.doors[4:] == ["new"] * 3, "a step under another name is another step"


async def test_a_step_that_fails_on_after_it_was_enabled_is_tried_ten_times_again(
    shop: Shop,
) -> None:
    await shop.buy(await shop.player())
    await give_up(shop)
    async with await Web(shop).machine() as http:
        assert (await http.post("/v1/callbacks/packs/tell/enable")).status_code == 200
    await give_up(shop)
    assert len(peer_of(shop).asked) == 20
    assert len(await disabled(shop)) == 2


async def test_what_waits_for_a_disabled_step_can_be_given_up(shop: Shop) -> None:
    paid = await shop.buy(await shop.player())
    await give_up(shop)
    peer = peer_of(shop)
    peer.away = False
    async with await Web(shop).machine() as http:
        skipped = await http.post("/v1/callbacks/packs/tell/skip")
        assert skipped.json() == {"purpose": "packs", "step": "tell", "events": 3}
        again = await http.post("/v1/callbacks/packs/tell/skip")
        assert (again.status_code, again.json()["code"]) == (409, "callback_not_disabled")
        assert (await http.post("/v1/callbacks/packs/nobody/skip")).status_code == 404
    assert await tell(shop) == 0
    given_up = [one for one in await timeline(shop, paid) if one.kind == "callback.given_up"]
    assert len(given_up) == 3
    assert given_up[0].facts["problem"].startswith("answered 503")
    assert given_up[1].facts["problem"] == "An operator gave up what waited."
    next_one = await shop.buy(await shop.player())
    assert await tell(shop) == 3
    assert {event.data["payment"] for event in peer.took} == {next_one.id}
    assert await replay_callbacks(shop.payments, shop.tenant, "app", paid.id, "tell") == 3
    assert await tell(shop) == 3
    assert {event.data["payment"] for event in peer.took} == {next_one.id, paid.id}


async def test_what_a_payment_told_is_told_again_with_the_same_ids(shop: Shop) -> None:
    paid, other = await shop.buy(await shop.player()), await shop.buy(await shop.player())
    assert await tell(shop) == 6
    peer = peer_of(shop)
    first = [event for event in peer.took if event.data["payment"] == paid.id]
    peer.took.clear()
    assert await replay_callbacks(shop.payments, shop.tenant, "app", paid.id, "tell") == 3
    assert await tell(shop) == 3
    assert peer.took == first
    assert await tell(shop) == 0, "that it was replayed is told to nobody"
    (said,) = [one for one in await timeline(shop, paid) if one.kind.endswith("_replayed")]
    assert (said.by, said.facts["step"], said.facts["events"]) == ("app", "tell", 3)
    assert [one for one in await timeline(shop, other) if one.kind.endswith("_replayed")] == []


async def test_a_replay_of_what_nobody_was_told_is_refused(shop: Shop) -> None:
    paid = await shop.buy(await shop.player())
    await tell(shop)
    for payment, step in ((paid.id, "other"), (new_id("pay"), "tell"), ("pay_1", "tell")):
        refused = await replay_callbacks(shop.payments, shop.tenant, "app", payment, step)
        assert isinstance(refused, Refusal)
        assert refused.code == "not_found"


async def test_the_timeline_keeps_two_kilobytes_of_an_answer_until_the_person_is_erased(
    shop: Shop,
) -> None:
    peer = peer_of(shop)
    peer.note = "200 \x00" + "ü" * 3_000
    player = await shop.player()
    paid = await shop.buy(player)
    await tell(shop)
    told = [one for one in await timeline(shop, paid) if one.kind == "callback.told"]
    assert [one.facts["answer"] for one in told] == ["200 " + "ü" * 1_022] * 3
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        for statement in [forget for one in PERSONAL for forget in one.erase]:
            await tx.driver.execute(statement, player)
    told = [one for one in await timeline(shop, paid) if one.kind == "callback.told"]
    assert [one.facts["answer"] for one in told] == [None] * 3


async def test_only_who_may_publish_enables_and_no_player_sees_who_is_told(shop: Shop) -> None:
    player = await shop.player()
    paid = await shop.buy(player)
    await tell(shop)
    web = Web(shop)
    replay = f"/v1/payments/{paid.id}/callbacks/tell/replay"
    async with await web.player(player) as me:
        assert (await me.get("/v1/callbacks")).status_code == 403
        assert (await me.post(replay)).status_code == 403
    async with await web.machine("payments:read", "payments:write") as support:
        page = (await support.get("/v1/callbacks")).json()
        assert [(one["step"], one["waiting"]) for one in page["items"]] == [("tell", 0)]
        assert (await support.post(replay)).json()["events"] == 3
        assert (await support.post("/v1/callbacks/packs/tell/enable")).status_code == 403
    async with await web.machine() as owner:
        assert (await owner.post("/v1/callbacks/packs/nobody/enable")).status_code == 404


async def test_the_steps_are_listed_page_by_page(shop: Shop) -> None:
    await shop.publish(callbacks=[(name, "peer") for name in ("c", "a", "b")])
    await shop.buy(await shop.player())
    await follow(shop)
    async with await Web(shop).machine() as http:
        first = (await http.get("/v1/callbacks", params={"limit": 2})).json()
        rest = (await http.get("/v1/callbacks", params={"after": first["next"]})).json()
    assert [one["step"] for one in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["next"] is None
