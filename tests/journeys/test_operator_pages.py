"""Operators come in by the pages of a server that was just started, in a real browser."""

import io
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pyotp
import pytest
import zxingcpp
from anyio.from_thread import start_blocking_portal
from PIL import Image
from playwright.sync_api import Browser, Page
from tests.servers.browser import chromium
from tests.servers.guildbank import GuildbankServer
from tests.servers.oidc_provider import SECRET, OidcProvider, is_installed
from tests.servers.smtp import SmtpServer, smtp_server

PASSWORD = "seven kites over harbour"
LINK = re.compile(r"http://127\.0\.0\.1:\d+(/operator/accept#token=[\w.-]+)")
PHONE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def post() -> Iterator[SmtpServer]:
    """A mail server beside the test, in a loop of its own."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(smtp_server()) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, post: SmtpServer) -> Iterator[GuildbankServer]:
    folder: Path = tmp_path_factory.mktemp("operators") / "data"
    variables = {
        "GUILDBANK_EGRESS_PRIVATE": "true",
        "GUILDBANK_SMTP_URL": post.url("tls=none"),
        "GUILDBANK_MAIL_FROM": "bank@studio.example",
    }
    with GuildbankServer(folder, variables=variables) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


def link(server: GuildbankServer) -> str:
    """Return the path of a new link that makes an owner of the demo tenant."""
    found = LINK.search(server.on_terminal("operator", "invite-link", "--tenant=demo"))
    assert found is not None
    return found[1]


def shown(page: Page, part: str) -> None:
    page.wait_for_selector(f"#{part}", state="visible")


def with_phone(page: Page) -> None:
    """Give the page's browser an authenticator that knows its holder's finger."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": PHONE})


def accept(page: Page, at: str, address: str) -> None:
    page.goto(at)
    shown(page, "accept")
    page.fill("#accept [name=name]", "Petra")
    page.fill("#accept [name=address]", address)
    page.fill("#accept [name=password]", PASSWORD)
    page.click("#accept button")


def test_a_passkey_in_place_of_an_app_and_then_in_place_of_all(
    server: GuildbankServer, page: Page
) -> None:
    home = f"http://localhost:{server.port}"
    with_phone(page)
    accept(page, home + link(server), "petra@studio.example")
    shown(page, "choose")
    page.click("#choose-passkey")
    shown(page, "codes")
    assert page.locator("#list li").count() == 10
    assert page.url == f"{home}/operator"
    page.click("#kept")
    shown(page, "home")
    assert "owner" in page.inner_text("#who")
    page.wait_for_selector("#sessions li")
    assert page.locator("#factors li").count() == 3
    page.locator("#factors li").nth(1).get_by_text("Remove").click()
    page.get_by_text("your only second factor").wait_for()
    page.click("#sign-out")
    shown(page, "sign-in")
    page.click("#by-passkey")
    shown(page, "home")
    assert page.inner_text("#title") == "Petra"
    # The page is the same when it is opened anew.
    page.goto(f"{home}/operator")
    shown(page, "home")


