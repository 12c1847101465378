"""What it costs to know who calls: checks of keys, tokens and scopes, sign-ins, an import."""

import asyncio
from collections.abc import Awaitable, Callable
from statistics import median
from time import perf_counter
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from bench.load import PASSWORD, Told
from bench.servers import Server, cpu_seconds, send, serve
from bench.sheet import Figure, Sheet
from bench.town import Town
from guildbank.identity import Authenticator, mint_player_token
from guildbank.identity.usecases.players.import_players import (
    AT_ONCE,
    ImportLine,
    Taken,
    import_players,
)
from guildbank.infra.http import Caller, scope
from guildbank.kernel import Refusal

CHECKS = 2_000
COLD_CHECKS = 300
ROUNDS = 3
SECONDS = 3.0
LOGINS = 50
"""Sign-ins at the same time."""
PEOPLE = 64
IMPORTED = 100_000
SPENDING = 16
Check = Callable[[int], Awaitable[object]]


class _Round(NamedTuple):
    """Microseconds by check, and of a whole request: CPU under load, and waiting alone."""

    warm: dict[str, float]
    cold: dict[str, float]
    cpu_us: float
    alone_us: float


async def measure(town: Town, sheet: Sheet) -> None:
    """Time each check in this process, and weigh it against a whole request of a server."""
    figures: dict[str, Figure] = {"access.logins_at_once": LOGINS, "access.imported": IMPORTED}
    await _import(town, figures)
    async with serve(town, 1, GUILDBANK_TRUSTED_PROXIES="127.0.0.1/32") as server:
        # By turns, since a request waits for a disk that is not always as fast.
        rounds = [
            _Round(*await _checks(town, number), *await _whole(town, server))
            for number in range(ROUNDS)
        ]
        figures["access.request_cpu_us"] = median(one.cpu_us for one in rounds)
        figures["access.request_alone_us"] = median(one.alone_us for one in rounds)
        for name in rounds[0].warm:
            figures[f"access.{name}.warm_us"] = median(one.warm[name] for one in rounds)
            figures[f"access.{name}.warm_share"] = median(
                one.warm[name] / one.cpu_us for one in rounds
            )
        for name in rounds[0].cold:
            figures[f"access.{name}.cold_us"] = median(one.cold[name] for one in rounds)
            figures[f"access.{name}.cold_share"] = median(
                one.cold[name] / one.alone_us for one in rounds
            )
        await _logins(town, server, figures)
    sheet.keep(figures)
    sheet.show(
        "Knowing who calls, in microseconds",
        ["check", "warm", "of a request's CPU", "cold", "of a request alone"],
        [
            [
                name,
                f"{figures[f'access.{name}.warm_us']:.1f}",
                f"{figures[f'access.{name}.warm_share']:.1%}",
                *_cold(figures, name),
            ]
            for name in rounds[0].warm
        ],
    )
    sheet.say(
        f"Sign-ins a second, {LOGINS} at once: {figures['access.logins_per_second']:.1f}; spends "
        f"beside them wait {figures['access.spend_p99_ratio']:.2f} times as long at p99"
    )
    sheet.say(f"{IMPORTED:,} players imported in {figures['access.import_seconds']:.1f} s")


def _cold(figures: dict[str, Figure], name: str) -> tuple[str, str]:
    if f"access.{name}.cold_us" not in figures:
        return "", ""
    return f"{figures[f'access.{name}.cold_us']:.0f}", f"{figures[f'access.{name}.cold_share']:.1%}"


