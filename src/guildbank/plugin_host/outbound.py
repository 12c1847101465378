"""What a plugin may call: the hosts that its manifest and the tenant's settings name."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import structlog

from guildbank.infra.egress import Egress, EgressFailed, EgressRefused, read_url
from guildbank.kernel import Refusal
from guildbank.plugin_api import HttpAnswer, Manifest, Method, NoAnswer

log = structlog.get_logger(__name__)

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
            places = _places(schema, settings.get(name, schema.get("default")))
            hosts.update(host for host in map(_host_of, places) if host is not None)
    return frozenset(hosts)


async def refused_place(
    egress: Egress, manifest: Manifest, settings: Mapping[str, Any], tenant: str
) -> Refusal | None:
    """Return `invalid_settings` for an address among the settings that may not be called.

    A name that nobody knows is let pass: it may be known tomorrow, and each call looks again.
    """
    properties = manifest.settings_schema.get("properties", {})
    for name in sorted(properties.keys() & settings.keys()):
        for place in _places(properties[name], settings[name]):
            try:
                await egress.judge(place, tenant)
            except EgressRefused as refused:
                detail = f"{refused}."
                detail = f"{detail[:1].upper()}{detail[1:]}"
                return Refusal(code="invalid_settings", detail=detail, field=f"settings.{name}")
            except EgressFailed:
                log.info("address_not_found", plugin=manifest.id, setting=name)
    return None


def _places(schema: Mapping[str, Any], value: object) -> Iterator[str]:
    """Yield the addresses in a setting, a host as the one that it is called at."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from _places(schema.get("items", {}), one)
    elif isinstance(value, str) and schema.get("format") == "hostname":
        yield f"https://{value.lower()}"
    elif isinstance(value, str) and schema.get("format") == "uri":
        yield value


@lru_cache(maxsize=1_000)
def _host_of(url: str) -> str | None:
    """Return the host of an address in settings, which are read at every call and seldom change."""
    try:
        return read_url(url).host
    except EgressRefused:
        return None
