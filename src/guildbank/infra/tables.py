"""The counters that all workers share, in the control schema: unlogged, since none is worth a disk.

They bear the name of this layer, because no room owns them.
"""

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, Table

from guildbank.infra.database import control_metadata

rate = Table(
    # When each caller is as if it had never called; a row whose time has come says nothing.
    "infra_rate",
    control_metadata,
    # A keyed hash of the limit's name and of the caller.
    Column("key", LargeBinary, primary_key=True),
    Column("full_at", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
)

login_try = Table(
    # Tries to sign in by account, address and device, each as a keyed hash.
    "infra_login_try",
    control_metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("free_at", DateTime(timezone=True), nullable=False),
    Column("forget_at", DateTime(timezone=True), nullable=False),
    Index("ix_infra_login_try_forget_at", "forget_at"),
    prefixes=["UNLOGGED"],
)
