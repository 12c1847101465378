"""Start a further revision: `python -m guildbank.infra.migrations.new "add a table of seasons"`."""

import re
import sys

from alembic import command

from guildbank.infra.migrations.steps import config, scripts


def new_revision(message: str) -> str:
    """Write an empty revision after the head and return its file's path."""
    words = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    number = len(list(scripts().walk_revisions())) + 1
    made = command.revision(
        config(), message=message, rev_id=f"{number:04}_{words}"[:32].rstrip("_")
    )
    if made is None or isinstance(made, list):
        raise RuntimeError("one revision was expected")
    return str(made.path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('usage: python -m guildbank.infra.migrations.new "what it changes"')
    sys.stdout.write(new_revision(sys.argv[1]) + "\n")
