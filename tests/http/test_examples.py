"""Each example of the OpenAPI document, sent as it stands, does what it says.

Only ids are put in: an example cannot know those of a tenant that is made here.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer

from guildbank.app.document import openapi_document
from guildbank.app.rooms import tenant_scopes
from guildbank.kernel import new_id

EXAMPLE_ID = "01kag3pyqmf9aag12vtrsy70ps"
EXAMPLE_SEQ = "01m7yqwf9ke00800000000003v"
SLUG = "moonlit-games"
PASSWORD = "three lamps sing"
OF_PLAYERS = (
    "/register", "/login", "/refresh", "/buy-currency", "/wallet/buy", "/profile", "/v1/consents",
    "/account/password",
)  # fmt: skip
FROM_ELSEWHERE = {
    "POST /v1/sign-in/begin": (422, "return_url_not_registered"),
    "POST /v1/sign-in/exchange": (401, "exchange_refused"),
    "POST /v1/sign-in/assertions": (422, "unknown_identity_provider"),
    "POST /v1/sign-in/link-codes": (401, "link_code_refused"),
    "POST /v1/sign-in/link": (401, "link_code_refused"),
    "POST /v1/guests/sign-in": (401, "login_failed"),
    "POST /v1/account/email/confirm": (422, "ticket_not_valid"),
    "POST /v1/account/email/change": (422, "ticket_not_valid"),
    "POST /v1/account/email/undo": (422, "ticket_not_valid"),
    "POST /v1/account/password/reset": (422, "ticket_not_valid"),
}
"""Examples that hold what no example can know: a code, a secret, what a provider signed. They are
well formed, and refused for nothing but that."""
PROOFS = ("/second-factor", "/step-up", "/passkey", "/confirm-code", "/account/email")
UNPROVED = {
    "challenge_ended",
    "passkey_refused",
    "passkeys_off",
    "second_factor_off",
    "second_factor_failed",
    "method_not_open",
    "not_found",
    "ticket_not_valid",
    "step_up_required",
}
"""What an example of a proof is answered, which was read and can prove nothing here."""
_numbers = count()


def bodies() -> dict[str, Any]:
    """Return the example of each route that takes a body."""
    found = {}
    for path, methods in json.loads(openapi_document())["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                found[f"{method.upper()} {path}"] = content["application/json"]["example"]
    return found


OF_OPERATORS = (
    "/v1/operator", "/v1/roles", "/v1/staff-sign-in", "/v1/approval", "/v1/refund-policy",
    "/v1/spent-coins", "/v1/payout-terms",
)  # fmt: skip
ENDS_OF_OPERATORS = (
    "/clear-factors",
    "/confirmation",
    "/decision",
    "/refund-requests",
    "/evidence",
    "/payout-destinations",
    "/payouts",
    "/approval",
    "/rejection",
)


def of_operators(name: str) -> bool:
    """Say whether only people may call: those tell a story of their own, in a file of their own."""
    path = name.split()[1]
    return path.startswith(OF_OPERATORS) or path.endswith(ENDS_OF_OPERATORS)


EXAMPLES = {name: body for name, body in bodies().items() if not of_operators(name)}
FIRST = (
    "POST /v1/tenants", "POST /v1/currencies", "POST /v1/players", "POST /v1/packs",
    "POST /v1/documents", "POST /v1/pipelines/{purpose}/revisions",
    "PUT /v1/providers/{provider_id}",
)  # fmt: skip
OF_NO_PLUGIN = ("PUT /v1/pipelines/{purpose}/secrets/{step}",)
"""Examples that name a plugin which nobody has installed here."""
LAST = ("POST /v1/tenants/{slug}/delete",)
SIGNED_IN = ("POST /v1/guests/upgrade", "POST /v1/identities")
ORDER = (
    *FIRST,
    *sorted(set(EXAMPLES) - {*FIRST, *LAST, *FROM_ELSEWHERE, *SIGNED_IN}),
    *LAST,
)


class Tenant:
    """The tenant of the examples, made by them as far as they go."""

    def __init__(self, server: GuildbankServer) -> None:
        self.server = server
        self.deployment = server.client(server.credentials.deployment_key)
        self.http = httpx.Client()
        self.players = httpx.Client(base_url=server.url, timeout=30, trust_env=False)

    def open(self) -> None:
        """Take over the tenant that the first example made."""
        wanted = {"tenant": SLUG, "name": "all", "scopes": tenant_scopes()}
        key = self.deployment.post("/v1/keys", json=wanted)
        self.http.close()
        self.http = self.server.client(key.json()["token"])
        client = self.http.post("/v1/keys", json={"name": "game", "kind": "publishable"})
        self.players.headers["x-guildbank-key"] = client.json()["token"]

    def close(self) -> None:
        self.http.close()
        self.players.close()
        self.deployment.close()

    def made(self, path: str, body: object) -> dict[str, Any]:
        answer = self.http.post(path, json=body, headers={"idempotency-key": new_id("key")})
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found

    def sell(self) -> None:
        """Open an account at the sandbox provider; the example's is nobody's."""
        base = str(self.server.credentials.sandbox_url)
        account = {"api_key": SLUG, "webhook_secret": f"whsec-{EXAMPLE_ID}"}
        httpx.post(f"{base}/v1/accounts", json=account, trust_env=False).raise_for_status()
        settings = {"base_url": base, **account}
        self.http.put("/v1/providers/sandbox", json={"settings": settings}).raise_for_status()

    def ids(self, name: str) -> Mapping[str, str]:
        """Return fresh objects for one example, by the prefix of their ids."""
        if name in FIRST:
            return {}
        player = self.made("/v1/players", {"externalId": new_id("user")})["id"]
        move = {"playerId": player, "currency": "GEM", "amount": 300}
        self.made("/v1/grants", move)
        spent = self.made("/v1/spends", {**move, "amount": 100})
        held = self.made("/v1/holds", {**move, "amount": 100})
        spare = self.made("/v1/keys", {"name": "spare", "scopes": ["players:read"]})
        pack = self.http.get("/v1/packs").json()["items"][0]
        ids = {
            "key": spare["key"]["id"], "player": player, "hold": held["holdId"],
            "txn": spent["transactionId"], "pack": pack["id"],
        }  # fmt: skip
        if name.endswith("/erase"):
            # Coins that are put aside stand against it.
            self.made(f"/v1/holds/{held['holdId']}/release", None)
        if "/payments" in name:
            self.sell()
            how = "instant" if name.endswith("/refunds") else "instant_decline"
            buy = {"playerId": player, "packId": ids["pack"], "currency": "EUR", "method": how}
            ids["pay"] = self.made("/v1/payments", {**buy, "provider": "sandbox"})["id"]
        return ids

    def come_in(self, method: str, path: str, body: str) -> httpx.Response:
        """Send an example of a player: one who registers, signs in, goes on or buys."""
        headers = {"content-type": "application/json"}
        name = f"alice{next(_numbers)}"
        body = body.replace("alice", name)
        known = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        if "buy" in path:
            self.sell()
        if not path.endswith("/register"):
            assert self.players.post("/register", json=known).status_code == 201
            tokens = self.players.post("/login", json=known | {"email": None}).json()
            body = body.replace("rt_...", tokens["refreshToken"])
            headers["authorization"] = f"Bearer {tokens['token']}"
        return self.players.request(method, path, content=body, headers=headers)

    def prove(self, method: str, path: str, body: str) -> httpx.Response:
        """Send an example of a proof, as a player who has just signed in."""
        name = f"bob{next(_numbers)}"
        known = {"username": name, "password": PASSWORD}
        assert self.players.post("/register", json=known).status_code == 201
        token = self.players.post("/login", json=known).json()["token"]
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        at = path.format(passkey_id=f"passkey_{EXAMPLE_ID}")
        return self.players.request(method, at, content=body, headers=headers)

    def send(self, name: str) -> httpx.Response:
        """Send an example, this tenant's ids in it."""
        method, path = name.split()
        body = json.dumps(EXAMPLES[name])
        if path.endswith(OF_PLAYERS):
            return self.come_in(method, path, body)
        if any(part in path for part in PROOFS):
            return self.prove(method, path, body)
        ids = {} if name == "POST /v1/tenants" else self.ids(name)
        for prefix, own in ids.items():
            for sample in (EXAMPLE_ID, EXAMPLE_SEQ):
                body = body.replace(f"{prefix}_{sample}", own)
        at = path.format(
            player_id=ids.get("player"), hold_id=ids.get("hold"), pack_id=ids.get("pack"),
            payment_id=ids.get("pay"), key_id=ids.get("key"), code="GEM", provider_id="sandbox",
            identity_provider_id="telegram", slug=SLUG, point="before_login", purpose="packs",
            step="ask",
        )  # fmt: skip
        client = self.deployment if path.startswith("/v1/tenants") else self.http
        headers = {"content-type": "application/json", "idempotency-key": new_id("key")}
        return client.request(method, at, content=body, headers=headers)


