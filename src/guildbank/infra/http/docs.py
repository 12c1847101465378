"""Documentation for people, made from the OpenAPI document, without anything from another host."""

import json
import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any, TypeAlias

from guildbank.infra.http.problems import Codes

Json: TypeAlias = dict[str, Any]
DOCS_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_CODE = re.compile(r"`([^`]+)`")


def docs_page(document: Json) -> str:
    """Return the page at /docs: operations grouped by tag, with schemas, examples and curl."""
    groups: dict[str, list[tuple[str, str, Json]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append((method, path, operation))
    index = "".join(
        f'<li><a href="#tag-{_slug(tag)}">{escape(tag)}</a><ul>'
        + "".join(
            f'<li><a href="#{escape(each["operationId"])}">{escape(each["summary"])}</a></li>'
            for _, _, each in members
        )
        + "</ul></li>"
        for tag, members in groups.items()
    )
    sections = "".join(
        f'<section id="tag-{_slug(tag)}"><h2>{escape(tag)}</h2>'
        + "".join(_operation(method, path, each, document) for method, path, each in members)
        + "</section>"
        for tag, members in groups.items()
    )
    schemas = "".join(
        _schema_section(name, schema)
        for name, schema in sorted(document["components"]["schemas"].items())
    )
    info = document["info"]
    return _page(
        f"{info['title']} API",
        f"<ul>{index}<li><a href='#schemas'>Schemas</a></li></ul>",
        f"<h1>{escape(info['title'])} API <small>{escape(info['version'])}</small></h1>"
        f"<p>{_text(info['description'])}</p>"
        "<p><a href='/openapi.json'>OpenAPI 3.1 document</a> · "
        "<a href='/docs/problems'>Problem codes</a></p>"
        f"{_authentication(document)}{sections}"
        f"<section id='schemas'><h2>Schemas</h2>{schemas}</section>",
    )


def problems_page(codes: Codes) -> str:
    """Return the page at /docs/problems: every code, its status and meaning, with an anchor."""
    rows = "".join(
        f'<tr id="{escape(code.code)}"><td><a href="#{escape(code.code)}"><code>'
        f"{escape(code.code)}</code></a></td><td>{code.status}</td>"
        f"<td>{_text(code.meaning)}</td></tr>"
        for code in sorted(codes.values(), key=lambda each: (each.status, each.code))
    )
    return _page(
        "Problem codes",
        '<ul><li><a href="/docs">API</a></li></ul>',
        "<h1>Problem codes</h1><p>An answer with status 400 or above is a problem document "
        "(RFC 9457) of type <code>application/problem+json</code>. <code>code</code> is stable; "
        "<code>detail</code> is for people and may change; <code>field</code> names the input at "
        "fault; <code>requestId</code> finds the request in the server's log. What cannot be read "
        "as HTTP, a request line above 65,534 bytes for one, is refused before there is a "
        "request: with 400 or 414 and without a document.</p>"
        "<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>",
    )


def _authentication(document: Json) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_text(scheme['description'])}</td></tr>"
        for name, scheme in document["components"]["securitySchemes"].items()
    )
    return f"<section><h2>Credentials</h2><table><tbody>{rows}</tbody></table></section>"


def _operation(method: str, path: str, operation: Json, document: Json) -> str:
    name = escape(operation["operationId"])
    parts = [
        f'<article id="{name}"><h3><span class="method {method}">{method.upper()}</span> '
        f"<code>{escape(path)}</code></h3><p><b>{escape(operation['summary'])}</b></p>"
    ]
    parts += [f"<p>{_text(text)}</p>" for text in _paragraphs(operation)]
    if operation.get("parameters"):
        parts.append(_parameters(operation["parameters"]))
    contents = operation.get("requestBody", {}).get("content", {})
    body = contents.get("application/json")
    for media, content in contents.items():
        parts.append(f"<h4>Body</h4><p>{escape(media)}: {_type_of(content['schema'])}</p>")
    parts.append(f"<h4>Try it</h4><pre>{escape(_curl(method, path, operation, body))}</pre>")
    parts.append(_answers(operation["responses"], document))
    parts.append("</article>")
    return "".join(parts)


