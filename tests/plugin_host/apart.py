"""A deployment of tests with one installed plugin, and what its calls are given."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.plugin_host.built import plugin_wheel

from guildbank.kernel import Refusal
from guildbank.plugin_api import Context, HttpAnswer, Method, NoAnswer, Slot
from guildbank.plugin_host import Plugins
from guildbank.plugin_host.apart import Isolated, Walls, folder_of, join_installed, prepare

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Peer:
    """The core's client in tests: one host answers."""

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        if not url.startswith("https://peer.example/"):
            raise NoAnswer("this host is not in its manifest")
        return HttpAnswer(status=200, headers={"x": "y"}, body=method.encode() + (body or b""))


def context_of(tenant: str = "moonlit", **settings: Any) -> Context:
    return Context(
        tenant=tenant, mode="test", settings=settings, now=NOW, webhook_url="", http=Peer()
    )


def gate_in(plugins: Plugins) -> Any:
    """Return the plugin of these tests as a pipeline finds it."""
    return plugins.at(Slot.MIDDLEWARE, "fence")


def make(data: Path) -> None:
    data.mkdir(mode=0o700, exist_ok=True)


async def put_in(data: Path, wheel: Path, *further: Path) -> Refusal | None:
    """Install as the command does, without its database."""
    make(data)
    async with prepare(wheel, further, folder_of(data), Walls(data), set(), NOW) as ready:
        if isinstance(ready, Refusal):
            return ready
        ready.place()
    return None


@asynccontextmanager
async def plugin_of(folder: Path, body: str, **about: str) -> AsyncIterator[Any]:
    """Lend a plugin with these methods, installed and found like any other."""
    data, plugins = folder / "data", Plugins()
    refused = await put_in(data, plugin_wheel(folder, body, **about))
    assert refused is None, refused
    join_installed(plugins, data)
    slot = Slot[about.get("slot", "MIDDLEWARE")]
    plugin = plugins.at(slot, "fence")
    assert isinstance(plugin, Isolated), plugins.reports
    try:
        yield plugin
    finally:
        await plugins.close()
