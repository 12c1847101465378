"""The OpenAPI 3.1 document, from the routes and from the very types that decode their bodies.

Litestar can write one, but it leaves out limits of dictionaries, defaults and closed objects, so
the document would promise more than the decoder takes.
"""

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from litestar.routes import BaseRoute, HTTPRoute

from guildbank.infra.http.caller import OperatorOnly, PlayerOnly, Scope, at_home, at_the_staff_door
from guildbank.infra.http.examples import complete, example_of
from guildbank.infra.http.faults import camel
from guildbank.infra.http.problems import PROBLEM_MEDIA_TYPE, Codes
from guildbank.infra.http.reason import REASON_PARAMETER
from guildbank.infra.http.shortcuts import guards_of

Json: TypeAlias = dict[str, Any]
FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
"""Of the routes that take a form, which name its type as `form` in their `opt`."""
REF = "#/components/schemas/{name}"
_ANYWHERE = (400, 404, 405, 408, 429, 431, 503)
_WITH_CREDENTIALS = (401, 403)
_WITH_INPUT = (422,)
_WITH_BODY = (409, 413, 415)
_PATH_TYPE = re.compile(r":[a-z]+}")

SECURITY_SCHEMES: Json = {
    "secretKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "sk_...",
        "description": "A secret key of an application; only on servers.",
    },
    "playerToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A player's token, from signing in or the game server; lives ten minutes.",
    },
    "operatorCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-guildbank",
        "description": (
            "The session of an operator, in a browser on a page of the same host; `guildbank` on "
            "the machine itself. Calls that are not GET also send X-CSRF-Token."
        ),
    },
    "publishableKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Guildbank-Key",
        "description": "A publishable key pk_...: says which tenant, allows nothing by itself.",
    },
}


LIMIT_FIELDS: Json = {
    "RateLimit-Policy": {
        "description": (
            "The limits that counted this request (draft-ietf-httpapi-ratelimit-headers): `q` "
            "requests in `w` seconds."
        ),
        "schema": {"type": "string"},
        "example": '"key";q=120000;w=60',
    },
    "RateLimit": {
        "description": (
            "How each of them stands: `r` requests are left now, all of them again in `t` seconds."
        ),
        "schema": {"type": "string"},
        "example": '"key";r=119998;t=1',
    },
    "Retry-After": {
        "description": "Seconds to wait before the request is sent again.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
_LIMIT_FIELDS = {
    name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit-Policy", "RateLimit")
}
_RETRY = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}


class ProblemView(msgspec.Struct, rename="camel"):
    """A problem document (RFC 9457). Other members hold facts that a client may act on."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    field: str | None = None


class Operation:
    """One route's method, with its types found before the schemas are named."""

    def __init__(self, path: str, method: str, handler: HTTPRouteHandler, query: Any) -> None:
        self.path = path
        self.method = method
        self.handler = handler
        self.parameters = sorted(query, key=lambda each: (each.param_type.value, each.field_alias))
        signature = handler.parsed_fn_signature
        data = signature.parameters.get("data")
        self.body: Any = data.raw if data is not None else handler.opt.get("form")
        self.body_required = data is None or not data.has_default
        self.body_media = "application/json" if data is not None else FORM_MEDIA_TYPE
        returned = signature.return_type
        self.answers: dict[int, Any] = {}
        if returned.is_subclass_of(Response):
            self.answers[handler.status_code] = (
                returned.inner_types[0].raw if returned.inner_types else bytes
            )
        else:
            self.answers[handler.status_code] = returned.raw
        for status, spec in (handler.responses or {}).items():
            self.answers[int(status)] = spec.data_container

    def parameter_type(self, name: str) -> Any:
        """Return the annotation, with limits, that decodes a parameter."""
        return self.handler.signature_model.__annotations__[name]

    def types(self) -> Iterable[Any]:
        """Yield every type whose schema the operation needs."""
        if self.body is not None:
            yield self.body
        yield from (answer for answer in self.answers.values() if _is_json(answer))
        yield from (self.parameter_type(each.field_name) for each in self.parameters)

    @property
    def own_name(self) -> str:
        """The handler's name, as clients write names."""
        return camel(self.handler.handler_name.split(".")[-1])

    @property
    def at_root(self) -> bool:
        """Whether it is one of the fixed paths that stand at the root, beside their /v1 form."""
        return len(self.handler.paths) > 1 and not self.path.startswith("/v1/")

    @property
    def public(self) -> bool:
        """Whether the route needs no credentials."""
        return bool(self.handler.opt.get("public"))

    @property
    def of_a_tenant(self) -> bool:
        """Whether a route that needs no credentials must know the tenant all the same."""
        guards = guards_of(self.handler)
        return at_home in guards or at_the_staff_door in guards


def _is_json(answer: Any) -> bool:
    return answer not in (None, type(None), bytes, str, Any)


def operations(routes: Iterable[BaseRoute]) -> list[Operation]:
    """Return what the routes publish, by path and method."""
    found = []
    for route in routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, model) in route.route_handler_map.items():
            if method == "OPTIONS" or not handler.resolve_include_in_schema():
                continue
            parameters = (
                *model.expected_path_params,
                *model.expected_query_params,
                *model.expected_header_params,
            )
            path = _PATH_TYPE.sub("}", route.path)
            found.append(Operation(path, method, handler, parameters))
    order = ("GET", "POST", "PUT", "PATCH", "DELETE")
    return sorted(found, key=lambda each: (each.path, order.index(each.method)))


