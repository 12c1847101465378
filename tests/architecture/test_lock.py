"""The lock holds every dependency that a pyproject names, by hash and without an address."""

import json
import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.architecture.tree import ROOT, paths

PIN = re.compile(r"(?m)^([A-Za-z0-9._-]+)==([^ ;\\]+)")


def pins(lock: str) -> dict[str, set[str]]:
    """Return the locked versions of each package; markers may give it several."""
    found: dict[str, set[str]] = {}
    for name, version in PIN.findall(lock):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def unlocked(project: str, lock: str) -> list[str]:
    """Return each requirement of a pyproject that no version in the lock meets."""
    read = tomllib.loads(project)
    named = [*read["project"].get("dependencies", []), *read["build-system"]["requires"]]
    for group in read.get("dependency-groups", {}).values():
        named += group
    locked = pins(lock)
    missing = []
    for text in named:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        ours = name == "guildbank" or name.startswith("guildbank-")
        if not ours and not any(requirement.specifier.contains(v) for v in locked.get(name, ())):
            missing.append(text)
    return missing


def unhashed(lock: str) -> list[str]:
    """Return each entry of the lock without a hash."""
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    return [
        entry.split()[0] for entry in entries if entry.strip() and "--hash=sha256:" not in entry
    ]


def addresses(lock: str) -> list[str]:
    """Return each line of the lock that says where a package comes from."""
    return re.findall(r"(?m)^.*(?:://|--index-url|--find-links| @ ).*$", lock)


def lock() -> str:
    """Return the text of the lock."""
    return (ROOT / "requirements.lock").read_text()


def test_every_named_dependency_is_locked():
    for path in paths():
        if path.endswith("pyproject.toml"):
            assert not unlocked((ROOT / path).read_text(), lock()), f"{path}: run `make lock`"


def test_the_lock_has_a_hash_for_every_package_and_no_address():
    assert len(pins(lock())) > 50
    assert not unhashed(lock())
    assert not addresses(lock())


def npm_findings(lock: str) -> list[str]:
    """Return each package of an npm lock that has no hash, or an address beside it."""
    packages = json.loads(lock)["packages"]
    return [
        name
        for name, entry in packages.items()
        if name and (not entry.get("integrity", "").startswith("sha512-") or "resolved" in entry)
    ]


def test_servers_from_npm_are_locked_by_hash_and_without_an_address():
    locks = [path for path in paths() if path.endswith("package-lock.json")]
    assert locks
    for path in locks:
        assert not npm_findings((ROOT / path).read_text()), path
        named = json.loads((ROOT / path).with_name("package.json").read_text())["dependencies"]
        assert all(re.fullmatch(r"[0-9.]+", version) for version in named.values()), path


def test_an_npm_lock_with_an_address_or_without_a_hash_is_found():
    for entry in ({}, {"integrity": "sha1-x"}, {"integrity": "sha512-x", "resolved": "y"}):
        assert npm_findings(json.dumps({"packages": {"": {}, "node_modules/a": entry}}))


def test_an_incomplete_lock_is_found():
    project = """
        [build-system]
        requires = ["hatchling"]
        [project]
        dependencies = ["Some_Package[extra]>=2", "guildbank-stripe"]
    """
    whole = "hatchling==1.0 \\\n    --hash=sha256:00\nsome-package==2.1 \\\n    --hash=sha256:00\n"
    assert not unlocked(project, whole)
    assert unlocked(project, whole.replace("2.1", "1.9"))
    assert unlocked(project, whole.replace("hatchling", "setuptools"))
    assert not unhashed(whole)
    assert unhashed(whole + "other==1.0\n")
    assert addresses("--index-url https://mirror.example/simple\n" + whole)
