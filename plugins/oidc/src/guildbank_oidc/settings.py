"""The parts of settings schemas that the plugins share."""

from typing import Any

CLIENT_ID: dict[str, Any] = {
    "type": "string",
    "title": "Client id",
    "pattern": "^[!-~]+$",
    "maxLength": 255,
}
CLIENT_SECRET: dict[str, Any] = {
    "type": "string",
    "title": "Client secret",
    # RFC 6749, appendix A.2, has spaces too; at an end one was pasted by mistake.
    "pattern": "^[!-~]([ -~]*[!-~])?$",
    "minLength": 8,
    "maxLength": 1024,
}
AUDIENCES: dict[str, Any] = {
    "type": "array",
    "title": "Ids of apps",
    "description": "Further client ids whose ID tokens are believed when an app hands one over.",
    "maxItems": 16,
    "items": {"type": "string", "pattern": "^[!-~]+$", "maxLength": 255},
}


def schema(required: tuple[str, ...], **properties: dict[str, Any]) -> dict[str, Any]:
    """Return a closed settings schema."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }
