"""Guests play at once by a secret of ours, and stay the same player when they register."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.house import House
from tests.identity.abroad import PASSWORD, Game, assertion, done, open_game, refused

NUMBERS = iter(range(1_000))
UPGRADE = "/v1/guests/upgrade"


@pytest.fixture
async def game(house: House) -> AsyncIterator[Game]:
    async with open_game(house, f"guests-{next(NUMBERS)}") as game:
        yield game


@pytest.fixture
async def guest(game: Game) -> dict[str, Any]:
    return done(await game.web.post("/v1/guests"))


async def sign_in(game: Game, secret: str) -> Any:
    return await game.web.post("/v1/guests/sign-in", json={"guestSecret": secret})


async def test_a_guest_comes_back_by_the_secret(game: Game, guest: dict[str, Any]) -> None:
    again = done(await sign_in(game, guest["guestSecret"]))
    assert again["userId"] == guest["tokens"]["userId"]
    assert again["sessionId"] != guest["tokens"]["sessionId"]
    async with game.player(again) as player:
        methods = [one["methods"] for one in done(await player.get("/v1/sessions"))["items"]]
    assert methods == [["guest"], ["guest"]]


async def test_secrets_have_256_bits_and_only_a_hash_is_kept(game: Game) -> None:
    made = [done(await game.web.post("/v1/guests"))["guestSecret"] for _ in range(5)]
    assert len(set(made)) == 5
    assert {len(secret) for secret in made} == {len("gs_") + 43}
    for (row,) in await game.sql("SELECT t::text FROM identity_guest AS t"):
        assert not [secret for secret in made if secret in row or secret.encode().hex() in row]


@pytest.mark.parametrize("secret", ["gs_" + "x" * 43, "x", "00000000-device-id", "gs_é" + "x" * 42])
async def test_an_invented_secret_or_the_id_of_a_device_lets_nobody_in(
    game: Game, guest: dict[str, Any], secret: str
) -> None:
    assert refused(await sign_in(game, secret)) == (401, "login_failed")


async def test_a_guest_registers_and_stays_the_same_player(
    game: Game, guest: dict[str, Any]
) -> None:
    body = {"username": "grown-up", "email": "g@player.test", "password": PASSWORD, "locale": "de"}
    async with game.player(guest["tokens"]) as player:
        upgraded = done(await player.post(UPGRADE, json=body))
        assert upgraded["userId"] == guest["tokens"]["userId"]
        by_address = {"email": "other@player.test", "password": PASSWORD}
        for again in (body, by_address):
            assert refused(await player.post(UPGRADE, json=again)) == (409, "already_registered")
    for handle in ({"username": "grown-up"}, {"email": "g@player.test"}):
        tokens = done(await game.web.post("/login", json={**handle, "password": PASSWORD}))
        assert tokens["userId"] == guest["tokens"]["userId"]
    assert refused(await sign_in(game, guest["guestSecret"])) == (401, "login_failed")


async def test_a_name_that_is_somebodys_changes_nothing(game: Game, guest: dict[str, Any]) -> None:
    await game.register("paypal")
    async with game.player(guest["tokens"]) as player:
        # A Cyrillic a: it looks like the name that is taken.
        for name in ("paypal", "PayPal", "p\u0430ypal"):
            body = {"username": name, "password": PASSWORD}
            assert refused(await player.post(UPGRADE, json=body)) == (409, "username_taken")
    done(await sign_in(game, guest["guestSecret"]))


async def test_a_weak_password_changes_nothing(game: Game, guest: dict[str, Any]) -> None:
    async with game.player(guest["tokens"]) as player:
        body = {"username": "grown-up", "password": "password1"}
        assert refused(await player.post(UPGRADE, json=body)) == (422, "weak_password")
        assert refused(await player.post(UPGRADE, json={"password": PASSWORD})) == (
            422,
            "missing_field",
        )
    done(await sign_in(game, guest["guestSecret"]))


async def test_a_guest_links_an_account_and_the_secret_ends(
    game: Game, guest: dict[str, Any]
) -> None:
    async with game.player(guest["tokens"]) as player:
        done(await player.post("/v1/identities", json=assertion("grown up")))
    assert (await game.arrive("grown up"))["userId"] == guest["tokens"]["userId"]
    assert refused(await sign_in(game, guest["guestSecret"])) == (401, "login_failed")


async def test_a_guest_cannot_take_over_the_account_of_a_player(
    game: Game, guest: dict[str, Any]
) -> None:
    """Nor are the two wallets made one: the guest stays a guest."""
    await game.arrive("owner")
    async with game.player(guest["tokens"]) as player:
        answer = await player.post("/v1/identities", json=assertion("owner"))
        assert refused(answer) == (409, "identity_in_use")
        assert "never merged" in answer.json()["detail"]
    assert done(await sign_in(game, guest["guestSecret"]))["userId"] == guest["tokens"]["userId"]


async def test_an_upgrade_takes_a_recent_sign_in_which_the_secret_gives(
    game: Game, guest: dict[str, Any]
) -> None:
    game.clock.advance(timedelta(minutes=10))
    body = {"username": "grown-up", "password": PASSWORD}
    refreshing = {"refreshToken": guest["tokens"]["refreshToken"]}
    stale = done(await game.web.post("/v1/sessions/refresh", json=refreshing))
    async with game.player(stale) as player:
        assert refused(await player.post(UPGRADE, json=body)) == (403, "step_up_required")
    fresh = done(await sign_in(game, guest["guestSecret"]))
    async with game.player(fresh) as player:
        done(await player.post(UPGRADE, json=body))


async def test_two_upgrades_at_once_give_one_account(game: Game, guest: dict[str, Any]) -> None:
    async with game.player(guest["tokens"]) as player:
        answers = await asyncio.gather(
            *(
                player.post(UPGRADE, json={"username": f"name-{number}", "password": PASSWORD})
                for number in range(2)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await game.sql("SELECT 1 FROM identity_username")) == 1


async def test_who_came_from_elsewhere_adds_a_password(game: Game) -> None:
    tokens = await game.arrive("ann", email="ann@player.test", verified="yes", locale="fr")
    async with game.player(tokens) as player:
        body = {"username": "ann-too", "password": PASSWORD, "country": "FR"}
        assert done(await player.post(UPGRADE, json=body))["userId"] == tokens["userId"]
        (link,) = done(await player.get("/v1/identities"))["items"]
        assert (await player.delete(f"/v1/identities/{link['id']}")).status_code == 204
    rows = await game.sql("SELECT locale, country FROM identity_profile")
    assert [tuple(row) for row in rows] == [("fr", "FR")]
