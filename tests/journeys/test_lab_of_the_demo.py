"""`guildbank up` comes with payment companies: the demo sells by them at once and later."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer

_WITHIN_SECONDS = 30
ALL = {"sandbox", "stripe", "paypal", "app_store", "google_play", "steam_wallet"}


class Shopper:
    """Somebody who has nothing but what a first start printed."""

    def __init__(self, shown: str) -> None:
        self.lab_url = found(r"provider lab +(http\S+)", shown)
        key = found(r"secret key of tenant demo +(\S+)", shown)
        self.http = httpx.Client(
            base_url=found(r"Guildbank +(http\S+)", shown), timeout=30, trust_env=False,
            headers={"authorization": f"Bearer {key}"},
        )  # fmt: skip
        self.browser = httpx.Client(base_url=self.lab_url, timeout=30, trust_env=False)
        player = self.http.post("/v1/players", json={"externalId": "ada"})
        self.player = player.json()["id"]
        packs = self.http.get("/v1/packs").json()["items"]
        self.pack = next(one["id"] for one in packs if one["coins"] == 100)

    def close(self) -> None:
        """Go home."""
        self.http.close()
        self.browser.close()

    def buy(self, key: str, provider: str, **more: object) -> dict[str, Any]:
        """Begin a purchase."""
        body = {"playerId": self.player, "packId": self.pack, "currency": "EUR", **more}
        answer = self.http.post(
            "/v1/payments", json={**body, "provider": provider}, headers={"idempotency-key": key}
        )
        assert answer.is_success, answer.text
        return dict(answer.json())

    def by_stripe(self, key: str) -> dict[str, Any]:
        """Pay by a test card."""
        return self.credited(self.buy(key, "stripe", method="pm_card_visa"))

    def by_paypal(self, key: str) -> dict[str, Any]:
        """Pay on the page to which the purchase leads."""
        made = self.buy(key, "paypal", returnUrl="https://game.example/shop")
        page = made["nextAction"]["url"]
        assert page.startswith(self.lab_url)
        form = {"token": httpx.URL(page).params["token"], "choice": "approve"}
        assert self.browser.post(page, data=form).status_code == 303
        return self.credited(made)

    def by_steam(self, key: str) -> dict[str, Any]:
        """Approve in the overlay, and let the client confirm."""
        made = self.buy(key, "steam_wallet", payer={"id": "76561197972751825"})
        order = made["nextAction"]["details"]["orderId"]
        return self.confirmed(made, self.at_lab("/lab/steam/approve", order=order))

    def by_apple(self, key: str) -> dict[str, Any]:
        """Buy on a device of Apple's."""
        made = self.buy(key, "app_store")
        asked = made["nextAction"]["details"]
        bought = self.at_lab(
            "/lab/apple/buy", bundle_id="example.guildbank.demo", product=asked["productId"],
            token=asked["appAccountToken"],
        )  # fmt: skip
        return self.confirmed(made, {"transaction": bought["transaction"]})

    def by_google(self, key: str) -> dict[str, Any]:
        """Buy on a device of Google's."""
        made = self.buy(key, "google_play")
        asked = made["nextAction"]["details"]
        bought = self.at_lab(
            "/lab/google/buy", package_name="example.guildbank.demo", product=asked["productId"],
            profile=asked["obfuscatedProfileId"], account=asked["obfuscatedAccountId"],
        )  # fmt: skip
        return self.confirmed(made, {"transaction": bought["transaction"]})

    def at_lab(self, path: str, **body: object) -> dict[str, Any]:
        """Do what a device or a player does."""
        answer = self.browser.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def confirmed(self, made: dict[str, Any], heard: dict[str, Any]) -> dict[str, Any]:
        """Tell what the client heard."""
        path = f"/v1/payments/{made['id']}/confirmation"
        answer = self.http.post(
            path, json={"data": heard}, headers={"idempotency-key": f"heard-{made['id']}"}
        )
        # Also where the store's own notification was quicker.
        assert answer.is_success, answer.text
        return self.credited(made)

    def credited(self, made: dict[str, Any]) -> dict[str, Any]:
        """Wait for the coins."""
        deadline = time.monotonic() + _WITHIN_SECONDS
        while time.monotonic() < deadline:
            shown = self.http.get(f"/v1/payments/{made['id']}").json()
            if shown["state"] == "credited":
                return dict(shown)
            time.sleep(0.1)
        raise AssertionError(shown)

    def gives_back(self, payment: str) -> str:
        """Refund a payment, and say how that went."""
        path, headers = f"/v1/payments/{payment}/refunds", {"idempotency-key": f"back-{payment}"}
        answer = self.http.post(path, json={"reason": "tried it"}, headers=headers)
        assert answer.is_success, answer.text
        return str(answer.json()["state"])

    def coins(self) -> int:
        """What the player has, paid and bonus."""
        shown = self.http.get(f"/v1/players/{self.player}/balances").json()["balances"]
        return int(next(one["total"] for one in shown if one["currency"] == "GEM"))