def build_document(
    routes: Iterable[BaseRoute], codes: Codes, *, title: str, version: str, description: str
) -> Json:
    """Return the whole document as plain values."""
    found = operations(routes)
    types = [kind for each in found for kind in each.types()]
    schemas, components = msgspec.json.schema_components([*types, ProblemView], ref_template=REF)
    complete(components)
    written = iter(schemas)
    paths: dict[str, Json] = {}
    shared = Counter(each.own_name for each in found if not each.at_root)
    for each in found:
        own = [next(written) for _ in each.types()]
        document = _operation(each, own, components, codes)
        document["operationId"] = _operation_id(each, document["summary"], shared)
        paths.setdefault(each.path, {})[each.method.lower()] = document
    statuses = sorted({code.status for code in codes.values()} | {405})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "description": description,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in _tags(found)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": SECURITY_SCHEMES,
            "headers": LIMIT_FIELDS,
            "responses": {f"Problem{status}": _problem(status, codes) for status in statuses},
        },
    }


def _tags(found: Iterable[Operation]) -> list[str]:
    return list(dict.fromkeys(tag for each in found for tag in _tags_of(each)))


def _tags_of(each: Operation) -> list[str]:
    return sorted(each.handler.tags or ["Other"])


def _operation_id(each: Operation, summary: str, shared: Counter[str]) -> str:
    """Return the handler's name, or where rooms share one, what the summary says: `listPacks`.

    Generated clients have it as a method's name, so it must not move when a route is added.
    """
    if shared[each.own_name] == 1:
        return each.own_name + ("AtRoot" if each.at_root else "")
    words = [word for word in re.findall(r"[a-z]+", summary.lower()) if word not in _SMALL]
    return camel("_".join(words))


_SMALL = frozenset({"a", "an", "the", "s"})


def _operation(each: Operation, schemas: list[Json], components: Json, codes: Codes) -> Json:
    handler, name = each.handler, each.own_name
    first, _, rest = (inspect.getdoc(handler.fn) or "").partition("\n\n")
    document: Json = {
        "operationId": "",
        "tags": _tags_of(each),
        "summary": handler.summary or first.replace("\n", " ").rstrip(".") or name,
    }
    description = handler.description or rest.strip()
    scopes = sorted({guard.name for guard in guards_of(handler) if isinstance(guard, Scope)})
    if scopes:
        description = f"{description}\n\nScope: {', '.join(scopes)}.".strip()
        document["x-scopes"] = scopes
    if description:
        document["description"] = description
    document["security"] = _security(handler)
    rest_of_schemas = iter(schemas)
    if each.body is not None:
        schema = next(rest_of_schemas)
        document["requestBody"] = {
            "required": each.body_required,
            "content": {each.body_media: _media(schema, components)},
        }
    answers = {
        str(status): _answer(status, kind, handler, rest_of_schemas, components)
        for status, kind in each.answers.items()
    }
    parameters = [_parameter(each, one, next(rest_of_schemas)) for one in each.parameters]
    if scopes and each.method != "GET":
        parameters.append(REASON_PARAMETER)
    if parameters:
        document["parameters"] = parameters
    for status in _problem_statuses(each, codes):
        answers.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
    document["responses"] = answers
    return document


