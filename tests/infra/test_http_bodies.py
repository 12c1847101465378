"""A body that is not exactly as documented gets a 4xx problem that names the field."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.infra import edge_app
from tests.infra.edge_app import body

HEADERS = {
    "authorization": "Bearer sk_all",
    "content-type": "application/json",
    "idempotency-key": "order-1",
}
NUL = "\x00"


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=edge_app.make())  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def refused(client: httpx.AsyncClient, content: Any, **headers: str) -> dict[str, Any]:
    answer = await client.post("/v1/grants", content=content, headers={**HEADERS, **headers})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["requestId"] == answer.headers["x-request-id"]
    assert problem["type"] == f"/docs/problems#{problem['code']}"
    assert problem["detail"].endswith(".")
    return problem


async def test_a_good_body_is_taken(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/grants", content=body(note="für dich 🎁"), headers=HEADERS)
    assert answer.status_code == 201
    assert answer.json() == {
        "playerId": "player_1",
        "amount": 5,
        "by": "app_1",
        "note": "für dich 🎁",
    }


@pytest.mark.parametrize(
    ("content", "code", "field"),
    [
        (body(amount="5"), "wrong_type", "amount"),
        (body(amount=5.0), "wrong_type", "amount"),
        (body(amount=1.5), "wrong_type", "amount"),
        (body(amount=True), "wrong_type", "amount"),
        (body(amount=None), "wrong_type", "amount"),
        (body(amount=[5]), "wrong_type", "amount"),
        (body(amount=0), "amount_not_positive", "amount"),
        (body(amount=-1), "amount_not_positive", "amount"),
        (body(amount=2**53), "out_of_range", "amount"),
        (body(amount=10**400), "out_of_range", "amount"),
        (b'{"playerId":"p","amount":%s}' % (b"9" * 5_000), "out_of_range", "amount"),
        (b'{"playerId":"p","amount":1e400}', "out_of_range", "amount"),
        (body(items=[{"packId": "a", "units": 0}]), "out_of_range", "items.0.units"),
        (b'{"playerId":"p","amount":1e2}', "wrong_type", "amount"),
        (b'{"playerId":"p"}', "missing_field", "amount"),
        (body(extra=1), "unknown_field", "extra"),
        (body(player_id="p"), "unknown_field", "player_id"),
        (
            body(items=[{"packId": "a", "units": 1}, {"packId": "b"}]),
            "missing_field",
            "items.1.units",
        ),
        (body(items=[{"packId": "a", "units": 1, "x": 2}]), "unknown_field", "items.0.x"),
        (body(items=[{"packId": 7, "units": 1}]), "wrong_type", "items.0.packId"),
        (body(items=[{"packId": "a", "units": 1}] * 4), "out_of_range", "items"),
        (body(note=""), "out_of_range", "note"),
        (body(note="x" * 201), "out_of_range", "note"),
        (body(note="two\nlines"), "invalid_value", "note"),
        (body(note="end\n"), "invalid_value", "note"),
        (body(metadata={str(n): "x" for n in range(51)}), "out_of_range", "metadata"),
        (body(metadata={str(n): "x" for n in range(10_000)}), "out_of_range", "metadata"),
        (body(metadata={"a": 1}), "wrong_type", "metadata"),
        (body(metadata={"": "x"}), "out_of_range", "metadata"),
        (body(metadata={"k" * 65: "x"}), "out_of_range", "metadata"),
        (body(metadata={"a": "x" * 501}), "out_of_range", "metadata"),
        (body(price={"amount": "4,99", "currency": "EUR"}), "invalid_value", "price.amount"),
        (body(price={"amount": "4.999", "currency": "EUR"}), "invalid_value", "price.amount"),
        (body(price={"amount": "0.00", "currency": "EUR"}), "out_of_range", "price.amount"),
        (body(price={"amount": "-1", "currency": "EUR"}), "invalid_value", "price.amount"),
        (body(price={"amount": 4.99, "currency": "EUR"}), "wrong_type", "price.amount"),
        (body(price={"amount": "4.99", "currency": "eur"}), "invalid_value", "price.currency"),
        (body(price={"amount": "4.99", "currency": "ZZZ"}), "unknown_currency", "price.currency"),
        (b"[]", "wrong_type", None),
        (b"null", "wrong_type", None),
        (b'"text"', "wrong_type", None),
    ],
)
async def test_a_wrong_value_is_named(
    client: httpx.AsyncClient, content: bytes, code: str, field: str | None
) -> None:
    problem = await refused(client, content)
    assert (problem["code"], problem.get("field")) == (code, field)
    assert problem["status"] == 422


@pytest.mark.parametrize(
    ("metadata", "detail"),
    [
        ({"a": 1}, "A value in metadata must be a string."),
        ({"a": "x" * 501}, "A value in metadata must have at most 500 characters."),
        ({"k" * 65: "x"}, "A name in metadata must have at most 64 characters."),
        ({"": "x"}, "A name in metadata must have at least 1 characters."),
        ("a", "metadata must be an object."),
    ],
)
async def test_a_wrong_member_is_not_taken_for_its_object(
    client: httpx.AsyncClient, metadata: object, detail: str
) -> None:
    problem = await refused(client, body(metadata=metadata))
    assert (problem["detail"], problem["field"]) == (detail, "metadata")


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"not json",
        b'{"playerId":"p","amount":1,}',
        b'{"playerId":"p","amount":01}',
        b'{"playerId":"p","amount":NaN}',
        b'{"playerId":"p","amount":1} trailing',
        b"\xef\xbb\xbf" + body(),
        b'{"playerId":"\xff","amount":1}',
        b'{"playerId":"p","amount":1,"note":"\x00"}',
        b'{"playerId":"\\ud800","amount":1}',
        b'{"playerId":"a","playerId":"b","amount":1}',
        b'{"playerId":"a","amount":1,"metadata":{"k":"1","k":"2"}}',
        b'{"playerId":"a","amount":1,"player\\u0049d":"b"}',
    ],
)
async def test_malformed_json_is_refused_as_such(client: httpx.AsyncClient, content: bytes) -> None:
    problem = await refused(client, content)
    assert (problem["code"], problem["status"]) == ("malformed_json", 400)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
async def test_deep_nesting_is_a_client_error(client: httpx.AsyncClient, opening: bytes) -> None:
    for content in (opening * 100_000, b'{"metadata":{"a":' + opening * 100_000):
        problem = await refused(client, content)
        assert problem["code"] in ("malformed_json", "wrong_type", "unknown_field")


@pytest.mark.parametrize(
    "members",
    [
        {"playerId": f"p{NUL}"},
        {"metadata": {"k": f"v{NUL}"}},
        {"metadata": {f"k{NUL}": "v"}},
        {"note": NUL},
    ],
)
async def test_the_nul_character_is_refused_wherever_it_hides(
    client: httpx.AsyncClient, members: dict[str, Any]
) -> None:
    assert (await refused(client, body(**members)))["code"] == "invalid_value"


async def test_the_text_backslash_u0000_is_not_the_nul_character(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/v1/grants", content=body(note="\\u0000"), headers=HEADERS)
    assert answer.status_code == 201
    assert answer.json()["note"] == "\\u0000"


async def test_an_empty_body_is_refused(client: httpx.AsyncClient) -> None:
    problem = await refused(client, b"")
    assert (problem["code"], problem["status"]) == ("body_required", 400)


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/jsonp",
        "",
    ],
)
async def test_other_media_types_are_refused(client: httpx.AsyncClient, media: str) -> None:
    problem = await refused(client, body(), **{"content-type": media})
    assert (problem["code"], problem["status"]) == ("unsupported_media_type", 415)


async def test_json_in_utf_8_may_say_so(client: httpx.AsyncClient) -> None:
    headers = {**HEADERS, "content-type": 'Application/JSON; charset="UTF-8"'}
    answer = await client.post("/v1/grants", content=body(), headers=headers)
    assert answer.status_code == 201


async def test_a_body_over_the_limit_is_refused_by_its_announced_length(
    client: httpx.AsyncClient,
) -> None:
    problem = await refused(client, b" " * (1024 * 1024 + 1))
    assert (problem["code"], problem["status"]) == ("body_too_large", 413)


async def test_a_body_over_the_limit_is_refused_without_an_announced_length() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while taken < 100 * 1024 * 1024:
            taken += 64 * 1024
            yield b" " * 64 * 1024

    transport = httpx.ASGITransport(app=edge_app.make())  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        problem = await refused(client, endless())
    assert problem["code"] == "body_too_large"
    assert taken < 2 * 1024 * 1024


async def test_a_refusal_of_a_use_case_keeps_its_code_and_facts(client: httpx.AsyncClient) -> None:
    problem = await refused(client, body(amount=666))
    assert (problem["code"], problem["status"]) == ("account_frozen", 409)
    assert problem["since"] == 5
