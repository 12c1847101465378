"""A player follows the links of mails in a browser, on a deployment that was just started."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page
from tests.servers.browser import chromium
from tests.servers.guildbank import GuildbankServer

PASSWORD, OTHER = "three lamps sing at dawn", "seven ropes hum at dusk"
ADDRESS = "zoe@mail.example"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    folder: Path = tmp_path_factory.mktemp("mailed") / "data"
    with GuildbankServer(folder) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def newest_link(server: GuildbankServer, template: str) -> str:
    demo = server.credentials.demo
    assert demo is not None
    with server.client(demo.secret_key) as studio:
        items = studio.get("/v1/mailbox").json()["items"]
    link = next(one["links"][0] for one in items if one["template"] == f"identity.{template}")
    return str(link)


def status(page: Page) -> str:
    # The page's policy allows no script of ours, so nothing is evaluated there.
    page.wait_for_selector("#status:not(:empty)")
    return page.inner_text("#status")


def signs_in(web: httpx.Client, password: str) -> bool:
    body = {"email": ADDRESS, "password": password}
    return web.post("/login", json=body).status_code == 200


def test_a_player_confirms_an_address_and_recovers_a_password_by_mailed_links(
    server: GuildbankServer, browser: Browser
) -> None:
    with server.client() as web:
        body = {"email": ADDRESS, "password": PASSWORD}
        assert web.post("/register", json=body).status_code == 201
        page = browser.new_page()
        link = newest_link(server, "confirm_email")
        page.goto(link)
        # To open a link does nothing yet, and leaves no token in the address.
        assert page.url == link.partition("?")[0]
        page.click("#send")
        assert "Done" in status(page)
        asked = web.post("/v1/account/password/forgotten", json={"email": ADDRESS})
        assert asked.status_code == 202
        page = browser.new_context(locale="ru-RU").new_page()
        page.goto(newest_link(server, "reset_password"))
        page.fill("#password", "password1")
        page.click("#send")
        assert "легко угадать" in status(page)
        page.fill("#password", OTHER)
        page.click("#send")
        page.wait_for_selector("#form", state="hidden")
        assert not signs_in(web, PASSWORD)
        assert signs_in(web, OTHER)


def test_a_link_that_was_followed_says_so(server: GuildbankServer, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/undo-email?token=nothing-like-a-token")
    page.click("#send")
    assert "used, has expired" in status(page)
    page.goto(f"{server.url}/confirm-email")
    assert "not complete" in status(page)
    assert page.is_disabled("#send")
