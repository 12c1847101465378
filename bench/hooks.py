"""What hooks on verbs cost a spend: nothing where there are none, and how much where there are."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from time import monotonic, perf_counter
from timeit import timeit

from bench.sheet import Sheet
from bench.town import GEM, WHO, Town
from guildbank.kernel import Refusal, new_id
from guildbank.pipelines import Pipelines, Stages, Step, Wanted, publish, save_revision
from guildbank.wallets.contracts import Spend
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.operate import Request, operate, operate_each

CALLERS = 64
BULK = 2_000
ROUNDS = 7
SECONDS = 1.0
LOOKS = 1_000_000
RULE = {
    "name": "large spends",
    "when": "move.amount_minor > 1000",
    "then": {"veto": {"code": "too_large", "detail": "Too many at once."}},
}
UNAWARE, NONE, ONE = "code without hooks", "no hooks", "one rule"
SIDES = (UNAWARE, NONE, ONE)


async def measure(town: Town, sheet: Sheet) -> None:
    """Spend by the same use case in turn: unaware of hooks, without any, and with a rule."""
    services = town.services
    known = services.pipelines
    follower = asyncio.create_task(_stay_sure(known))
    try:
        looks = timeit(lambda: known.hooked.of(town.schema), number=LOOKS)
        single: dict[str, list[float]] = {side: [] for side in SIDES}
        bulk: dict[str, list[float]] = {side: [] for side in SIDES}
        revision = await _save(known, town)
        await town.checkpoint()
        for number in range(ROUNDS + 1):
            turn = number % len(SIDES)
            for side in (*SIDES[turn:], *SIDES[:turn]):
                await _publish(known, town, revision if side == ONE else 0)
                wallets = services.wallets
                if side == UNAWARE:
                    wallets = replace(wallets, pipelines=None)
                speed = await _single(wallets, town, SECONDS if number else 0.3)
                chunked = await _bulk(wallets, town)
                if number:
                    single[side].append(speed)
                    bulk[side].append(chunked)
        await _publish(known, town, 0)
    finally:
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
    sheet.keep(
        {
            "hooks.look_ns": looks / LOOKS * 1e9,
            "hooks.none_over_unaware.single": _ratio(single[NONE], single[UNAWARE]),
            "hooks.none_over_unaware.bulk": _ratio(bulk[NONE], bulk[UNAWARE]),
            "hooks.rule_over_none.single": _ratio(single[ONE], single[NONE]),
            "hooks.rule_over_none.bulk": _ratio(bulk[ONE], bulk[NONE]),
        }
    )
    sheet.show(
        f"Spends a second from Python: {CALLERS} callers, and one caller of {BULK:,}",
        ["hooks", "single", "over no hooks", "bulk", "over no hooks"],
        [
            [
                side,
                f"{median(single[side]):,.0f}",
                f"{_ratio(single[side], single[NONE]):.2f}",
                f"{median(bulk[side]):,.0f}",
                f"{_ratio(bulk[side], bulk[NONE]):.2f}",
            ]
            for side in SIDES
        ],
    )
    sheet.say(f"A look for hooks where there are none: {looks / LOOKS * 1e9:.0f} ns")


async def _stay_sure(pipelines: Pipelines) -> None:
    """Trust what this process publishes itself: nobody else does."""
    while True:
        pipelines.hooked.trust(monotonic())
        await asyncio.sleep(0.5)


async def _save(pipelines: Pipelines, town: Town) -> int:
    stages = Stages(before=(Step("small", "rule", {"rules": [RULE]}),))
    saved = await save_revision(pipelines, town.tenant, WHO, "spend", stages)
    if isinstance(saved, Refusal):
        raise RuntimeError(saved.detail)
    return saved.number


async def _publish(pipelines: Pipelines, town: Town, number: int) -> None:
    done = await publish(pipelines, town.tenant, WHO, Wanted(purpose="spend", number=number))
    if isinstance(done, Refusal):
        raise RuntimeError(done.detail)


def _spend(town: Town, number: int) -> Request:
    player = town.players[number * 7_919 % len(town.players)]
    return Request(Spend(player, GEM, 1), new_id("key"))


async def _single(wallets: Wallets, town: Town, seconds: float) -> float:
    spent, began = 0, perf_counter()

    async def call(first: int) -> None:
        nonlocal spent
        number = first
        while perf_counter() - began < seconds:
            answer = await operate(wallets, town.tenant, WHO, _spend(town, number))
            if isinstance(answer, Refusal):
                raise RuntimeError(answer.detail)
            spent, number = spent + 1, number + CALLERS

    await asyncio.gather(*(call(first) for first in range(CALLERS)))
    return spent / (perf_counter() - began)


async def _bulk(wallets: Wallets, town: Town) -> float:
    requests = [_spend(town, number) for number in range(BULK)]
    began = perf_counter()
    async for outcomes in operate_each(wallets, town.tenant, WHO, requests):
        bad = next((one for one in outcomes if isinstance(one, Refusal | Exception)), None)
        if bad is not None:
            raise RuntimeError(f"not accepted: {bad!r}")
    return BULK / (perf_counter() - began)


def _ratio(above: Sequence[float], below: Sequence[float]) -> float:
    return median(a / b for a, b in zip(above, below, strict=True))
