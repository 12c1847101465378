"""Apple's App Store Server API by the library's own client, over the core's HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
from appstoreserverlibrary.api_client import (
    APIError,
    APIException,
    AsyncAppStoreServerAPIClient,
    BaseAppStoreServerAPIClient,
)
from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.models.JWSTransactionDecodedPayload import JWSTransactionDecodedPayload

from guildbank.plugin_api import Context, Http, Method
from guildbank_appstore.settings import Settings
from guildbank_appstore.trust import Doubted, read_transaction

_METHODS: Mapping[str, Method] = {"GET": "GET", "POST": "POST", "PUT": "PUT"}
NOT_THERE = frozenset(
    {
        APIError.TRANSACTION_ID_NOT_FOUND,
        APIError.ORIGINAL_TRANSACTION_ID_NOT_FOUND,
        APIError.INVALID_TRANSACTION_ID,
    }
)


class AppleFailed(RuntimeError):
    """Apple did not do what it was asked, and did not refuse it either."""


class _Client(AsyncAppStoreServerAPIClient):
    """The library's client, sending by the core's; a lab's address may stand for Apple's."""

    def __init__(self, settings: Settings, environment: Environment, http: Http) -> None:
        # The library's own constructor would open a pool of connections.
        BaseAppStoreServerAPIClient.__init__(
            self,
            signing_key=settings.private_key.encode(),
            key_id=settings.key_id,
            issuer_id=settings.issuer_id,
            bundle_id=settings.bundle_id,
            environment=environment,
        )
        self._http = http
        if settings.lab_url is not None:
            self._base_url = settings.lab_url

    async def _execute_request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any],
        headers: Mapping[str, str],
        json: object,
        data: bytes | None = None,
    ) -> httpx.Response:
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        sent, body = dict(headers), data
        if json is not None:
            sent["Content-Type"] = "application/json"
            body = msgspec.json.encode(json)
        answer = await self._http.send(_METHODS[method], f"{url}{query}", headers=sent, body=body)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        return httpx.Response(answer.status, headers={"content-type": kind}, content=answer.body)


class Apple:
    """One call's way to Apple."""

    def __init__(self, context: Context, settings: Settings) -> None:
        self._context = context
        self.settings = settings

    @property
    def now(self) -> datetime:
        """The time of this call."""
        return self._context.now

    @property
    def environment(self) -> Environment:
        """The environment of the tenant."""
        return self.settings.environment

    def client(self, environment: Environment | None = None) -> AsyncAppStoreServerAPIClient:
        """Return the library's client; its calls raise APIException, NoAnswer."""
        return _Client(self.settings, environment or self.environment, self._context.http)

    async def transaction(
        self, transaction_id: str, environment: Environment | None = None
    ) -> JWSTransactionDecodedPayload | None:
        """Return a transaction as Apple has it now, None where it has none.

        Raises AppleFailed and NoAnswer: then nothing is certain.
        """
        where = environment or self.environment
        try:
            answer = await self.client(where).get_transaction_info(transaction_id)
        except APIException as error:
            if error.api_error in NOT_THERE:
                return None
            raise failed(error) from None
        try:
            found = read_transaction(
                self.settings, where, answer.signedTransactionInfo or "", self.now
            )
        except Doubted as doubted:
            raise AppleFailed(f"Apple's answer is not believed: {doubted.detail}") from None
        if found.transactionId != transaction_id:
            raise AppleFailed("Apple showed another transaction than it was asked for")
        return found


def check_page(more: bool | None) -> None:
    """Raise AppleFailed for a page that does not say whether another follows.

    Apple's always do, and the library makes an empty page of whatever else came.
    """
    if more is None:
        raise AppleFailed("Apple's answer cannot be read")


def failed(error: APIException) -> AppleFailed:
    """Return what to raise for an error of Apple's: its numbers, and none of its words."""
    if error.http_status_code == 401:
        return AppleFailed("Apple does not take the key for this app")
    return AppleFailed(f"Apple answered {error.http_status_code}, error {error.raw_api_error}")
