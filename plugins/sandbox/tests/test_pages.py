"""The pages as a person uses them, in Chromium, on a desk and on a phone."""

import json
import shutil
from collections.abc import AsyncIterator
from ctypes.util import find_library
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Page, async_playwright
from plugins.sandbox.tests.shop import Shop, eventually

from guildbank.plugin_api import PaymentRequest
from guildbank_sandbox.plugin import PLUGIN

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--disable-gpu", "--disable-background-networking", "--disable-component-update")
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 360, "height": 740}

# Playwright drives it through a Node of its own, which a bare Debian lacks a library for.
MISSING = "chromium" if CHROMIUM is None else None if find_library("atomic") else "libatomic1"

pytestmark = pytest.mark.skipif(
    MISSING is not None, reason=f"{MISSING} is not installed, and a browser looks at the pages"
)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-sync", *FLAGS]
        )
        yield browser
        await browser.close()


@pytest.fixture(params=["desk", "phone"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    size = DESK if request.param == "desk" else PHONE
    context = await browser.new_context(viewport=size)  # type: ignore[arg-type]
    page = await context.new_page()
    page.set_default_timeout(10_000)
    yield page
    await context.close()


async def checkout(shop: Shop, page: Page, **changed: object) -> tuple[PaymentRequest, str]:
    """Start a payment and open its page."""
    # Where a shop would be stands the server's own health page, which needs no shop.
    changed = {"return_url": f"{shop.server.url}/healthz?cart=7", **changed}
    request = shop.request("checkout", **changed)
    outcome = await PLUGIN.create_payment(shop.context(), request)
    assert outcome.next_action is not None
    assert outcome.reference is not None
    await page.goto(outcome.next_action.url or "")
    return request, outcome.reference


async def state(shop: Shop, request: PaymentRequest) -> str:
    return (await PLUGIN.fetch_payment(shop.context(), request.attempt_id, None)).status


async def came_back(page: Page, request: PaymentRequest) -> bool:
    """Say whether the browser is at the shop again, with our reference."""
    await page.wait_for_url("**/healthz?**")
    query = parse_qs(urlsplit(page.url).query)
    return query["cart"] == ["7"] and query["reference"] == [request.attempt_id]


async def fits(page: Page) -> bool:
    wide: bool = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return not wide


async def test_a_person_sees_what_is_paid_to_whom_and_pays(shop: Shop, page: Page):
    request, _ = await checkout(shop, page)
    text = await page.inner_text("main")
    for fact in ("Ember Isle", "4.99", "EUR", "Pouch of 550 Embers", "player_1"):
        assert fact in text
    assert await fits(page)
    await page.get_by_role("button", name="Pay 4.99 EUR").click()
    assert await came_back(page, request)
    assert await state(shop, request) == "processed"


@pytest.mark.parametrize(
    ("button", "status"), [("Decline", "declined"), ("Cancel and return", "canceled")]
)
async def test_a_person_declines_or_cancels(shop: Shop, page: Page, button: str, status: str):
    request, _ = await checkout(shop, page)
    await page.get_by_role("button", name=button).click()
    assert await came_back(page, request)
    assert await state(shop, request) == status


@pytest.mark.parametrize(
    ("button", "status"), [("Yes, confirm", "processed"), ("No, refuse", "declined")]
)
async def test_the_bank_asks_and_the_person_answers(
    shop: Shop, page: Page, button: str, status: str
):
    request, _ = await checkout(shop, page)
    await page.get_by_role("button", name="Needs confirmation").click()
    await page.get_by_role("heading", name="Is this you?").wait_for()
    assert await fits(page)
    assert await state(shop, request) == "pending"
    await page.get_by_role("button", name=button).click()
    assert await came_back(page, request)
    assert await state(shop, request) == status


async def test_the_page_waits_for_a_late_capture_and_the_webhook_comes_last(shop: Shop, page: Page):
    request, _ = await checkout(shop, page)
    await page.get_by_role("button", name="Pay after a time-out").click()
    await page.get_by_role("heading", name="Waiting for the bank").wait_for()
    assert await fits(page)
    await page.get_by_role("heading", name="Payment complete").wait_for()
    assert await came_back(page, request)
    eventually(lambda: shop.kinds()[-1:] == ["payment.captured"])
    assert await state(shop, request) == "processed"


async def test_duplicate_and_reordered_webhooks_can_be_asked_for(shop: Shop, page: Page):
    twice, _ = await checkout(shop, page)
    await page.get_by_role("button", name="Pay, duplicate").click()
    assert await came_back(page, twice)
    eventually(lambda: shop.kinds(twice.attempt_id).count("payment.captured") == 3)
    mixed, _ = await checkout(shop, page)
    await page.get_by_role("button", name="Pay, reordered").click()
    assert await came_back(page, mixed)
    eventually(lambda: shop.kinds(mixed.attempt_id)[-2:] == ["payment.captured", "payment.pending"])


async def test_a_second_click_or_an_old_form_pays_only_once(shop: Shop, page: Page):
    request, reference = await checkout(shop, page, return_url=None)
    form = {"token": await page.locator("input[name=token]").get_attribute("value")}
    await page.get_by_role("button", name="Pay 4.99 EUR").dblclick()
    await page.get_by_role("heading", name="Payment complete").wait_for()
    for decision in ("pay", "decline", "pay_late"):
        again = shop.http.post(f"/checkout/{reference}", data={**form, "decision": decision})
        assert again.status_code == 303
    assert shop.payment(reference)["captured_minor"] == 499
    assert await state(shop, request) == "processed"
    eventually(lambda: "payment.captured" in shop.kinds(request.attempt_id))
    assert shop.kinds(request.attempt_id).count("payment.captured") == 1


async def test_a_form_from_elsewhere_or_an_unknown_button_changes_nothing(shop: Shop, page: Page):
    request, reference = await checkout(shop, page)
    token = await page.locator("input[name=token]").first.get_attribute("value")
    _, other = await checkout(shop, page)
    for path, form in (
        (f"/checkout/{reference}", {"decision": "pay"}),
        (f"/checkout/{reference}", {"decision": "pay", "token": "0" * 64}),
        (f"/checkout/{other}", {"decision": "pay", "token": token}),
        (f"/checkout/{reference}", {"decision": "steal", "token": token}),
        (f"/payments/{reference}", {"action": "refund", "amount": "1.00"}),
    ):
        assert shop.http.post(path, data=form).status_code == 400, form
    assert await state(shop, request) == "pending"


async def test_texts_of_a_merchant_are_shown_as_text(shop: Shop, page: Page):
    description = "<script>document.title='owned'</script><b>& ' \""
    await checkout(shop, page, description=description)
    assert description in await page.inner_text("main")
    assert await page.title() != "owned"


async def test_the_page_can_be_used_by_keyboard_and_without_scripts(browser: Browser, shop: Shop):
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    request, _ = await checkout(shop, page)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    assert await came_back(page, request)
    assert await state(shop, request) == "processed"
    await context.close()


async def test_everything_comes_from_the_provider_itself(shop: Shop, page: Page):
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    _, reference = await checkout(shop, page)
    await page.goto(f"{shop.server.url}/payments/{reference}")
    await page.goto(shop.server.url)
    own = (shop.server.url, "data:")
    assert len(asked) > 3
    assert [url for url in asked if not url.startswith(own)] == []


async def test_staff_refund_a_part_and_a_dispute_is_won(shop: Shop, page: Page):
    request, reference = await checkout(shop, page, description=f"Order of {reference_of(shop)}")
    await page.get_by_role("button", name="Pay 4.99 EUR").click()
    await page.goto(shop.server.url)
    await page.get_by_role("link", name=f"Order of {reference_of(shop)}").click()
    assert await fits(page)
    await page.get_by_label("Amount in EUR").first.fill("1.00")
    await page.get_by_role("button", name="Refund").click()
    await page.get_by_text("from our side", exact=False).first.wait_for()
    assert shop.payment(reference)["refunded_minor"] == 100
    await page.get_by_label("Amount in EUR").first.fill("40")
    await page.get_by_role("button", name="Refund").click()
    assert "can still be refunded" in await page.get_by_role("alert").inner_text()
    await page.get_by_label("Amount in EUR").last.fill("2.50")
    await page.get_by_role("button", name="Open a dispute").click()
    await page.get_by_role("button", name="Merchant wins").click()
    await page.get_by_text("won", exact=True).wait_for()
    assert shop.payment(reference)["disputed_minor"] == 0
    eventually(lambda: shop.kinds(request.attempt_id)[-1] == "dispute.closed")
    by_staff = dict(shop.events(request.attempt_id))["refund.updated"]
    assert (by_staff.refund_id, by_staff.amount_minor) == (None, 100)


async def test_staff_make_the_next_refund_wait_and_then_fail(shop: Shop, page: Page):
    paid = await PLUGIN.create_payment(shop.context(), shop.request())
    account = shop.http.get("/v1/account").json()["id"]
    await page.goto(shop.server.url)
    await page.locator(f"#switch-{account}").select_option("pending")
    await page.locator(f"form[action$={json.dumps(account)}] button").click()
    refund = shop.refund_request(shop.request(), paid.reference or "", 100)
    pending = await PLUGIN.refund(shop.context(), refund)
    assert pending.status == "pending"
    await page.goto(f"{shop.server.url}/payments/{paid.reference}")
    await page.get_by_role("button", name="Let it fail").click()
    await page.get_by_text("failed", exact=True).wait_for()
    ended = await PLUGIN.fetch_refund(shop.context(), refund, None)
    assert ended.status == "declined"


def reference_of(shop: Shop) -> str:
    return str(shop.settings["api_key"])[-8:]


async def test_an_unknown_payment_is_a_page_that_says_so(shop: Shop, page: Page):
    answer = await page.goto(f"{shop.server.url}/checkout/spay_nothing")
    assert answer is not None
    assert answer.status == 404
    assert "No such payment" in await page.inner_text("main")
