"""The keys that a first start makes, kept for the person who made it and for nobody else."""

from pathlib import Path

import msgspec

from guildbank.infra.private_files import write_private

DEMO_TENANT = "demo"
"""The tenant that a first start makes, and whose players need name none."""


class DemoKeys(msgspec.Struct, rename="camel", frozen=True):
    """The demo tenant's slug and its keys."""

    tenant: str
    secret_key: str
    publishable_key: str


class DemoAtLab(msgspec.Struct, rename="camel", frozen=True):
    """The demo's accounts at the provider lab: where it is, and where it finds this server.

    `born` is which lab it was, `secret` what the accounts' own secrets are made from.
    """

    url: str
    listens_at: str
    born: str
    secret: str


class Credentials(msgspec.Struct, rename="camel", frozen=True):
    """What `credentials.json` holds; `sandbox_url` is where the demo's provider listens."""

    url: str
    deployment_key: str
    demo: DemoKeys | None = None
    sandbox_url: str | None = None
    lab: DemoAtLab | None = None


class CredentialsBroken(Exception):
    """The file is not what we wrote; the message says where it is and what to do."""


def read_credentials(path: Path) -> Credentials | None:
    """Return what the file holds, None when there is none; raises CredentialsBroken."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise CredentialsBroken(
            f"{path} cannot be read ({error}). Restore it, or move it away: the next "
            "`guildbank up` then makes new keys and the old ones stay valid until revoked."
        ) from error


def write_credentials(path: Path, credentials: Credentials) -> None:
    """Write the file whole or not at all, mode 0600, one key a line for shell scripts."""
    text = msgspec.json.format(msgspec.json.encode(credentials), indent=2) + b"\n"
    write_private(path, text.decode())
