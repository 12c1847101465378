"""Checks a tenant's settings against the schema that a plugin declares."""

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from guildbank.kernel import Refusal
from guildbank.plugin_api import Manifest


def check_settings(manifest: Manifest, settings: Mapping[str, Any]) -> Refusal | None:
    """Return `invalid_settings` naming the first setting at fault; values are never repeated."""
    # Masked, for stored secrets are among the settings, and a rule about all of them tells all.
    validator = jsonschema_rs.validator_for(dict(manifest.settings_schema), mask="This")
    for error in validator.iter_errors(dict(settings)):
        path = ".".join(str(part) for part in error.instance_path)
        return Refusal(
            code="invalid_settings",
            detail=f"{error.message[:500]}.",
            field=f"settings.{path}" if path else "settings",
        )
    return None
