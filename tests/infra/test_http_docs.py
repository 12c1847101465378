"""The OpenAPI document says what the server does, and the pages show it without other hosts."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
from tests.infra import edge_app

from guildbank.infra.http.problems import EDGE_CODES


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=edge_app.make())  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.fixture(scope="module")
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def test_bodies_are_closed_and_carry_their_limits(document: dict[str, Any]) -> None:
    grant = document["components"]["schemas"]["Grant"]
    assert grant["additionalProperties"] is False
    assert grant["required"] == ["playerId", "amount"]
    assert grant["properties"]["amount"]["maximum"] == 2**53 - 1
    assert grant["properties"]["metadata"]["maxProperties"] == 50
    assert grant["description"] == "Give free coins to a player."


def test_every_operation_names_its_problems_and_credentials(document: dict[str, Any]) -> None:
    post = document["paths"]["/v1/grants"]["post"]
    for status in ("400", "401", "403", "404", "405", "409", "413", "415", "422", "503"):
        assert post["responses"][status]["$ref"].endswith(f"Problem{status}")
    assert post["security"] == [{"secretKey": []}, {"operatorCookie": []}]
    assert post["x-scopes"] == ["wallets:grant"]
    listing = document["paths"]["/v1/players/{player_id}/grants"]["get"]
    assert listing["security"] == [
        {"secretKey": []},
        {"playerToken": []},
        {"operatorCookie": []},
    ]
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert set(document["paths"]["/v1/players"]["post"]["responses"]) >= {"200", "201"}


def test_operation_ids_are_unique_and_references_resolve(document: dict[str, Any]) -> None:
    ids = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(ids) == len(set(ids))
    for reference in re.findall(rb'"\$ref":"#/([^"]+)"', msgspec.json.encode(document)):
        place: Any = document
        for step in reference.decode().split("/"):
            place = place[step]


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for path in document["paths"].values():
        for operation in path.values():
            contents = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in contents:
                for media in content.get("content", {}).values():
                    if "example" not in media:
                        continue
                    schema = {**media["schema"], "components": document["components"]}
                    jsonschema_rs.validate(schema, media["example"])
                    checked += 1
    assert checked >= 6


async def test_the_example_of_a_body_is_accepted(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    post = document["paths"]["/v1/grants"]["post"]
    example = post["requestBody"]["content"]["application/json"]["example"]
    headers = {"authorization": "Bearer sk_all", "idempotency-key": "k"}
    assert (await client.post("/v1/grants", json=example, headers=headers)).status_code == 201


@pytest.mark.parametrize("path", ["/docs", "/docs/problems"])
async def test_pages_load_nothing_and_run_nothing(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for forbidden in ("<script", "<link", "src=", "url(", "@import"):
        assert forbidden not in answer.text
    assert not re.search(r'href=["\'](https?:)?//', answer.text)


async def test_the_docs_show_operations_schemas_examples_and_curl(
    client: httpx.AsyncClient,
) -> None:
    page = (await client.get("/docs")).text
    for expected in (
        "Grant free coins to a player",
        "curl -X POST $GUILDBANK_URL/v1/grants",
        "Idempotency-Key: order-4711",
        'id="schema-Grant"',
        "&quot;playerId&quot;",
    ):
        assert expected in page
    anchors = set(re.findall(r'id=["\']([^"\']+)', page))
    assert set(re.findall(r'href=["\']#([^"\']+)', page)) <= anchors


async def test_every_problem_code_has_its_place(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs/problems")).text
    for code in (*EDGE_CODES, edge_app.FROZEN):
        assert f'id="{code.code}"' in page
        assert str(code.status) in page


async def test_what_the_document_sets_in_backticks_is_code(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    assert "with a stable <code>code</code>" in page
    assert "`" not in re.sub(r"(?s)<pre>.*?</pre>", "", page)
