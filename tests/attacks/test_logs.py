"""No secret is written to a log, whatever is called and however it fails."""

import io
import logging
from collections.abc import Iterator, Sequence

import pytest
import structlog
from tests.attacks.estate import send
from tests.attacks.table import Objects, Route
from tests.secret_shapes import secrets_in
from tests.studio import City, Studio

from guildbank.identity import mint_player_token
from guildbank.infra.telemetry import set_up_logging
from guildbank.kernel import Refusal


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything that is logged, at the level that says most."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    sink = io.StringIO()
    monkeypatch.setattr("sys.stderr", sink)
    set_up_logging("json", "debug")
    yield sink
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_no_key_or_token_is_ever_logged(
    city: City,
    castle: Studio,
    intruder: Studio,
    guarded: Sequence[Route],
    victim: Objects,
    written: io.StringIO,
) -> None:
    minted = await mint_player_token(city.services.identity, castle.ref, victim.player)
    assert not isinstance(minted, Refusal)
    deployment = await city.key(None)
    reads = [route for route in guarded if route.method == "GET"]
    for token in (victim.token, minted.token, deployment, victim.token + "x", "sk_" + "0" * 30):
        async with city.client(token) as client:
            for route in reads:
                await send(client, route, victim)
            await client.post(f"/v1/spends?key={token}", json={"token": token})
            await client.post("/v1/grants", content=b'{"token": "%s"' % token.encode())
            await client.get(f"/v1/players/{token}")
    for route in guarded:
        await send(intruder.http, route, victim)
    structlog.get_logger("guildbank.http").error(f"sent {victim.token}")
    text = written.getvalue()
    # The log was on: it has the line above, without its secret.
    assert "sent [hidden]" in text
    assert list(secrets_in(text)) == []
    assert not [one for one in (victim.token, minted.token, deployment) if one in text]


async def test_a_server_error_logs_its_reason_and_no_secret(
    city: City, castle: Studio, victim: Objects, written: io.StringIO
) -> None:
    async with city.services.db.begin(castle.ref.schema) as tx:
        await tx.driver.execute("ALTER TABLE wallets_currency RENAME TO wallets_hidden")
    try:
        answer = await castle.http.get("/v1/currencies")
    finally:
        async with city.services.db.begin(castle.ref.schema) as tx:
            await tx.driver.execute("ALTER TABLE wallets_hidden RENAME TO wallets_currency")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "wallets_currency" not in answer.text
    text = written.getvalue()
    assert "wallets_currency" in text
    assert answer.json()["requestId"] in text
    assert list(secrets_in(text)) == []
    assert castle.token not in text
