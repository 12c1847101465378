"""Logs carry the request and no secret; counters of several processes add up."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from tests.infra import edge_app
from tests.infra.edge_app import Box

from guildbank.infra.metrics import Metrics, share_metrics
from guildbank.infra.telemetry import REQUEST, RequestContext, redact, set_up_logging

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "secret",
    [
        "sk_4fzQ0aBcDeFgHiJkLmNoPq",
        "whsec_c2VjcmV0c2VjcmV0",
        "Bearer abc.def-123",
        "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJwIn0.c2ln",
        "postgresql://guild:hunter2@db.internal/guildbank",
    ],
)
def test_a_secret_in_a_text_is_hidden(secret: str) -> None:
    shown = str(redact(f"call failed with {secret} at noon"))
    assert "at noon" in shown
    for part in ("4fzQ0", "c2VjcmV0", "abc.def", "eyJzdWIi", "hunter2"):
        assert part not in shown


def test_a_secret_is_hidden_by_the_name_it_stands_under() -> None:
    event = {
        "headers": {"Authorization": "opaque", "X-Api-Key": "k", "Accept": "json"},
        "settings": [{"webhook_secret": "x", "mode": "test"}],
        "body": b"raw",
    }
    assert redact(event) == {
        "headers": {"Authorization": "[hidden]", "X-Api-Key": "[hidden]", "Accept": "json"},
        "settings": [{"webhook_secret": "[hidden]", "mode": "test"}],
        "body": "<3 bytes>",
    }


@pytest.mark.usefixtures("_own_logging")
def test_each_line_is_json_with_the_request_and_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("json")
    token = REQUEST.set(RequestContext("req-1", TRACE))
    try:
        structlog.get_logger("guildbank.test").warning("told", authorization="Bearer x", at=5)
        logging.getLogger("library").warning("using %s", "sk_4fzQ0aBcDeFgHiJkLmNoPq")
        try:
            raise ValueError("key sk_4fzQ0aBcDeFgHiJkLmNoPq is old")
        except ValueError:
            structlog.get_logger("guildbank.test").exception("failed")
    finally:
        REQUEST.reset(token)
    shown = capsys.readouterr().err
    assert "4fzQ0" not in shown
    own, library, failed = (json.loads(line) for line in shown.splitlines())
    assert (own["event"], own["at"], own["level"]) == ("told", 5, "warning")
    assert own["authorization"] == "[hidden]"
    assert library["event"] == "using [hidden]"
    assert "ValueError" in failed["exception"]
    for line in (own, library, failed):
        assert (line["request_id"], line["trace_id"]) == ("req-1", TRACE)


@pytest.mark.usefixtures("_own_logging")
async def test_a_failure_is_found_by_the_request_id_and_the_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("json")
    box = Box()
    box.raises = RuntimeError("broken")
    transport = httpx.ASGITransport(app=edge_app.make(box))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post(
            "/v1/fails",
            headers={
                "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
                "authorization": "Bearer sk_4fzQ0aBcDeFgHiJkLmNoPq",
            },
        )
    line = json.loads(capsys.readouterr().err.splitlines()[0])
    assert line["request_id"] == answer.json()["requestId"]
    assert line["trace_id"] == TRACE
    assert "RuntimeError: broken" in line["exception"]
    assert "4fzQ0" not in json.dumps(line)


async def test_metrics_count_by_route_and_never_by_address() -> None:
    transport = httpx.ASGITransport(app=edge_app.make())  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for player in ("player_1", "player_2"):
            headers = {"authorization": "Bearer sk_all"}
            await client.get(f"/v1/players/{player}/grants", headers=headers)
        for path in ("/no/1", "/no/2"):
            await client.get(path)
        page = (await client.get("/metrics")).text
    assert (
        'guildbank_http_request_seconds_count{method="GET",'
        'route="/v1/players/{player_id}/grants",status="200"} 2.0' in page
    )
    assert 'route="(unmatched)",status="404"} 2.0' in page
    assert "player_1" not in page
    assert "guildbank_http_requests_in_flight 1.0" in page


_WORKER = """
from guildbank.infra.metrics import Metrics
metrics = Metrics()
metrics.in_flight.inc()
metrics.observe("GET", "/v1/x", 200, 0.01)
"""


def test_the_counters_of_all_processes_add_up_and_survive_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "counter_1.db").write_bytes(b"left by an earlier run")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    share_metrics(folder)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", _WORKER], check=True, env=dict(os.environ))
    page = Metrics().page().decode()
    assert 'seconds_count{method="GET",route="/v1/x",status="200"} 2.0' in page
    # Both workers are gone, and so is what they had in flight.
    assert "guildbank_http_requests_in_flight 2.0" not in page
