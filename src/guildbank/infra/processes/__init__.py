"""Child processes, folder locks and ports: what `guildbank up` needs to run other programs."""

from guildbank.infra.processes.child import Backoff, Child, ChildFailedError, Restart, ending
from guildbank.infra.processes.keeper import own_environment
from guildbank.infra.processes.lock import FolderInUseError, FolderLock
from guildbank.infra.processes.port import PortTakenError, port_is_free, require_free_port
from guildbank.infra.processes.spawn import Account, launch_argv
from guildbank.infra.processes.supervisor import Supervisor

__all__ = [
    "Account",
    "Backoff",
    "Child",
    "ChildFailedError",
    "FolderInUseError",
    "FolderLock",
    "PortTakenError",
    "Restart",
    "Supervisor",
    "ending",
    "launch_argv",
    "own_environment",
    "port_is_free",
    "require_free_port",
]
