"""The tables of background jobs, as procrastinate brings them, in the control schema.

A new version of procrastinate may want its tables changed; its own migrations then become a
revision of ours.
"""

from importlib.util import find_spec
from pathlib import Path

from guildbank.infra.schema import add_control_ddl

INFRA_ORDER = 0


def job_tables() -> str:
    """Return procrastinate's schema. Read as a file: its package takes long to import."""
    found = find_spec("procrastinate")
    if found is None or found.origin is None:
        raise LookupError("procrastinate is not installed")
    return (Path(found.origin).parent / "sql" / "schema.sql").read_text(encoding="utf-8")


add_control_ddl("infra", INFRA_ORDER, job_tables())
