"""The committed OpenAPI file is what the server says of itself, so that clients may trust it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from tests.servers.guildbank import GuildbankServer

from guildbank.app.document import openapi_document

FILE = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def test_the_committed_document_is_the_present_one():
    advice = "write it anew: .venv/bin/guildbank openapi > docs/openapi.json"
    assert FILE.read_text(encoding="utf-8") == openapi_document(), advice


def test_the_server_publishes_the_same_document(server: GuildbankServer):
    published = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()
    assert published == json.loads(FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(openapi_document())
    return found


def test_every_reference_leads_somewhere(document: dict[str, Any]):
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        place: Any = document
        for step in reference.split("/"):
            assert step in place, reference
            place = place[step]


def test_every_operation_has_an_id_of_words_that_no_other_has(document: dict[str, Any]):
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(set(ids)) == len(ids)
    # A number would come from the order of routes, and move with the next one.
    assert [one for one in ids if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", one)] == []


def test_no_two_schemas_want_one_name(document: dict[str, Any]):
    # Of two classes with one name, each gets that of its module: generated clients show it.
    assert [name for name in document["components"]["schemas"] if "." in name] == []


def test_every_example_fits_its_schema(document: dict[str, Any]):
    for name, media in examples(document):
        schema = {**media["schema"], "components": document["components"]}
        try:
            jsonschema_rs.validate(schema, media["example"])
        except jsonschema_rs.ValidationError as error:
            raise AssertionError(f"{name}: {error}") from None


def examples(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every example of the document, problems too, with the place where it stands."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            contents = {"body": operation.get("requestBody", {}), **operation["responses"]}
            for part, content in contents.items():
                for media in content.get("content", {}).values():
                    if "example" in media:
                        yield f"{method} {path} {part}", media
    for name, response in document["components"]["responses"].items():
        for media in response["content"].values():
            yield name, media


def test_every_operation_has_a_summary_and_each_body_an_example(document: dict[str, Any]):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], f"{method} {path}"
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            assert body is None or "example" in body, f"{method} {path} has no example"
