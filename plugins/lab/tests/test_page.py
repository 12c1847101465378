"""The page on which a player decides, by a browser or by curl."""

import httpx
import pytest
from plugins.lab.tests.merchant import Merchant


async def choose(merchant: Merchant, order: str, choice: str) -> httpx.Response:
    form = {"token": order, "choice": choice}
    async with httpx.AsyncClient(trust_env=False) as browser:
        return await browser.post(f"{merchant.lab.url}/checkoutnow", data=form)


async def test_the_page_shows_the_purchase_and_lets_nothing_of_the_shop_run(
    merchant: Merchant,
) -> None:
    order = await merchant.order()
    page = await merchant.http.get("/checkoutnow", params={"token": order["id"]})
    assert "Chest &lt;b&gt;" in page.text
    assert "4.99" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"


async def test_who_pays_is_led_back_to_the_shop(merchant: Merchant) -> None:
    order = (await merchant.order())["id"]
    back = await choose(merchant, order, "approve")
    assert back.status_code == 303
    assert back.headers["location"] == f"http://localhost/back?x=1&token={order}"
    assert (await merchant.show(order))["status"] == "APPROVED"


async def test_who_goes_back_has_approved_nothing(merchant: Merchant) -> None:
    order = (await merchant.order())["id"]
    back = await choose(merchant, order, "cancel")
    assert back.headers["location"].startswith("http://localhost/no?token=")
    assert (await merchant.show(order))["status"] == "PAYER_ACTION_REQUIRED"


@pytest.mark.parametrize("choice", ["", "steal"])
async def test_an_unknown_choice_changes_nothing(choice: str, merchant: Merchant) -> None:
    order = (await merchant.order())["id"]
    assert (await choose(merchant, order, choice)).status_code == 400
    assert (await merchant.show(order))["status"] == "PAYER_ACTION_REQUIRED"


async def test_there_is_no_page_for_an_order_that_is_not_there(merchant: Merchant) -> None:
    assert (await merchant.http.get("/checkoutnow?token=NOPE")).status_code == 404


async def test_a_name_that_somebody_points_at_this_machine_is_turned_away(
    merchant: Merchant,
) -> None:
    answer = await merchant.http.get("/healthz", headers={"host": "evil.example"})
    assert answer.status_code == 421