def _paragraphs(operation: Json) -> list[str]:
    return [text for text in operation.get("description", "").split("\n\n") if text]


def _parameters(parameters: list[Json]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code>{'' if each['required'] else ' (optional)'}"
        f"</td><td>{escape(each['in'])}</td><td>{_type_of(each['schema'])}</td>"
        f"<td>{_text(each.get('description', ''))}</td></tr>"
        for each in parameters
    )
    return (
        "<h4>Parameters</h4><table><thead><tr><th>Name</th><th>In</th><th>Type</th>"
        f"<th>Meaning</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _answers(responses: Mapping[str, Json], document: Json) -> str:
    parts = ["<h4>Answers</h4>"]
    problems = []
    for status, answer in responses.items():
        if "$ref" in answer:
            problems.append(status)
            continue
        for media, content in answer.get("content", {}).items():
            parts.append(
                f"<p><b>{status}</b> {escape(answer['description'])}: "
                f"{_type_of(content['schema'])} <code>{escape(media)}</code></p>"
            )
            if "example" in content:
                text = json.dumps(content["example"], indent=2, ensure_ascii=False)
                parts.append(f"<pre>{escape(text)}</pre>")
        if not answer.get("content"):
            parts.append(f"<p><b>{status}</b> {escape(answer['description'])}</p>")
    parts.append(f"<p>Problems: <a href='/docs/problems'>{', '.join(problems)}</a></p>")
    return "".join(parts)


_CREDENTIALS = {
    "secretKey": "-H 'Authorization: Bearer sk_...'",
    "playerToken": "-H 'Authorization: Bearer eyJ...'",
    "operatorCookie": "-H 'Cookie: __Host-guildbank=...' -H 'X-CSRF-Token: ...'",
    "publishableKey": "-H 'X-Guildbank-Key: pk_...'",
}


def _curl(method: str, path: str, operation: Json, body: Json | None) -> str:
    lines = [f"curl -X {method.upper()} $GUILDBANK_URL{path}"]
    if operation["security"]:
        lines.append(_CREDENTIALS[next(iter(operation["security"][0]))])
    for each in operation.get("parameters", []):
        if each["in"] == "header" and each["required"]:
            lines.append(f"-H '{each['name']}: order-4711'")
    if body is not None:
        lines.append("-H 'Content-Type: application/json'")
        text = json.dumps(body["example"], indent=2, ensure_ascii=False).replace("'", "'\\''")
        lines.append(f"-d '{text}'")
    return " \\\n  ".join(lines)


def _schema_section(name: str, schema: Json) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{'' if field in required else ' (optional)'}</td>"
        f"<td>{_type_of(member)}</td><td>{_text(member.get('description', ''))}</td></tr>"
        for field, member in schema.get("properties", {}).items()
    )
    table = f"<table><tbody>{rows}</tbody></table>" if rows else f"<p>{_type_of(schema)}</p>"
    described = _text(schema.get("description", ""))
    head = f'<article id="schema-{escape(name)}"><h3>{escape(name)}</h3>'
    return f"{head}<p>{described}</p>{table}</article>"


def _type_of(schema: Json) -> str:
    """Return a schema in a few words, with links to the named ones."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#schema-{name}">{name}</a>'
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return " or ".join(_type_of(kind) for kind in schema[keyword])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type_of(schema.get('items', {}))}{_limits(schema)}"
    return escape(str(schema.get("type", "any value"))) + _limits(schema)


def _limits(schema: Json) -> str:
    words = {
        "minimum": "from {}",
        "maximum": "to {}",
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
        "minItems": "at least {}",
        "maxItems": "at most {}",
        "maxProperties": "at most {} members",
        "format": "{}",
        "default": "default {}",
    }
    said = [text.format(schema[name]) for name, text in words.items() if schema.get(name)]
    return f" <small>{escape(', '.join(said))}</small>" if said else ""


def _text(words: str) -> str:
    """Return a sentence as HTML; what the document sets in backticks is code."""
    return _CODE.sub(r"<code>\1</code>", escape(words))


def _slug(text: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in text.lower())


def _page(title: str, index: str, content: str) -> str:
    style = files("guildbank.infra.http").joinpath("docs.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><nav>{index}</nav><main>{content}</main></body></html>"
    )
