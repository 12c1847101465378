"""Why the embedded PostgreSQL cannot be used: what happened, what it means, what to do."""


class ClusterError(RuntimeError):
    """The embedded PostgreSQL cannot be started or reached; the text is meant for a person."""
