"""The first owner of a deployment: a link on a terminal, a page, an app, and what it opens."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from ctypes.util import find_library
from pathlib import Path

import httpx
import pyotp
import pytest
from playwright.sync_api import sync_playwright
from tests.servers.guildbank import GUILDBANK, environment, free_ports, on_terminal, run

PASSWORD = "seven kites over harbour"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "chromium" if CHROMIUM is None else None if find_library("atomic") else "libatomic1"
LINK = re.compile(r"http://[\d.:]+/operator/accept#token=[\w.-]+")


class Terminal:
    """`guildbank up` in a terminal that somebody looks at."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_ports()
        self._log = folder.with_name(f"{folder.name}.log")
        self.url = f"http://127.0.0.1:{self.port}"
        self._screen = b""

    def start(self) -> str:
        """Start and return all that was shown until it is ready."""
        ours, theirs = pty.openpty()
        argv = [*GUILDBANK, "up", f"--port={self.port}", f"--data={self.folder}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                argv, stdin=theirs, stdout=theirs, stderr=log, env=environment(TERM="dumb"),
                start_new_session=True,
            )  # fmt: skip
        os.close(theirs)
        shown, deadline = b"", time.monotonic() + 120
        while b"Ctrl-C stops everything" not in shown:
            assert time.monotonic() < deadline, shown.decode()
            if select.select([ours], [], [], 1)[0]:
                shown += os.read(ours, 65_536)
        self._ours = ours
        return shown.decode()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=60)
        os.close(self._ours)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    return Terminal(tmp_path_factory.mktemp("owner") / "data")


@pytest.fixture(scope="module")
def shown(terminal: Terminal) -> Iterator[str]:
    yield terminal.start()
    terminal.stop()


def took(page: httpx.Client, link: str, address: str) -> dict[str, object]:
    """Do what the page of a link does; return who came in."""
    token = link.split("#token=")[1]
    body = {"token": token, "name": "Olga", "address": address, "password": PASSWORD}
    accepted = page.post("/v1/operator/invitations/accept", json=body)
    assert accepted.status_code == 200, accepted.text
    challenge = {"challenge": accepted.json()["challenge"]}
    secret = page.post("/v1/operator/sessions/enrol", json=challenge).json()["secret"]
    code = pyotp.TOTP(secret).now()
    came = page.post("/v1/operator/sessions/confirm", json={**challenge, "code": code})
    assert came.status_code == 200, came.text
    me: dict[str, object] = came.json()
    page.headers["x-csrf-token"] = str(me["csrf"])
    return me


def test_a_terminal_is_shown_links_until_there_are_owners(terminal: Terminal, shown: str) -> None:
    deployment, demo = LINK.findall(shown)
    with httpx.Client(base_url=terminal.url, trust_env=False, timeout=30) as page:
        for _ in range(2):
            looked = page.get(deployment.split("#")[0])
            assert looked.status_code == 200
            assert deployment.split("#token=")[1] not in looked.text
        me = took(page, deployment, "root@studio.example")
        assert me["tenant"] is None
        made = page.post("/v1/tenants", json={"slug": "moonlit", "name": "Moonlit"})
        assert made.status_code == 201, made.text
    with httpx.Client(base_url=terminal.url, trust_env=False, timeout=30) as page:
        assert took(page, demo, "olga@studio.example")["tenant"] == "demo"
        assert page.get("/v1/currencies").json()["items"]
    terminal.stop()
    assert LINK.findall(terminal.start()) == [], "both have an owner now"


