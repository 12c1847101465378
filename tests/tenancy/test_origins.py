"""Only exact origins over TLS can be listed, so that no pattern lets in more than was meant."""

import pytest
from tests.house import House

from guildbank.tenancy.rules import MAX_ORIGINS, check_origins

GOOD = [
    "https://game.example", "https://play.game.example:8443", "https://localhost",
    "http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:3000",
    "https://xn--mnchen-3ya.example", "https://203.0.113.7",
]  # fmt: skip
BAD = [
    "*", "https://*", "https://*.game.example", "null", "", "game.example", "http://game.example",
    "https://game.example/", "https://game.example/play", "https://game.example?x", "ftp://a.b",
    "HTTPS://game.example", "https://Game.example", "https://game.example:443", "http://localhost:80",
    "https://game.example:0", "https://game.example:65536", "https://user@game.example",
    "https://game.example https://other.example", "https://münchen.example", "https://-a.example",
    "http://127.0.0.2:3000", "http://localhost.evil.example", "https://game.example\n",
    "file://", "https://" + "a" * 300 + ".example",
]  # fmt: skip


def test_exact_origins_are_taken():
    assert check_origins(GOOD, "origins") is None


@pytest.mark.parametrize("origin", BAD)
def test_others_are_refused_and_named(origin: str):
    refusal = check_origins([GOOD[0], origin], "origins")
    assert refusal is not None
    assert refusal.field == "origins.1"


async def test_origins_are_kept_with_the_tenant(house: House) -> None:
    async with house.client(house.app(), await house.key(None)) as operator:
        body = {"slug": "web-page", "name": "Web", "settings": {"corsOrigins": [GOOD[0]]}}
        made = await operator.post("/v1/tenants", json=body)
        assert made.json()["settings"]["corsOrigins"] == [GOOD[0]], made.text
        path = "/v1/tenants/web-page"
        for origins, field in (
            ([BAD[0]], "settings.corsOrigins.0"),
            ([f"https://g{n}.example" for n in range(MAX_ORIGINS + 1)], "settings.corsOrigins"),
            ("https://game.example", "settings.corsOrigins"),
        ):
            wrong = await operator.patch(path, json={"settings": {"corsOrigins": origins}})
            assert (wrong.status_code, wrong.json()["field"]) == (422, field)
        assert (await operator.get("/v1/tenants/web-page")).json() == made.json()
        wrong = await operator.post(
            "/v1/tenants", json={**body, "slug": "web-b", "settings": {"corsOrigins": ["*"]}}
        )
        assert (wrong.status_code, wrong.json()["field"]) == (422, "settings.corsOrigins.0")
