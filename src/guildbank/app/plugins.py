"""The plugins of a deployment: those that come with Guildbank, and those that were installed."""

from guildbank.infra.config import Settings
from guildbank.plugin_host import Plugins, join_installed


def plugins_of(settings: Settings) -> Plugins:
    """Return all of them; of the installed ones no code runs before it is needed."""
    plugins = Plugins.discover(safe=settings.safe)
    join_installed(
        plugins,
        settings.data.absolute(),
        unconfined=settings.allow_unconfined_plugins,
        safe=settings.safe,
    )
    return plugins
