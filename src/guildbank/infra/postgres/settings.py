"""The server's settings: what Guildbank needs, what a caller may change, and what nobody may."""

from collections.abc import Mapping

from guildbank.infra.postgres.address import PORT
from guildbank.infra.postgres.errors import ClusterError

KEPT_LOG_FILES = 10
_DEFAULTS = {
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "guildbank",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
    "log_rotation_size": "10MB",
    "log_rotation_age": "1d",
}
_FIXED = {
    # No network at all: only who may enter the socket's folder can even try a password.
    "listen_addresses": "",
    "port": str(PORT),
    # Relative to the data folder, which the server's user could not name by its full path.
    "unix_socket_directories": "../run",
    "unix_socket_permissions": "0700",
    "log_destination": "stderr",
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "postgresql-%Y-%m-%d_%H%M%S.log",
    "log_file_mode": "0600",
    "password_encryption": "scram-sha-256",
    "restart_after_crash": "on",
}
_ELSEWHERE = {"data_directory", "config_file", "hba_file", "ident_file", "external_pid_file"}


def server_arguments(changes: Mapping[str, str]) -> list[str]:
    """Return the server's `-c name=value` arguments.

    Raises ClusterError when a change touches a setting that keeps others out.
    """
    refused = sorted(set(changes) & (set(_FIXED) | _ELSEWHERE))
    if refused:
        raise ClusterError(
            f"The setting {refused[0]} of the embedded PostgreSQL is fixed, because its safety "
            "or its supervision rests on it. Use a PostgreSQL of your own "
            "(GUILDBANK_DATABASE_URL) if you need another value."
        )
    chosen = {**_DEFAULTS, **changes, **_FIXED}
    return [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