@pytest.fixture(scope="module")
def tenant(server: GuildbankServer) -> Iterator[Tenant]:
    made = Tenant(server)
    yield made
    made.close()


@pytest.mark.parametrize("name", ORDER)
def test_the_example_is_taken(tenant: Tenant, name: str):
    answer = tenant.send(name)
    if any(part in name for part in PROOFS):
        assert answer.json()["code"] in UNPROVED, answer.text
        return
    if name in OF_NO_PLUGIN:
        assert (answer.status_code, answer.json()["field"]) == (422, "plugin"), answer.text
        return
    assert answer.status_code in (200, 201, 202), answer.text
    if name == "POST /v1/tenants":
        tenant.open()
    if name == "POST /v1/operations:batch":
        assert [one["status"] for one in answer.json()["outcomes"]] == ["done"], answer.text


@pytest.fixture(scope="module")
def guest(server: GuildbankServer) -> Iterator[httpx.Client]:
    """A guest of the demo tenant, with a client that calls as nobody where it is told to."""
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        made = client.post("/v1/guests")
        assert made.status_code == 201, made.text
        client.headers["authorization"] = f"Bearer {made.json()['tokens']['token']}"
        yield client


@pytest.mark.parametrize(("name", "expected"), FROM_ELSEWHERE.items())
def test_an_example_of_what_comes_from_elsewhere_is_well_formed(
    server: GuildbankServer, name: str, expected: tuple[int, str]
):
    method, path = name.split()
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        answer = client.request(method, path, json=EXAMPLES[name])
    assert (answer.status_code, answer.json()["code"]) == expected, answer.text


def test_the_example_makes_a_guest_a_player_with_an_account(guest: httpx.Client):
    example = EXAMPLES["POST /v1/identities"]
    answer = guest.post("/v1/identities", json=example)
    assert answer.json()["code"] == "unknown_identity_provider", answer.text
    body = EXAMPLES["POST /v1/guests/upgrade"]
    answer = guest.post("/v1/guests/upgrade", json={**body, "username": "grown-up-guest"})
    assert answer.status_code == 200, answer.text