def scanned(page: Page, part: str) -> str:
    """Return what a phone's camera reads off the page."""
    picture = Image.open(io.BytesIO(page.locator(f"#{part}").screenshot()))
    (code,) = zxingcpp.read_barcodes(picture)
    return str(code.text)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_apps_camera_reads_the_page_instead_of_a_person_typing(
    server: GuildbankServer, browser: Browser, theme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(color_scheme=theme)
    page = context.new_page()
    blocked: list[str] = []
    page.on("console", lambda told: blocked.append(told.text) if "Policy" in told.text else None)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    address = f"{theme}-{'a-name-that-is-long-' * 2}@a-studio-with-a-long-name.example"
    accept(page, server.url + link(server), address)
    shown(page, "confirm")
    app = pyotp.parse_uri(scanned(page, "qr"))
    assert isinstance(app, pyotp.TOTP)
    assert (app.issuer, app.name) == ("Guildbank", address)
    assert app.secret == page.inner_text("#secret"), "what is typed is what is scanned"
    page.fill("#confirm [name=code]", app.now())
    page.click("#confirm button")
    shown(page, "codes")
    page.click("#kept")
    shown(page, "home")
    page.locator("#factors li").first.get_by_text("Replace").click()
    shown(page, "new-app")
    assert page.inner_text("#new-secret") in scanned(page, "new-qr")
    assert blocked == []
    assert all(url.startswith(server.url) for url in asked)
    context.close()


def test_an_app_is_set_up_replaced_and_used(server: GuildbankServer, page: Page) -> None:
    accept(page, server.url + link(server), "paul@studio.example")
    shown(page, "confirm")
    secret = page.inner_text("#secret")
    page.fill("#confirm [name=code]", pyotp.TOTP(secret).now())
    page.click("#confirm button")
    shown(page, "codes")
    code = page.locator("#list li").first.inner_text()
    page.click("#kept")
    shown(page, "home")
    page.locator("#factors li").first.get_by_text("Replace").click()
    shown(page, "new-app")
    page.fill("#new-code", "000000")
    page.click("#new-app button")
    page.get_by_text("The code is wrong").wait_for()
    page.click("#sign-out")
    shown(page, "sign-in")
    page.fill("#address", "paul@studio.example")
    page.fill("#typed", "not it at all")
    page.click("#password button")
    page.get_by_text("The address or the password is wrong").wait_for()
    page.fill("#typed", PASSWORD)
    page.click("#password button")
    shown(page, "factor")
    page.fill("#typed-code", code)
    page.click("#code button")
    shown(page, "home")
    page.get_by_text("9 left").wait_for()


def test_a_link_that_is_no_good_any_more_says_so_at_once(
    server: GuildbankServer, browser: Browser
) -> None:
    path = link(server)
    token = path.split("#token=")[1]
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as web:
        body = {"token": token, "name": "N", "password": PASSWORD, "address": "n@studio.example"}
        assert web.post("/v1/operator/invitations/accept", json=body).status_code == 200
    page = browser.new_page()
    for at in (path, "/operator/reset#token=deployment.none"):
        page.goto("about:blank")
        page.goto(server.url + at)
        page.get_by_text("opens nothing any more").wait_for()
        assert page.locator("form:visible").count() == 0
        assert "token" not in page.url
        page.click("#to-sign-in")
        shown(page, "sign-in")
        for way in ("#to-forgot", "#to-place"):
            page.click(way)
            page.locator(".back:visible").click()
            shown(page, "sign-in")
    page = browser.new_context(locale="ru-RU").new_page()
    page.goto(server.url + path)
    page.get_by_text("Эта ссылка больше не действует").wait_for()
    page.goto(f"{server.url}/operator/reset")
    page.get_by_text("Ссылка неполная").wait_for()


def test_the_pages_policy_lets_nothing_run_that_is_written_into_them(
    server: GuildbankServer, page: Page
) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as web:
        for path in ("/operator", "/operator/accept", "/operator/reset"):
            answer = web.get(path)
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert re.search(r"<script(?! type=\"module\" src=)|style=|<style", answer.text) is None
        assert web.get("/operator/page/page.html").status_code == 404
    refused: list[str] = []
    page.on("console", lambda told: refused.append(told.text) if "Policy" in told.text else None)
    page.goto(f"{server.url}/operator")
    shown(page, "sign-in")
    assert refused == []


def agreed(server: GuildbankServer, answer: httpx.Response) -> None:
    """Agree on the host to what waits for a second person."""
    assert answer.status_code == 202, answer.text
    done = server.run("approval", "approve", answer.json()["id"], "--tenant=demo")
    assert "executed" in done.stdout, done.stderr


def owner(
    server: GuildbankServer, web: httpx.Client, address: str = "olga@studio.example"
) -> dict[str, Any]:
    """Come in by a new link, over HTTP alone."""
    body = {"token": link(server).split("#token=")[1], "name": "Olga", "password": PASSWORD}
    accepted = web.post("/v1/operator/invitations/accept", json={**body, "address": address})
    challenge = {"challenge": accepted.json()["challenge"]}
    secret = web.post("/v1/operator/sessions/enrol", json=challenge).json()["secret"]
    code = {"code": pyotp.TOTP(secret).now()}
    me: dict[str, Any] = web.post(
        "/v1/operator/sessions/confirm", json={**challenge, **code}
    ).json()
    web.headers["x-csrf-token"] = me["csrf"]
    return me


def test_the_studios_sign_in_leads_to_another_site_and_back(
    server: GuildbankServer, page: Page
) -> None:
    if not is_installed():
        pytest.skip("needs Node 20 or later; then `make test` installs oidc-provider")
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as web:
        owner(server, web)
        unset = {"issuer": "https://nowhere.example", "clientId": "game", "groups": []}
        agreed(server, web.put("/v1/staff-sign-in", json=unset))
        back = web.get("/v1/staff-sign-in").json()["callbackUrl"]
        with OidcProvider(back, host="localhost") as issuer:
            issuer.tell("ann", groups=["helpers"], amr=["mfa"])
            issuer.tell("bob", groups=["helpers"])
            groups = [{"group": "helpers", "roles": ["support"]}]
            settings = {
                "issuer": issuer.issuer, "clientId": "game", "clientSecret": SECRET,
                "scopes": ["openid", "email", "profile", "groups"], "groups": groups,
                "trustsSecondFactor": {"claim": "amr", "values": ["mfa"]},
            }  # fmt: skip
            agreed(server, web.put("/v1/staff-sign-in", json=settings))
            _by_studio(page, server, "ann")
            shown(page, "home")
            assert page.inner_text("#title") == "The ann"
            assert "support" in page.inner_text("#who")
            page.click("#sign-out")
            shown(page, "sign-in")
            page.context.clear_cookies()
            _by_studio(page, server, "bob")
            shown(page, "confirm")
            page.context.clear_cookies()
            _by_studio(page, server, "eve")
            page.get_by_text("none of your groups there has a role here").wait_for()
            shown(page, "sign-in")


def test_who_is_invited_by_the_studio_opens_the_mail_and_signs_in_there(
    server: GuildbankServer, page: Page, post: SmtpServer
) -> None:
    if not is_installed():
        pytest.skip("needs Node 20 or later; then `make test` installs oidc-provider")
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as web:
        owner(server, web, "otto@studio.example")
        unset = {"issuer": "https://nowhere.example", "clientId": "game", "groups": []}
        agreed(server, web.put("/v1/staff-sign-in", json=unset))
        back = web.get("/v1/staff-sign-in").json()["callbackUrl"]
        with OidcProvider(back, host="localhost") as issuer:
            issuer.tell("vera", groups=[], amr=["mfa"])
            issuer.tell("fred", groups=[], amr=["mfa"])
            settings = {
                "issuer": issuer.issuer, "clientId": "game", "clientSecret": SECRET, "groups": [],
                "scopes": ["openid", "email", "profile", "groups"],
                "trustsSecondFactor": {"claim": "amr", "values": ["mfa"]},
            }  # fmt: skip
            agreed(server, web.put("/v1/staff-sign-in", json=settings))
            body = {"address": "vera@example.com", "roles": ["analyst"], "comesInBy": "studio"}
            agreed(server, web.post("/v1/operator-invitations", json=body))
            at = mailed_link(post, "vera@example.com")
            page.goto(at)
            shown(page, "accept-studio")
            assert "vera@example.com" in page.inner_text("#accept-hint")
            assert page.locator("input:visible").count() == 0, "no password is asked for"
            page.click("#to-accept")
            _at_the_issuer(page, "fred")
            page.get_by_text("another address than the one that was invited").wait_for()
            page.context.clear_cookies()
            page.goto("about:blank")
            page.goto(at)
            shown(page, "accept-studio")
            page.click("#to-accept")
            _at_the_issuer(page, "vera")
            shown(page, "home")
            assert page.inner_text("#title") == "The vera"
            assert "analyst" in page.inner_text("#who")


def mailed_link(post: SmtpServer, to: str) -> str:
    """Wait for the mail server to have a mail to this reader; return the link in it."""
    for _ in range(300):
        for taken in post.messages:
            if taken.to == to:
                found = re.search(r"http://\S+#token=\S+", taken.part("plain"))
                assert found is not None
                return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no mail came to {to}")


def _by_studio(page: Page, server: GuildbankServer, name: str) -> None:
    """Press the button and do at the issuer what a person does."""
    page.goto(f"{server.url}/operator")
    page.click("#by-studio")
    _at_the_issuer(page, name)


def _at_the_issuer(page: Page, name: str) -> None:
    page.fill("[name=login]", name)
    page.fill("[name=password]", "any")
    page.click("[type=submit]")
    page.click("[type=submit]")