def _security(handler: HTTPRouteHandler) -> list[dict[str, list[str]]]:
    guards = guards_of(handler)
    if at_home in guards or at_the_staff_door in guards:
        return [{"publishableKey": []}, {}]
    if handler.opt.get("public"):
        return []
    if any(isinstance(guard, PlayerOnly) for guard in guards):
        return [{"playerToken": []}]
    if any(isinstance(guard, OperatorOnly) for guard in guards):
        return [{"operatorCookie": []}]
    scopes = [guard for guard in guards if isinstance(guard, Scope)]
    if any(guard.people for guard in scopes):
        return [{"operatorCookie": []}]
    kinds = ["secretKey", "operatorCookie"]
    if any(guard.players for guard in scopes):
        kinds.insert(1, "playerToken")
    return [{kind: []} for kind in kinds]


def _media(schema: Json, components: Json) -> Json:
    return {"schema": schema, "example": example_of(schema, components)}


def _answer(
    status: int, kind: Any, handler: HTTPRouteHandler, schemas: Any, components: Json
) -> Json:
    answer: Json = {
        "description": handler.response_description or HTTPStatus(status).phrase,
        "headers": _LIMIT_FIELDS,
    }
    if _is_json(kind):
        answer["content"] = {"application/json": _media(next(schemas), components)}
    elif kind in (bytes, str):
        media = str(getattr(handler.media_type, "value", handler.media_type) or "text/plain")
        answer["content"] = {media: {"schema": {"type": "string"}}}
    return answer


def _parameter(each: Operation, parameter: Any, schema: Json) -> Json:
    definition = each.handler.parsed_fn_signature.parameters.get(parameter.field_name)
    described = getattr(getattr(definition, "kwarg_definition", None), "description", None)
    where = parameter.param_type.value
    schema.pop("description", None)
    # An absent parameter is how null is said outside of JSON.
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        schema.update(kinds[0])
    elif kinds:
        schema["anyOf"] = kinds
    default = parameter.default
    if isinstance(default, str | int | bool):
        schema["default"] = default
    document: Json = {
        "name": parameter.field_alias,
        "in": where,
        "required": where == "path" or parameter.is_required,
        "schema": schema,
    }
    if described:
        document["description"] = described
    return document


def _problem_statuses(each: Operation, codes: Codes) -> list[int]:
    statuses = set(_ANYWHERE)
    if not each.public or each.of_a_tenant:
        statuses.update(_WITH_CREDENTIALS)
    if each.body is not None or each.parameters:
        statuses.update(_WITH_INPUT)
    if each.body is not None:
        statuses.update(_WITH_BODY)
    if each.method != "GET":
        statuses.update(code.status for code in codes.values() if 400 <= code.status < 500)
        if each.public and not each.of_a_tenant:
            statuses.difference_update(_WITH_CREDENTIALS)
    return sorted(statuses)


def _problem(status: int, codes: Mapping[str, Any]) -> Json:
    here = [code for code in codes.values() if code.status == status]
    meaning = "\n".join(f"- `{code.code}`: {code.meaning}" for code in here)
    return {
        "description": f"{HTTPStatus(status).phrase}\n\n{meaning}".strip(),
        **({"headers": {**_LIMIT_FIELDS, **_RETRY}} if status == 429 else {}),
        "content": {
            PROBLEM_MEDIA_TYPE: {
                "schema": {"$ref": REF.format(name="ProblemView")},
                "example": {
                    "type": f"/docs/problems#{here[0].code}" if here else "/docs/problems",
                    "title": here[0].code.replace("_", " ").capitalize() if here else "",
                    "status": status,
                    "code": here[0].code if here else "",
                    "detail": here[0].meaning if here else "",
                    "requestId": "3f1c9a0be4d25f7788aa01bc",
                },
            }
        },
    }
