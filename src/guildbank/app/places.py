"""Where a deployment keeps its things: folders inside `data`, and the address of its database."""

from pathlib import Path

from guildbank.infra.config import Settings
from guildbank.infra.postgres import Cluster


def cluster_of(settings: Settings) -> Cluster:
    """Return the embedded PostgreSQL of the data folder, not started."""
    return Cluster(settings.data.absolute() / "postgres")


def database_url(settings: Settings) -> str:
    """Return the database's address; raises ClusterError when the embedded one was never made."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return cluster_of(settings).url()


def master_key_path(settings: Settings) -> Path:
    """Return the file of the master key."""
    return settings.data / "master.key"


def credentials_path(settings: Settings) -> Path:
    """Return the file of the keys that were made for the person who started the server."""
    return settings.data / "credentials.json"


def recipient_path(settings: Settings) -> Path:
    """Return the file of the recovery key's public half, to which backups are sealed."""
    return settings.data / "recovery-recipient"


def metrics_folder(settings: Settings) -> Path:
    """Return the folder in which the worker processes of one server share their counters.

    Named by port: a server empties its folder when it starts, and others run over the same data.
    """
    return settings.data / "metrics" / str(settings.port)


def make_data_folder(settings: Settings) -> None:
    """Create the data folder, closed to others; folders that exist are left as they are."""
    if settings.data.exists():
        return
    missing = [settings.data.absolute()]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
