"""Describes the server in OpenAPI 3.1: `python -m serving.web.openapi docs/openapi.json`."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from serving.web.answer_types import ProblemDocument
from serving.web.operations import OPERATIONS, Operation, Parameter
from serving.web.problems import MEDIA_TYPE

_ABOUT = """\
Lists that were made at night, looked up by user. Nothing is computed by a model here, and no other
service is asked.

Posted events are kept before they are acknowledged; the night after takes them in.

HEAD is answered wherever GET is; any other method gets 405 with `Allow`, any other path 404. Every
refusal is a problem document (RFC 9457), but for what the HTTP layer refuses by itself, without a
body: an address that is too long (414), headers that are too large (431), bytes that are no HTTP
(400). A query parameter that is not known is not looked at; one that is given twice gets 400.
Tokens are off by default on the loopback."""
_REFUSALS = {
    400: "Something is wrong with a parameter or a field; the document names it.",
    401: "There is no token, or it is refused; the document says why.",
    403: "The token is good, but not for this.",
    404: "It is not in the release that is served.",
    408: "The body did not come in time.",
    413: "The body is too long.",
    415: "The body is not said to be JSON.",
    429: "This user or this client asks too often.",
    500: "The server failed; its log says why.",
    503: "No release is served yet, the server is overloaded, events can't be stored, or no token "
    "can be verified yet.",
}
_HEADERS: dict[int, dict[str, tuple[str, dict[str, Any]]]] = {
    401: {"WWW-Authenticate": ("What the token lacks (RFC 6750).", {"type": "string"})},
    403: {"WWW-Authenticate": ("What the token lacks (RFC 6750).", {"type": "string"})},
    429: {"Retry-After": ("Seconds until it may be granted.", {"type": "integer", "minimum": 1})},
    503: {"Retry-After": ("Seconds until it is worth trying.", {"type": "integer", "minimum": 1})},
}
_FIELD = re.compile(r"^ {8}(\w+): (.+(?:\n {12}.+)*)", re.MULTILINE)


def document() -> bytes:
    """Returns the document as JSON, with two blanks a level."""
    shapes = [x for one in OPERATIONS for x in (*one.posted, one.answer) if x is not None]
    _, schemas = _schemas([*shapes, ProblemDocument])
    described = {
        "openapi": "3.1.1",
        "info": {"title": "Daybreak", "version": "1.0.0", "description": _ABOUT},
        "paths": {x.path: {x.method: _operation(x)} for x in OPERATIONS},
        "components": {
            "schemas": {name: _with_fields(schema) for name, schema in schemas.items()},
            "responses": {str(status): _refusal(status) for status in _REFUSALS},
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "A signed JSON Web Token; its subject is the user, or it holds "
                    "the service role.",
                },
            },
        },
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"


def _schemas(shapes: Sequence[Any]) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    return msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")


def _operation(operation: Operation) -> dict[str, Any]:
    refusals = (*operation.refusals, 500)
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": [] if operation.is_open else [{"token": []}, {}],
        "parameters": [_parameter(x) for x in operation.parameters],
        "responses": {
            str(operation.status): {
                "description": operation.summary,
                "content": {operation.media_type: {"schema": _answer(operation)}},
            },
            **{str(x): {"$ref": f"#/components/responses/{x}"} for x in refusals},
        },
    }
    if operation.posted:
        posted, _ = _schemas(operation.posted)
        described["requestBody"] = {
            "description": operation.body,
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": list(posted)}}},
        }
    return described


def _answer(operation: Operation) -> dict[str, Any]:
    if operation.answer is not None:
        return {"$ref": f"#/components/schemas/{operation.answer.__name__}"}
    return {"type": "object" if operation.media_type == "application/json" else "string"}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": parameter.schema,
    }
    if parameter.schema["type"] == "array":
        described |= {"style": "form", "explode": False}  # one value, split at commas
    return described


def _refusal(status: int) -> dict[str, Any]:
    headers = {
        name: {"required": True, "description": text, "schema": schema}
        for name, (text, schema) in _HEADERS.get(status, {}).items()
    }
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {
        "description": _REFUSALS[status],
        **({"headers": headers} if headers else {}),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }


def _with_fields(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns an object's schema, its docstring's lines put beside the fields that they tell of."""
    summary, _, fields = schema["description"].partition("\n\n")
    told = {name: " ".join(text.split()) for name, text in _FIELD.findall(fields)}
    properties = {
        name: {"description": told[name], **x} for name, x in schema["properties"].items()
    }
    return {**schema, "description": summary, "properties": properties}


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(document())
