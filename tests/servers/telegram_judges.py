"""Asks two packages that no one here wrote whether Telegram's data is signed.

`make test` installs them, in the versions of tests/servers/telegram/package-lock.json, where
there is Node 20 or later.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent / "telegram"
_SECONDS = 30


def is_installed() -> bool:
    """Say whether there is a Node and what `make test` installs for it."""
    return shutil.which("node") is not None and (FOLDER / "node_modules").is_dir()


def believed_by_others(cases: Sequence[dict[str, str]]) -> list[bool]:
    """Return a verdict for each case: `form`, `data`, and `token` or `bot`."""
    node = shutil.which("node")
    assert node is not None
    judged = subprocess.run(
        [node, FOLDER / "judge.mjs"],
        input="".join(f"{json.dumps(case)}\n" for case in cases),
        capture_output=True,
        text=True,
        check=True,
        timeout=_SECONDS,
    )
    verdicts = [json.loads(line) for line in judged.stdout.splitlines()]
    assert len(verdicts) == len(cases), judged.stderr
    return verdicts
