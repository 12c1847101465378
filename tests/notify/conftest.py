"""A deployment whose mail the tests of notify send, and mail servers of several moods."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from tests.house import START
from tests.notify.post import Post
from tests.servers.smtp import SmtpServer, smtp_server
from tests.studio import City, open_city

from guildbank.infra.postgres import Cluster
from guildbank.kernel import FixedClock


@pytest.fixture(scope="session")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_notify")
    async with open_city(url, tmp_path_factory.mktemp("notify")) as city:
        yield city


@pytest.fixture
def post(city: City) -> Post:
    clock = FixedClock(START)
    return Post(city, clock, replace(city.services.notify, clock=clock))


@pytest.fixture
async def server() -> AsyncIterator[SmtpServer]:
    """A mail server that takes everything, without TLS or login."""
    async with smtp_server() as server:
        yield server


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """The certificate of a server at 127.0.0.1, which this process trusts while the test runs."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return context
