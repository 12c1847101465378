"""Random requests, well-formed and not, over every operation: none breaks the server or its word.

The operations that end or stop what the other tests need are called by tests of their own.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from tests.servers.guildbank import GuildbankServer

from guildbank.app.document import openapi_document
from guildbank.app.rooms import tenant_scopes

SLUG = "fuzz"
load_all_checks()
CHECKED: list[Any] = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "response_headers_conformance",
        "negative_data_rejection",
    ]
)
few = settings(
    max_examples=10,
    deadline=None,
    # The same requests on every run: a failure is one that anybody can see again.
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
schema = schemathesis.openapi.from_dict(json.loads(openapi_document()))
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
OF_THE_DEPLOYMENT = r"^/v1/(tenants|keys)"
# A page of counters has no schema, and one proof at a time is a refusal of its own.
BY_OTHER_TESTS = r"^/metrics$|^/v1/proof$"


@pytest.fixture(scope="module")
def tenant_key(server: GuildbankServer) -> str:
    """The key of a tenant that random requests may do anything to."""
    with server.client(server.credentials.deployment_key) as client:
        assert client.post("/v1/tenants", json={"slug": SLUG, "name": "Fuzz"}).status_code == 201
        wanted = {"name": "fuzz", "tenant": SLUG, "scopes": tenant_scopes()}
        return str(client.post("/v1/keys", json=wanted).json()["token"])


@pytest.fixture(autouse=True)
def _still_up(server: GuildbankServer) -> Iterator[None]:
    """After each operation the server is as ready as before."""
    yield
    with server.client() as client:
        assert client.get("/readyz").status_code == 200


@(schema.exclude(path_regex=OF_THE_DEPLOYMENT).exclude(path_regex=BY_OTHER_TESTS).parametrize())
@few
def test_an_operation_keeps_to_the_document(
    case: schemathesis.Case, server: GuildbankServer, tenant_key: str
):
    check(case, server, tenant_key)


@schema.include(path_regex=OF_THE_DEPLOYMENT).parametrize()
@few
def test_an_operation_of_the_deployment_keeps_to_the_document(
    case: schemathesis.Case, server: GuildbankServer
):
    check(case, server, server.credentials.deployment_key)


def check(case: schemathesis.Case, server: GuildbankServer, key: str) -> None:
    """Send the request and hold the answer against the document."""
    headers = {"authorization": f"Bearer {key}"}
    answer = case.call(base_url=server.url, headers=headers, timeout=20)
    case.validate_response(answer, checks=CHECKED)
