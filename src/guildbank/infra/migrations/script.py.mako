"""${message}."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade(plane: Plane, op: Operations) -> None:
    upgrade_control(op) if plane == "control" else upgrade_tenant(op)


def upgrade_control(op: Operations) -> None:
    """Expand now; contract in a later release, when no old code runs any more."""


def upgrade_tenant(op: Operations) -> None:
    """Expand now; contract in a later release, when no old code runs any more."""
