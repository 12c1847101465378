"""Write today's schema into the first revision: `python -m guildbank.infra.migrations.freeze`.

Run once, before the first release. From then on the files are history and never change; what
the rooms' metadata gains goes into a further revision.
"""

import sys
from typing import get_args

from guildbank.infra.migrations.history import Plane, first_statements, frozen_file

FIRST = "0001_first"


def freeze() -> list[str]:
    """Write one file a plane and return their names."""
    written = []
    for plane in get_args(Plane):
        path = frozen_file(FIRST, plane)
        path.write_text(first_statements(plane), encoding="utf-8")
        written.append(path.name)
    return written


if __name__ == "__main__":
    sys.stdout.write("\n".join(freeze()) + "\n")
