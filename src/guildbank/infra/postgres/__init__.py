"""The embedded PostgreSQL 18: what a deployment uses that names no database of its own."""

from guildbank.infra.postgres.cluster import Cluster
from guildbank.infra.postgres.errors import ClusterError

__all__ = ["Cluster", "ClusterError"]
