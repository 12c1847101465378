"""Says which plugins of the environment come with Guildbank: all others are strangers to it.

Strangers were put there with pip, run inside the server, and are left out in safe mode. Nothing of
their own says so, since a plugin may claim anything; this list does.
"""

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points

GROUP = "guildbank.plugins"
SHIPPED = frozenset(
    {
        "guildbank-age",
        "guildbank-amounts",
        "guildbank-appstore",
        "guildbank-authorise",
        "guildbank-countries",
        "guildbank-duplicates",
        "guildbank-fee",
        "guildbank-googleplay",
        "guildbank-lab",
        "guildbank-oidc",
        "guildbank-paypal",
        "guildbank-receipt",
        "guildbank-remote",
        "guildbank-rule",
        "guildbank-sandbox",
        "guildbank-score",
        "guildbank-signals",
        "guildbank-steam",
        "guildbank-steampay",
        "guildbank-stripe",
        "guildbank-tax",
        "guildbank-telegram",
        "guildbank-transfer",
        "guildbank-turnstile",
        "guildbank-velocity",
        "guildbank-voucher",
        "guildbank-webhook",
    }
)
"""The distributions that come with Guildbank."""


def points() -> list[EntryPoint]:
    """Return where the environment's plugins are, in order of names; none of them is loaded."""
    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def stranger(point: EntryPoint) -> str | None:
    """Return the name of the distribution that a plugin is from, None for Guildbank's own."""
    name = None if point.dist is None else point.dist.name
    return None if name in SHIPPED else name or "?"


def strangers() -> Iterator[tuple[str, str]]:
    """Yield the names of plugins that do not come with Guildbank, with their distributions."""
    for point in points():
        if (distribution := stranger(point)) is not None:
            yield point.name, distribution
