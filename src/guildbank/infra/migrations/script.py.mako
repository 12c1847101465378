"""${message[0].upper() + message[1:]}."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane

revision = "${up_revision}"
down_revision = "${down_revision}"
branch_labels = None
depends_on = None


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "control":
        upgrade_control(op)
    else:
        upgrade_tenant(op)


def upgrade_control(op: Operations) -> None:
    """Expand now; contract in a later release, when no old code runs any more.

    Where old code beside it would do harm all the same, say `alone = True` under `depends_on`.
    """


def upgrade_tenant(op: Operations) -> None:
    """Expand now; contract in a later release, when no old code runs any more."""
