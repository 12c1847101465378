"""Strict reading of requests: what is not exactly as documented is refused and named."""

import asyncio
import json
import re
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeAlias

import msgspec
from litestar.connection import Request
from litestar.datastructures.state import State
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Empty

from guildbank.infra.http.problems import Problem, problem

Decoder: TypeAlias = "msgspec.json.Decoder[Any]"
_DECODER: Final = "guildbank_decoder"
LARGE_BODY_BYTES = 32_768
"""Takes a millisecond to read: others get their turn between the two looks at it."""
_JSON_TYPES = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "null": "null",
    "object": "an object",
    "array": "an array",
}


class StrictRequest(Request[Any, Any, State]):
    """A request whose `data` is decoded from its bytes into the route's type, without coercion.

    Litestar itself decodes to plain values and then converts them laxly, which would take "5"
    and 5.0 for 5.
    """

    __slots__ = ()

    async def json(self) -> Any:
        """Return the body as the type that the route's `data` declares; raises Problem."""
        if self._json is not Empty:
            return self._json
        body = await self.body()
        refuse_other_media_types(self.headers.get("content-type"))
        self._json = await decode_body(body, _decoder_of(self.route_handler))
        return self._json


@lru_cache(4096)
def _media_type_fits(content_type: str | None) -> bool:
    if content_type is None:
        return False
    kind, *parameters = content_type.lower().split(";")
    if kind.strip() != "application/json":
        return False
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip("\"'") not in ("utf-8", "utf8"):
            return False
    return True


def refuse_other_media_types(content_type: str | None) -> None:
    """Raise `unsupported_media_type` unless the header says JSON in UTF-8."""
    if not _media_type_fits(content_type):
        raise problem(
            "unsupported_media_type", "Send the body with Content-Type: application/json."
        )


def _decoder_of(handler: BaseRouteHandler) -> Decoder:
    # Kept with the route: hashing an annotation that bears Litestar's marks is slow, and a table
    # of routes would keep every app that was ever built.
    kept: Decoder | None = handler.opt.get(_DECODER)
    if kept is None:
        field = handler.parsed_fn_signature.parameters.get("data")
        kept = msgspec.json.Decoder(field.raw if field is not None else Any)
        handler.opt[_DECODER] = kept
    return kept


async def decode_body(body: bytes, decoder: Decoder) -> Any:
    """Return `body` as the decoder's type; raises Problem with the code and the field at fault.

    Two members of one name are refused (RFC 7493, section 2.3), because a proxy may read the
    other one; so is U+0000, which PostgreSQL cannot store.
    """
    try:
        value = decoder.decode(body)
        if len(body) > LARGE_BODY_BYTES:
            await asyncio.sleep(0)
        _plain_decoder.decode(body.decode())
    except _DuplicateMember as error:
        raise problem("malformed_json", f"The member {error} is given twice.") from None
    except msgspec.ValidationError as error:
        _refuse_value(str(error))
    except RecursionError:
        raise problem("malformed_json", "The body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise problem("malformed_json", "The body is not valid UTF-8.") from None
    except msgspec.DecodeError as error:
        raise problem("malformed_json", _sentence(str(error))) from None
    except ValueError:
        raise problem("malformed_json", "The body is not well-formed JSON.") from None
    # The six characters may also be the escaped text \u0000, which is harmless; only then look.
    if b"\\u0000" in body and _has_nul(_plain_decoder.decode(body.decode())):
        raise problem("invalid_value", "Text must not contain the character U+0000.")
    return value


class _DuplicateMember(Exception):
    """A JSON object has two members of one name."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _DuplicateMember(repr(name[:64]))
            seen.add(name)
    return members


_plain_decoder = json.JSONDecoder(object_pairs_hook=_once)


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in name or _has_nul(member) for name, member in value.items())
    return isinstance(value, list) and any(_has_nul(member) for member in value)


_AT = re.compile(r" - at `(.*?)`(?: in `(.*)`)?$")
_MEMBER = re.compile(r"^Object (missing required|contains unknown) field `(.*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def field_path(pointer: str) -> str | None:
    """Return msgspec's path in dotted form: `$.items[0].unitPrice` -> `items.0.unitPrice`."""
    steps = [name or index for name, index in _STEP.findall(pointer)]
    # An object's arbitrary member shows as [...]: the object is the field to look at.
    return ".".join(step for step in steps if step != "...") or None


def _refuse_value(message: str) -> NoReturn:
    """Raise the problem that a msgspec message stands for."""
    at = _AT.search(message)
    field = field_path(at.group(2) or at.group(1)) if at else None
    what = message[: at.start()] if at else message
    member = _MEMBER.match(what)
    if member is not None:
        missing = member.group(1) == "missing required"
        name = member.group(2)[:64]
        path = f"{field}.{name}" if field else name
        if missing:
            raise problem("missing_field", f"The field {path} is missing.", path)
        raise problem("unknown_field", f"The field {path} is not known to this call.", path)
    raise refused_value(what, field, _member(at.group(1), field) if at and field else None)


def _member(at: str, field: str) -> str | None:
    """Return what to call the member of a free object at fault: a field's type is not its own."""
    if at == "key":
        return f"A name in {field}"
    return f"A value in {field}" if at.endswith("[...]") else None


_EXPECTED = re.compile(r"^Expected `([^`]+)`(.*)$")


def refused_value(what: str, field: str | None, called: str | None = None) -> Problem:
    """Return the problem of one value, from msgspec's words about it.

    `called` names the value in the sentence where it is no field by itself.
    """
    name = called or field or "The body"
    expected = _EXPECTED.match(what)
    if expected is None:
        # msgspec has one sentence for doubles, and one for integers of thousands of digits.
        if what.endswith("out of range"):
            return problem("out_of_range", f"{name} is a number out of range.", field)
        return problem("invalid_value", f"{name}: {_sentence(what)}", field)
    kinds, rest = expected.groups()
    kind = " or ".join(_JSON_TYPES.get(part, part) for part in kinds.split(" | "))
    if rest.startswith(", got"):
        return problem("wrong_type", f"{name} must be {kind}.", field)
    if "matching regex" in rest:
        return problem("invalid_value", f"{name} does not have its documented form.", field)
    if rest.startswith(" of length"):
        counted = {"an object": "members", "an array": "items"}.get(kind, "characters")
        bound = _bound(rest.removeprefix(" of length"))
        return problem("out_of_range", f"{name} must have {bound} {counted}.", field)
    if rest == " >= 1" and name.rpartition(".")[2] == "amount":
        return problem("amount_not_positive", f"{name} must be {kind} {_bound(rest)}.", field)
    return problem("out_of_range", f"{name} must be {kind} {_bound(rest)}.", field)


def _bound(rest: str) -> str:
    return rest.strip().replace(">=", "at least").replace("<=", "at most")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:200]}."