@pytest.fixture
def close_later() -> Iterator[Callable[[Shopper], Shopper]]:
    """Let a shopper go home when the test is over."""
    with ExitStack() as later:

        def come(shopper: Shopper) -> Shopper:
            later.callback(shopper.close)
            return shopper

        yield come


def found(pattern: str, shown: str) -> str:
    """Return what was printed there."""
    match = re.search(pattern, shown)
    assert match is not None, pattern
    return match[1]


def test_the_demo_sells_by_all_companies_at_once_and_goes_on_after_a_restart(
    tmp_path: Path, close_later: Callable[[Shopper], Shopper]
):
    server = GuildbankServer(tmp_path / "data", first=True, lab=True)
    with server:
        shopper = close_later(Shopper(server.said()))
        front = shopper.browser.get("/").text
        assert all(name in front for name in ("Stripe", "PayPal", "Apple", "Google", "Steam"))
        before = [
            shopper.by_stripe("1"), shopper.by_paypal("2"), shopper.by_steam("3"),
            shopper.by_apple("4"), shopper.by_google("5"),
        ]  # fmt: skip
        assert shopper.coins() == 5 * 110
        settled = shopper.http.get("/v1/providers").json()
        assert {one["id"] for one in settled["items"] if one["enabled"]} == ALL
        assert server.stop(signal.SIGINT) == 0
    with server:
        assert found(r"provider lab +(http\S+)", server.said()) == shopper.lab_url
        await_lab(shopper)
        assert shopper.by_stripe("6")["id"] not in {one["id"] for one in before}
        shopper.by_paypal("7")
        # The companies remember what was paid before.
        assert [shopper.gives_back(one["id"]) for one in before[:3]] == ["succeeded"] * 3
        assert shopper.coins() == 4 * 110
        assert shopper.http.get("/v1/providers").json() == settled
        assert shopper.http.get("/v1/proof").json()["ok"]
        assert "not led" not in server.said()


def test_a_lab_that_has_lost_its_file_is_led_to_anew_and_another_s_account_is_left_alone(
    tmp_path: Path, close_later: Callable[[Shopper], Shopper]
):
    server = GuildbankServer(tmp_path / "data", first=True, lab=True)
    with server:
        shopper = close_later(Shopper(server.said()))
        shopper.by_stripe("1")
        shopper.http.put("/v1/providers/steam_wallet", json={"settings": {
            "app_id": "570", "publisher_key": "0" * 32,
        }}).raise_for_status()  # fmt: skip
        own = shopper.http.get("/v1/providers/steam_wallet").json()
        before = shopper.http.get("/v1/providers/paypal").json()
    (server.folder / "lab" / "lab.state").unlink()
    with server:
        await_lab(shopper)
        deadline = time.monotonic() + _WITHIN_SECONDS
        while shopper.http.get("/v1/providers/paypal").json() == before:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        shopper.by_stripe("2")
        shopper.by_paypal("3")
        assert shopper.coins() == 3 * 110
        assert shopper.http.get("/v1/providers/steam_wallet").json() == own


def test_without_a_demo_there_is_no_lab(tmp_path: Path):
    """Of `--no-lab` nearly all other journeys are proof: their servers are started by it."""
    server = GuildbankServer(tmp_path / "data", "--no-demo", first=True, lab=True)
    with server:
        assert "provider lab" not in server.said()
        assert not (server.folder / "lab").exists()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{server.port + 2}/healthz", trust_env=False)


def await_lab(shopper: Shopper) -> None:
    """Wait for the lab, which starts behind the server."""
    deadline = time.monotonic() + _WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            if shopper.browser.get("/healthz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the lab did not come back")
