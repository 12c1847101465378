"""Installed plugins: their files, the walls around them, and their processes."""

from guildbank.plugin_host.apart.installed import (
    Found,
    Installed,
    Origin,
    find_installed,
    folder_of,
    remove_installed,
)
from guildbank.plugin_host.apart.installing import Prepared, prepare
from guildbank.plugin_host.apart.isolated import House, Isolated, Withheld, own_problems
from guildbank.plugin_host.apart.joining import join_installed
from guildbank.plugin_host.apart.process import PluginFailed
from guildbank.plugin_host.apart.walls import Walls

__all__ = [
    "Found",
    "House",
    "Installed",
    "Isolated",
    "Origin",
    "PluginFailed",
    "Prepared",
    "Walls",
    "Withheld",
    "find_installed",
    "folder_of",
    "join_installed",
    "own_problems",
    "prepare",
    "remove_installed",
]
