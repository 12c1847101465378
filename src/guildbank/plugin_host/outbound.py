"""What a plugin may call: the hosts that its manifest and the tenant's settings name."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from guildbank.infra.egress import Egress, EgressFailed, EgressRefused, read_url
from guildbank.plugin_api import HttpAnswer, Manifest, Method, NoAnswer

FROM_SETTINGS = "*"


class Outbound:
    """The core's HTTP client as one plugin gets it for one tenant's settings.

    With `keep` connections stay open between requests, for plugins that are called all the time.
    """

    def __init__(
        self,
        egress: Egress,
        manifest: Manifest,
        settings: Mapping[str, Any],
        tenant: str = "",
        *,
        keep: bool = False,
    ) -> None:
        self._egress = egress
        self._tenant = tenant
        self._hosts = allowed_hosts(manifest, settings)
        self._total_seconds = manifest.timeout_seconds
        self._keep = keep

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Send one request and follow nothing; raises NoAnswer."""
        try:
            answer = await self._egress.send(
                method,
                url,
                headers=headers,
                body=body,
                hosts=self._hosts,
                total_seconds=self._total_seconds,
                owner=self._tenant,
                keep=self._keep,
            )
        except (EgressRefused, EgressFailed) as error:
            raise NoAnswer(str(error)) from None
        return HttpAnswer(status=answer.status, headers=answer.headers, body=answer.body)


def allowed_hosts(manifest: Manifest, settings: Mapping[str, Any]) -> frozenset[str]:
    """Return the hosts of the manifest, and with `*` among them those of the settings."""
    hosts = set(manifest.egress_hosts)
    if FROM_SETTINGS in hosts:
        hosts.remove(FROM_SETTINGS)
        properties = manifest.settings_schema.get("properties", {})
        for name, schema in properties.items():
            hosts.update(_hosts(schema, settings.get(name, schema.get("default"))))
    return frozenset(hosts)


def _hosts(schema: Mapping[str, Any], value: object) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _hosts(schema.get("items", {}), one)
    elif isinstance(value, str) and schema.get("format") == "hostname":
        yield value.lower()
    elif isinstance(value, str) and schema.get("format") == "uri":
        host = _host_of(value)
        if host is not None:
            yield host


@lru_cache(maxsize=1_000)
def _host_of(url: str) -> str | None:
    """Return the host of an address in settings, which are read at every call and seldom change."""
    try:
        return read_url(url).host
    except EgressRefused:
        return None
