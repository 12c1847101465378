"""The lab's Apple knows whose key asks, keeps what it sent, and hears only who agreed."""

import time
from itertools import pairwise
from typing import Any, get_args

import httpx
import pytest
from appstoreserverlibrary.models.AutoRenewStatus import AutoRenewStatus
from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.models.NotificationTypeV2 import NotificationTypeV2
from appstoreserverlibrary.models.Subtype import Subtype
from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from tests.servers.lab import LabServer

from guildbank_lab.apple import words
from guildbank_lab.apple.chain import signed

LIFE_SECONDS = 300


class Developer:
    """A developer whose app is in the lab's store, and who calls Apple's API."""

    def __init__(self, lab: LabServer) -> None:
        self.lab = lab
        self.settings = lab.open_apple(None, [])
        key = load_pem_private_key(self.settings["private_key"].encode(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self.key = key

    def token(self, **changes: object) -> str:
        now = int(time.time())
        claims = {
            "bid": self.settings["bundle_id"], "iss": self.settings["issuer_id"],
            "aud": "appstoreconnect-v1", "exp": now + LIFE_SECONDS, **changes,
        }  # fmt: skip
        return signed(self.key, {"alg": "ES256", "kid": self.settings["key_id"]}, claims)

    def ask(
        self, method: str, path: str, body: object = None, token: str | None = None
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {token or self.token()}"}
        with httpx.Client(base_url=self.lab.url, trust_env=False) as http:
            return http.request(method, f"/inApps{path}", json=body, headers=headers)

    def do(self, path: str, **body: object) -> dict[str, Any]:
        return self.lab.do(f"/lab/apple{path}", bundle_id=self.settings["bundle_id"], **body)


@pytest.fixture
def developer(lab: LabServer) -> Developer:
    return Developer(lab)


def test_the_app_s_key_is_shown_its_purchases_and_no_other_app_s(
    lab: LabServer, developer: Developer
) -> None:
    bought = developer.do("/buy", product="example.gems")["transaction"]
    assert developer.ask("GET", f"/v1/transactions/{bought}").status_code == 200
    other = Developer(lab).ask("GET", f"/v1/transactions/{bought}")
    assert (other.status_code, other.json()["errorCode"]) == (404, 4040010)


@pytest.mark.parametrize("changes", [{"bid": "example.other"}, {"iss": "x"}, {"aud": "x"}])
def test_a_token_for_others_is_not_taken(developer: Developer, changes: dict[str, object]) -> None:
    token = developer.token(**changes)
    assert developer.ask("GET", "/v1/transactions/1", token=token).status_code == 401


def test_a_token_by_a_stranger_is_not_taken(lab: LabServer, developer: Developer) -> None:
    stranger = Developer(lab)
    stranger.settings = developer.settings
    assert developer.ask("GET", "/v1/transactions/1", token=stranger.token()).status_code == 401


def test_the_history_has_pages_of_twenty_and_misses_nothing(developer: Developer) -> None:
    for _ in range(45):
        developer.do("/buy", product="example.gems")
    span = {"startDate": 0, "endDate": 4_000_000_000_000}
    sizes, page = [], ""
    while True:
        answer = developer.ask("POST", f"/v1/notifications/history{page}", span).json()
        sizes.append(len(answer["notificationHistory"]))
        if not answer["hasMore"]:
            break
        page = f"?paginationToken={answer['paginationToken']}"
    assert sizes == [20, 20, 5]


def test_a_purchase_is_made_once_for_a_token_if_it_is_wanted_so(developer: Developer) -> None:
    sale = {"product": "example.gems", "token": "1b671a64-40d5-491e-99b0-da01ff1f3341"}
    first, same = (developer.do("/buy", **sale, once=True) for _ in "12")
    assert first["transaction"] == same["transaction"]
    assert developer.do("/buy", **sale)["transaction"] != first["transaction"]


def test_what_was_used_is_heard_of_who_agreed_alone(developer: Developer) -> None:
    bought = developer.do("/buy", product="example.gems")["transaction"]
    path = f"/v2/transactions/consumption/{bought}"
    refused = developer.ask("PUT", path, {"customerConsented": False})
    assert (refused.status_code, refused.json()["errorCode"]) == (400, 4000035)
    assert developer.do("/heard", transaction=bought)["consumption"] is None
    told = {"customerConsented": True, "consumptionPercentage": 5_000}
    assert developer.ask("PUT", path, told).status_code == 202
    assert developer.do("/heard", transaction=bought)["consumption"] == told


def test_apple_s_library_reads_how_a_subscription_stands_and_each_period(
    developer: Developer,
) -> None:
    kind = "Auto-Renewable Subscription"
    first = developer.do("/buy", product="example.gems", kind=kind)["transaction"]
    periods = [first, *(developer.do("/renew", original=first)["transaction"] for _ in range(21))]
    developer.do("/become", original=first, what="grace")
    root = load_pem_x509_certificate(developer.settings["lab_root"].encode())
    verifier = SignedDataVerifier(
        [root.public_bytes(Encoding.DER)], False, Environment.SANDBOX,
        developer.settings["bundle_id"], developer.settings["app_apple_id"],
    )  # fmt: skip
    told = developer.ask("GET", f"/v1/subscriptions/{first}").json()
    (last,) = told["data"][0]["lastTransactions"]
    newest = verifier.verify_and_decode_signed_transaction(last["signedTransactionInfo"])
    renewal = verifier.verify_and_decode_renewal_info(last["signedRenewalInfo"])
    assert (last["status"], newest.transactionId) == (4, periods[-1])
    assert renewal.autoRenewStatus is AutoRenewStatus.ON
    found, more = [], ""
    while True:
        page = developer.ask("GET", f"/v2/history/{first}{more}").json()
        found += [
            verifier.verify_and_decode_signed_transaction(one) for one in page["signedTransactions"]
        ]
        if not page["hasMore"]:
            break
        more = f"?revision={page['revision']}"
    assert [one.transactionId for one in found] == periods
    assert {one.originalTransactionId for one in found} == {first}
    assert all(later.purchaseDate == earlier.expiresDate for earlier, later in pairwise(found))


def test_an_app_that_is_in_no_store_sells_nothing(lab: LabServer) -> None:
    with httpx.Client(base_url=lab.url, trust_env=False) as http:
        sale = {"bundle_id": "example.nowhere", "product": "x"}
        assert http.post("/lab/apple/buy", json=sale).status_code == 404


def test_it_notifies_by_the_words_of_apples_own_library_and_by_no_others(
    developer: Developer,
) -> None:
    without_a_purchase = {"EXTERNAL_PURCHASE_TOKEN", "RESCIND_CONSENT", "TEST"}
    assert {*get_args(words.Type), *without_a_purchase} == {one.value for one in NotificationTypeV2}
    assert set(get_args(words.Subtype)) == {one.value for one in Subtype}
    bought = developer.do("/buy", product="example.gems")["transaction"]
    developer.do("/tell", transaction=bought, kind="RENEWAL_EXTENSION", subtype="FAILURE")
    wanted = {"bundle_id": developer.settings["bundle_id"], "transaction": bought}
    for said in (
        {"kind": "MOON_PHASE"},
        {"kind": "TEST"},
        {"kind": "REVOKE", "subtype": "MOON"},
    ):
        answer = httpx.post(
            f"{developer.lab.url}/lab/apple/tell", json={**wanted, **said}, trust_env=False
        )
        assert answer.is_client_error