async def _checks(town: Town, number: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return microseconds by check, with caches warm and cold: each round meets new players."""
    services = town.services
    ask = Authenticator(services.identity)
    key = {"host": "127.0.0.1", "authorization": f"Bearer {town.token}"}
    machine = await ask(key, "/v1/spends")
    tokens = []
    for player in town.players[number * COLD_CHECKS : (number + 1) * COLD_CHECKS]:
        minted = await mint_player_token(services.identity, town.tenant, player)
        if isinstance(minted, Refusal):
            raise RuntimeError(minted.detail)
        tokens.append({"host": "127.0.0.1", "authorization": f"Bearer {minted.token}"})
    guard = scope("wallets:spend")
    if not isinstance(machine, Caller):
        raise RuntimeError(f"the key is not accepted: {machine!r}")
    connection = cast(Any, SimpleNamespace(scope={"user": machine}))

    async def cold_key(_: int) -> object:
        services.identity.keys.forget()
        return await ask(key, "/v1/spends")

    cold = {
        "key": await _time(cold_key, COLD_CHECKS),
        "token": await _time(lambda n: ask(tokens[n], "/v1/spends"), COLD_CHECKS),
    }
    warm = {
        "key": await _time(lambda _: ask(key, "/v1/spends"), CHECKS),
        "token": await _time(lambda _: ask(tokens[0], "/v1/spends"), CHECKS),
        "permission": await _time(lambda _: guard(connection, cast(Any, None)), CHECKS),
    }
    return warm, cold


async def _time(check: Check, times: int) -> float:
    """Return the median of microseconds that a check takes; a refusal is a defect."""
    took = []
    for number in range(times):
        began = perf_counter()
        found = await check(number)
        took.append(1e6 * (perf_counter() - began))
        if isinstance(found, Refusal):
            raise RuntimeError(found.detail)
    return median(took)


async def _whole(town: Town, server: Server) -> tuple[float, float]:
    """Return microseconds of a spend: CPU of the worker under load, and waiting alone."""
    (worker,) = server.workers()
    await send(town, server, town.players, 64, 1.0)
    before = cpu_seconds(worker)
    told = await send(town, server, town.players, 64, SECONDS)
    spent = cpu_seconds(worker) - before
    # What was sent while it warmed up is not among the answers, but cost as much.
    share = told.seconds / (told.seconds + told.warm_seconds)
    alone = await send(town, server, town.players, 1, SECONDS)
    return 1e6 * spent * share / told.operations, 1_000 * alone.p50_ms


async def _import(town: Town, figures: dict[str, Figure]) -> None:
    """Bring players along, the first of them with a password that `_logins` knows."""
    identity = town.services.identity
    stored = await identity.passwords.hash(PASSWORD)
    lines = [
        ImportLine(external_id=f"old-{number}", username=f"person{number}", password_hash=stored)
        for number in range(IMPORTED)
    ]
    began = perf_counter()
    for start in range(0, IMPORTED, AT_ONCE):
        for outcome in await import_players(identity, town.tenant, lines[start : start + AT_ONCE]):
            if not isinstance(outcome, Taken):
                raise RuntimeError(outcome.detail)
    figures["access.import_seconds"] = perf_counter() - began


async def _logins(town: Town, server: Server, figures: dict[str, Figure]) -> None:
    people = [f"person{number}" for number in range(PEOPLE)]
    quiet: list[Told] = []
    busy: list[Told] = []
    logins: list[Told] = []
    for number in range(ROUNDS + 1):
        seconds = SECONDS if number else 1.0
        one = await send(town, server, town.players, SPENDING, seconds)
        beside, signed_in = await asyncio.gather(
            send(town, server, town.players, SPENDING, seconds),
            send(town, server, people, LOGINS, seconds, logins=True),
        )
        if number:
            quiet.append(one)
            busy.append(beside)
            logins.append(signed_in)
    figures["access.logins_per_second"] = median(one.operations / one.seconds for one in logins)
    figures["access.login_p99_ms"] = median(one.p99_ms for one in logins)
    figures["access.spend_p99_ratio"] = median(
        b.p99_ms / q.p99_ms for q, b in zip(quiet, busy, strict=True)
    )
    figures["access.spend_p99_ms"] = median(one.p99_ms for one in busy)
