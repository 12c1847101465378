"""A hold ends by release or by its time, and then its coins are the player's to spend."""

import asyncio

from tests.studio import City, Studio, done, refused

from guildbank.app.rooms import all_rooms, jobs_of
from guildbank.tenancy import suspend_tenant
from guildbank.wallets.jobs import expire_holds


async def test_released_coins_can_be_spent(studio: Studio, player: str) -> None:
    await studio.grant(player, 10)
    hold = (await studio.hold(player, 10))["holdId"]
    answer = done(await studio.post(f"/v1/holds/{hold}/release", key="k"))
    assert (answer["state"], answer["left"]) == ("released", 0)
    assert answer["transaction"]["available"] == 10
    again = done(await studio.post(f"/v1/holds/{hold}/release", key="k"))
    assert again == answer
    assert refused(await studio.post(f"/v1/holds/{hold}/release")) == (422, "hold_closed")
    assert refused(await studio.post(f"/v1/holds/{hold}/capture", {})) == (422, "hold_closed")
    await studio.spend(player, 10)


async def test_an_expired_hold_cannot_be_captured_even_before_the_worker_came(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 10)
    hold = (await studio.hold(player, 10, expiresInSeconds=1))["holdId"]
    await asyncio.sleep(1.1)
    assert refused(await studio.post(f"/v1/holds/{hold}/capture", {})) == (422, "hold_expired")
    assert refused(await studio.post(f"/v1/holds/{hold}/release")) == (422, "hold_expired")
    assert await expire_holds(studio.city.services.wallets, studio.ref) == 1
    read = done(await studio.http.get(f"/v1/holds/{hold}"))
    assert (read["state"], read["left"]) == ("expired", 0)
    assert refused(await studio.post(f"/v1/holds/{hold}/capture", {})) == (422, "hold_expired")
    await studio.spend(player, 10)


async def test_the_worker_ends_due_holds_of_every_tenant_and_no_others(
    studio: Studio, rival: Studio, player: str
) -> None:
    theirs = await rival.player()
    await studio.grant(player, 10)
    await rival.grant(theirs, 10)
    await studio.hold(player, 4, expiresInSeconds=1)
    await studio.hold(player, 5, expiresInSeconds=600)
    await rival.hold(theirs, 6, expiresInSeconds=1)
    await asyncio.sleep(1.1)
    (job,) = [job for job in jobs_of(all_rooms()) if job.name == "wallets.expire_holds"]
    await job.run(studio.city.services)
    assert (await studio.wallet(player))["held"] == 5
    assert (await rival.wallet(theirs))["held"] == 0
    assert await expire_holds(studio.city.services.wallets, studio.ref) == 0


async def test_holds_of_a_suspended_tenant_wait(city: City, studio: Studio, player: str) -> None:
    await studio.grant(player, 10)
    await studio.hold(player, 4, expiresInSeconds=1)
    await suspend_tenant(city.services.tenancy, studio.ref.slug)
    await asyncio.sleep(1.1)
    assert await expire_holds(city.services.wallets, studio.ref) == 0
    assert (await studio.wallet(player))["held"] == 4


async def test_a_partly_captured_hold_expires_with_its_rest(studio: Studio, player: str) -> None:
    await studio.grant(player, 10)
    hold = (await studio.hold(player, 10, expiresInSeconds=1))["holdId"]
    done(await studio.post(f"/v1/holds/{hold}/capture", {"amount": 4}))
    await asyncio.sleep(1.1)
    await expire_holds(studio.city.services.wallets, studio.ref)
    wallet = await studio.wallet(player)
    assert (wallet["total"], wallet["held"]) == (6, 0)


async def test_coins_that_come_free_pay_a_debt_first(studio: Studio, player: str) -> None:
    await studio.grant(player, 50)
    await studio.paid(player, 50)
    hold = await studio.hold(player, 80)
    await studio.owe(player, 60)
    answer = done(await studio.post(f"/v1/holds/{hold['holdId']}/release"))
    moved = answer["transaction"]
    assert (moved["balance"], moved["available"], moved["debt"]) == (40, 40, 0)
    assert await studio.buckets(player) == {"paid": 40}
    await studio.spend(player, 40)


async def test_coins_that_come_free_pay_no_more_of_a_debt_than_they_are(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 50)
    hold = await studio.hold(player, 10)
    await studio.owe(player, 60)
    done(await studio.post(f"/v1/holds/{hold['holdId']}/release"))
    assert await studio.buckets(player) == {"free": 40, "debt": 50}
