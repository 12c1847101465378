"""Writes a new plugin from templates: a small distribution that passes its contract as it is."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

_ID = re.compile(r"[a-z][a-z0-9_-]{0,61}[a-z0-9]")
_SUFFIX = ".template"
_PACKAGE_FOLDER = "package"
"""The folder of the templates that bears the package's name in the plugin."""


class Kind(StrEnum):
    """The slots for which there is a template."""

    ENTRY = "entry"
    CHARGE = "charge"
    MIDDLEWARE = "middleware"
    SCORER = "scorer"
    CALLBACK = "callback"
    PROVIDER = "provider"
    IDENTITY = "identity"
    CAPTCHA = "captcha"


_FOLDERS = {
    Kind.ENTRY: "gate",
    Kind.CHARGE: "charge",
    Kind.MIDDLEWARE: "gate",
    Kind.SCORER: "scorer",
    Kind.CALLBACK: "callback",
    Kind.PROVIDER: "provider",
    Kind.IDENTITY: "identity",
    Kind.CAPTCHA: "captcha",
}
_WORDS: Mapping[Kind, Mapping[str, str]] = {
    Kind.ENTRY: {
        "constant": "ENTRY",
        "verb": "admit",
        "moment": "before anything of it is stored",
        "description": "Says which purchases may begin.",
    },
    Kind.MIDDLEWARE: {
        "constant": "MIDDLEWARE",
        "verb": "before_provider",
        "moment": "before a provider is asked for money",
        "description": "Says which purchases go on to the provider.",
    },
    Kind.CHARGE: {"description": "Says which taxes and fees a purchase bears."},
    Kind.SCORER: {"description": "Says how risky a purchase is, and why."},
    Kind.CALLBACK: {"description": "Tells the tenant's own server of what was committed."},
    Kind.PROVIDER: {"description": "Takes payments at a company."},
    Kind.IDENTITY: {"description": "Says who holds a ticket that a company signed."},
    Kind.CAPTCHA: {"description": "Says whether a person solved a company's captcha."},
}
_OF_ALL = ("guildbank", "msgspec>=0.22")
_DEPENDENCIES = {Kind.PROVIDER: (*_OF_ALL, "typeid-python>=0.3.11")}
SETTINGS: Mapping[Kind, tuple[str, ...]] = {
    Kind.PROVIDER: ("api_key=key_of_a_test", "webhook_secret=secret_of_a_test"),
    Kind.IDENTITY: ("shared_key=key_of_a_test",),
    Kind.CAPTCHA: ("secret_key=key_of_a_test",),
}
"""What `guildbank plugin test` has to be given for a new plugin to pass, by its slot."""


class CannotMake(Exception):
    """Nothing was written; the message says why."""


def make(name: str, kind: Kind, into: Path, taken: Iterable[str]) -> Path:
    """Write the plugin `name` into a folder of this name in `into`, and return the folder.

    `taken` are the ids of the installed plugins. Raises CannotMake; the folder is there whole or
    not at all.
    """
    if not _ID.fullmatch(name):
        raise CannotMake(
            f"{name!r} is no plugin id: 2 to 63 lower-case letters, digits, - and _, "
            "a letter first and no - or _ last."
        )
    # Distributions and packages do not tell - from _, so two plugins would be in each other's way.
    if _plain(name) in {_plain(one) for one in taken}:
        raise CannotMake(f"A plugin {name!r} is installed already. Choose another name.")
    if not into.is_dir():
        raise CannotMake(f"There is no folder {into}. Make it, or name another with --into.")
    place = into / name
    if place.exists() or place.is_symlink():
        raise CannotMake(f"{place} exists already. Remove it, or name another folder with --into.")
    try:
        with tempfile.TemporaryDirectory(prefix=".new-plugin-", dir=into) as folder:
            draft = Path(folder) / name
            _write(draft, name, kind)
            draft.rename(place)
    except OSError as error:
        raise CannotMake(f"{place} could not be written: {error.strerror}.") from None
    return place


def _write(folder: Path, name: str, kind: Kind) -> None:
    package = f"guildbank_{_plain(name)}"
    words = {
        **_WORDS[kind],
        "id": name,
        "slot": kind.value,
        "title": name.replace("-", " ").replace("_", " ").capitalize(),
        "distribution": f"guildbank-{name}",
        "package": package,
        "dependencies": ", ".join(f'"{one}"' for one in _DEPENDENCIES.get(kind, _OF_ALL)),
    }
    templates = files(__name__) / "templates"
    for part in ("any", _FOLDERS[kind]):
        for path, template in _templates(templates / part):
            place = folder / path.replace(f"/{_PACKAGE_FOLDER}/", f"/{package}/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(Template(template.read_text("utf-8")).substitute(words), "utf-8")


def _templates(folder: Traversable, path: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield each template with the path of what it makes."""
    for one in folder.iterdir():
        below = (PurePosixPath(path) / one.name).as_posix()
        if one.is_dir():
            yield from _templates(one, below)
        elif below.endswith(_SUFFIX):
            yield below.removesuffix(_SUFFIX), one


def _plain(name: str) -> str:
    return name.replace("-", "_")