def test_the_host_makes_lists_and_suspends_operators(terminal: Terminal, shown: str) -> None:
    of = {"GUILDBANK_DATA": str(terminal.folder), "GUILDBANK_URL": terminal.url}
    made = subprocess.run(
        [*GUILDBANK, "operator", "create", "sam@studio.example", "--name=Sam", "--tenant=demo",
         "--role=support"],
        input=f"{PASSWORD}\n", env=environment(**of), stdout=subprocess.PIPE, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert made.returncode == 0
    listed = run("operator", "list", "--tenant=demo", **of).stdout
    assert "sam@studio.example" in listed
    assert "support" in listed
    body = {"address": "sam@studio.example", "password": PASSWORD}
    with httpx.Client(base_url=terminal.url, trust_env=False, timeout=30) as page:
        assert page.post("/v1/operator/sessions", json=body).json()["step"] == "enrol"
        stopped = run("operator", "suspend", "sam@studio.example", "--tenant=demo", **of)
        assert stopped.returncode == 0, stopped.stderr
        refused = page.post("/v1/operator/sessions", json=body)
        assert refused.json()["code"] == "operator_suspended"
        link = on_terminal("operator", "invite-link", "--tenant=demo", "--role=analyst", **of)
        found = LINK.search(link)
        assert found is not None, link
        me = took(page, found[0], "anna@studio.example")
        assert "players:read" in str(me["permissions"])


@pytest.mark.skipif(MISSING is not None, reason=f"{MISSING} is not installed")
def test_the_page_of_a_link_lets_a_person_in(terminal: Terminal, shown: str) -> None:
    of = {"GUILDBANK_DATA": str(terminal.folder), "GUILDBANK_URL": terminal.url}
    link = LINK.search(on_terminal("operator", "invite-link", "--tenant=demo", **of))
    assert link is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(20_000)
        page.goto(link[0])
        assert "token" not in page.url, "neither the history nor a screenshot has the link"
        page.fill("#accept [name=name]", "Petra")
        page.fill("#accept [name=address]", "petra@studio.example")
        page.fill("#accept [name=password]", "password1")
        page.click("#accept button")
        page.get_by_text("easy to guess").wait_for()
        page.fill("#accept [name=password]", PASSWORD)
        page.click("#accept button")
        page.wait_for_selector("#confirm", state="visible")
        page.fill("#confirm [name=code]", pyotp.TOTP(page.inner_text("#secret")).now())
        page.click("#confirm button")
        page.wait_for_selector("#codes", state="visible")
        assert page.locator("#list li").count() == 10
        assert page.evaluate("document.cookie") == "", "no script reads the session"
        me = page.evaluate("fetch('/v1/operator/me').then(answer => answer.json())")
        assert me["operator"]["address"] == "petra@studio.example"
        role = """(csrf) => fetch('/v1/roles', {
            method: 'POST',
            headers: {'content-type': 'application/json', 'x-csrf-token': csrf},
            body: JSON.stringify({name: 'by-page', permissions: ['players:read']}),
        }).then(answer => answer.status)"""
        assert page.evaluate(role, "") == 403
        assert page.evaluate(role, me["csrf"]) == 202, "a second person must agree to a role"
        browser.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list"], "--tenant with a slug, or --deployment"),
        (["list", "--tenant=nobody"], "There is no tenant 'nobody'"),
        (["suspend", "no@one.example", "--deployment"], "There is no such operator"),
        (["invite-link", "--tenant=demo"], "is shown on a terminal only"),
    ],
)
def test_what_cannot_be_done_is_said(
    terminal: Terminal, shown: str, words: list[str], said: str
) -> None:
    of = {"GUILDBANK_DATA": str(terminal.folder), "GUILDBANK_URL": terminal.url}
    ended = run("operator", *words, **of)
    assert ended.returncode == 1
    assert said in ended.stderr


def test_a_link_to_a_role_that_is_none_is_not_shown(terminal: Terminal, shown: str) -> None:
    of = {"GUILDBANK_DATA": str(terminal.folder), "GUILDBANK_URL": terminal.url}
    said = on_terminal("operator", "invite-link", "--tenant=demo", "--role=emperor", **of)
    assert "'emperor' is no role" in said
    assert LINK.search(said) is None
