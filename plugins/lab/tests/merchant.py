"""A merchant at the lab's PayPal that calls it as any program does, by plain HTTP."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

import httpx
from tests.servers.canned import Asked, Canned
from tests.servers.lab import LabServer

MARK = "/purchase_units/@reference_id=='default'/custom_id"


class Merchant:
    """An app with its access token; `ears` hear its webhooks."""

    def __init__(self, lab: LabServer, ears: Canned) -> None:
        self.lab = lab
        self.ears = ears
        self.settings = lab.open_paypal(f"{ears.url}/hook")
        self.http = httpx.AsyncClient(base_url=lab.url, timeout=5, trust_env=False)
        self._numbers = iter(range(10**6))

    async def token(self) -> str:
        pair = self.settings["client_id"], self.settings["client_secret"]
        answer = await self.http.post(
            "/v1/oauth2/token", auth=pair, data={"grant_type": "client_credentials"}
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def call(
        self, method: str, path: str, body: object = None, key: str | None = None
    ) -> httpx.Response:
        headers = {} if key is None else {"paypal-request-id": key}
        return await self.http.request(method, path, json=body, headers=headers)

    async def order(
        self, custom_id: str | None = None, value: str = "4.99", currency: str = "EUR"
    ) -> dict[str, Any]:
        """Make an order and return it."""
        made = await self.try_order(custom_id or f"order-{next(self._numbers)}", value, currency)
        assert made.status_code == 201, made.text
        return dict(made.json())

    async def try_order(
        self, custom_id: str, value: str = "4.99", currency: str = "EUR", key: str | None = None
    ) -> httpx.Response:
        unit = {
            "custom_id": custom_id,
            "invoice_id": custom_id,
            "description": "Chest <b>",
            "amount": {"currency_code": currency, "value": value},
        }
        page = {"return_url": "http://localhost/back?x=1", "cancel_url": "http://localhost/no"}
        source = {"paypal": {"experience_context": page}}
        body = {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source}
        return await self.call("POST", "/v2/checkout/orders", body, key)

    async def approved(self, **wanted: str) -> str:
        """Return the id of an order that the player has approved."""
        order = await self.order(**wanted)
        await asyncio.to_thread(self.lab.approve, order["id"])
        return str(order["id"])

    async def capture(self, order: str, key: str | None = None) -> httpx.Response:
        return await self.call("POST", f"/v2/checkout/orders/{order}/capture", {}, key)

    async def captured(self) -> tuple[str, str]:
        """Return the ids of an order and its capture."""
        order = await self.approved()
        done = await self.capture(order)
        assert done.status_code == 201, done.text
        return order, done.json()["purchase_units"][0]["payments"]["captures"][0]["id"]

    async def refund(
        self, capture: str, value: str | None = None, key: str | None = None
    ) -> httpx.Response:
        amount = {"currency_code": "EUR", "value": value}
        body = {} if value is None else {"amount": amount}
        return await self.call("POST", f"/v2/payments/captures/{capture}/refund", body, key)

    async def show(self, order: str) -> dict[str, Any]:
        return dict((await self.call("GET", f"/v2/checkout/orders/{order}")).json())

    async def at_lab(self, path: str, **body: object) -> dict[str, Any]:
        return await asyncio.to_thread(lambda: self.lab.do(path, **body))

    async def turn(self, subject: str, at: str, effect: str, times: int = 1, s: float = 0) -> None:
        await asyncio.to_thread(self.lab.turn, subject, at, effect, times, s)

    async def heard(self, kind: str) -> Asked:
        """Return the first webhook of this kind, now or when it comes."""
        return await self.ears.wait_for(lambda asked: event_of(asked)["event_type"] == kind)

    def kinds(self) -> list[str]:
        return [event_of(asked)["event_type"] for asked in self.ears.asked]

    async def __aenter__(self) -> Self:
        self.http.headers["authorization"] = f"Bearer {await self.token()}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What is still on its way must not meet ears that are just being closed.
        await self.at_lab("/lab/rest")
        await self.http.aclose()


def event_of(asked: Asked) -> dict[str, Any]:
    return dict(json.loads(asked.body))


def issue(answer: httpx.Response) -> str:
    """Return PayPal's word for what was wrong."""
    return str(answer.json()["details"][0]["issue"])
