"""What every manifest must keep: judged where a plugin is found and installed, and by its suite."""

from collections.abc import Iterator, Mapping
from typing import Any

from guildbank.plugin_api.manifest import Manifest

LONGEST_TIMEOUT_SECONDS = 120


def fault_in(manifest: Manifest) -> str | None:
    """Return a sentence that names the field which keeps a plugin from use, None where none does.

    It would wait for ever or for no time, store a secret in clear, or take a mistyped setting.
    """
    return (
        fault_in_timeout(manifest) or fault_in_schema(manifest) or fault_in_secret_fields(manifest)
    )


def fault_in_timeout(manifest: Manifest) -> str | None:
    """Return what is wrong with `timeout_seconds`: a call ends, and not before it began."""
    seconds = manifest.timeout_seconds
    if 1 <= seconds <= LONGEST_TIMEOUT_SECONDS:
        return None
    return f"timeout_seconds is {seconds}, not 1 to {LONGEST_TIMEOUT_SECONDS}"


def fault_in_schema(manifest: Manifest) -> str | None:
    """Return what is wrong with `settings_schema`: it is closed at every depth."""
    schema = manifest.settings_schema
    if schema.get("type") != "object":
        return "settings_schema is not of type object"
    for path, node in _objects(schema, "settings"):
        if node.get("additionalProperties") is not False:
            return f"settings_schema: {path} does not forbid unknown fields (additionalProperties)"
    return None


def fault_in_secret_fields(manifest: Manifest) -> str | None:
    """Return what is wrong with `secret_fields` and `secrets_go_with`: they name settings.

    A secret that is no text setting would be stored in clear.
    """
    properties = manifest.settings_schema.get("properties", {})
    for name in sorted(manifest.secret_fields):
        if name not in properties:
            return f"secret_fields names {name}, which is not in settings_schema"
        if properties[name].get("type") != "string":
            return f"secret_fields names {name}, which is not a string"
    for name in sorted(manifest.secrets_go_with - properties.keys()):
        return f"secrets_go_with names {name}, which is not in settings_schema"
    return None


def _objects(node: object, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Walk the schema and yield each part that describes an object."""
    if isinstance(node, Mapping):
        if node.get("type") == "object":
            yield path, node
        for name, part in node.items():
            yield from _objects(part, f"{path}.{name}")
    elif isinstance(node, list | tuple):
        for index, part in enumerate(node):
            yield from _objects(part, f"{path}[{index}]")
