"""Answers tell browsers to do nothing with them that they need not (OWASP ASVS 5, section 3.4)."""

import httpx
import pytest
from tests.infra import edge_app


def client(**settings: object) -> httpx.AsyncClient:
    app = edge_app.make(**settings)  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://game.example")


PATHS = ["/healthz", "/nothing", "/v1/players/player_1/grants", "/docs", "/openapi.json"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_bears_the_headers_once(path: str) -> None:
    async with client() as browser:
        answer = await browser.get(path)
    for name, value in (
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ):
        assert answer.headers.get_list(name) == [value]
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1
    for directive in ("default-src 'none'", "base-uri 'none'", "form-action 'none'"):
        assert directive in policies[0]
    assert "frame-ancestors 'none'" in policies[0]
    assert "origin" in answer.headers["vary"].lower()


async def test_a_page_may_have_its_style_and_an_answer_nothing() -> None:
    async with client() as browser:
        page, answer = await browser.get("/docs"), await browser.get("/healthz")
    assert "style-src 'unsafe-inline'" in page.headers["content-security-policy"]
    assert "script-src" not in page.headers["content-security-policy"]
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert "style-src" not in answer.headers["content-security-policy"]


async def test_browsers_stay_with_tls_where_the_server_has_it() -> None:
    async with client(url="https://bank.example") as browser:
        for path in PATHS:
            lasts = (await browser.get(path)).headers["strict-transport-security"]
            assert lasts == "max-age=31536000; includeSubDomains"
    async with client(url="http://127.0.0.1:8080") as browser:
        for path in PATHS:
            assert "strict-transport-security" not in (await browser.get(path)).headers


async def test_without_tenants_no_page_may_call() -> None:
    async with client() as browser:
        answer = await browser.options(
            "/v1/grants",
            headers={"origin": "https://a.example", "access-control-request-method": "POST"},
        )
        assert answer.json()["code"] == "origin_not_allowed"
        plain = await browser.options("/v1/grants", headers={"origin": "https://a.example"})
        assert plain.status_code == 401
        assert "access-control-allow-origin" not in plain.headers
