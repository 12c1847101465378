"""One oidc-provider for all tests of the plugins, and the context in which a tenant calls them."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.servers.oidc_provider import REDIRECT_URI, OidcProvider, is_installed

from guildbank.infra.egress import Egress
from guildbank.plugin_api import Manifest, SignInContext
from guildbank.plugin_host import Outbound

ContextOf = Callable[..., SignInContext]


def started() -> Iterator[OidcProvider]:
    if not is_installed():
        pytest.skip("needs Node 20 or later; then `make test` installs oidc-provider")
    with OidcProvider() as server:
        yield server


@pytest.fixture(scope="session")
def server() -> Iterator[OidcProvider]:
    yield from started()


@pytest.fixture(scope="session")
def other_server() -> Iterator[OidcProvider]:
    yield from started()


@pytest.fixture
def context_of() -> ContextOf:
    def make(
        manifest: Manifest,
        settings: Mapping[str, Any],
        egress: Egress | None = None,
        now: datetime | None = None,
    ) -> SignInContext:
        return SignInContext(
            tenant="demo",
            mode="test",
            settings=settings,
            now=now or datetime.now(UTC),
            redirect_uri=REDIRECT_URI,
            http=Outbound(egress or Egress(private=True), manifest, settings),
        )

    return make
