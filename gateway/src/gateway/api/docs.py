"""The API's documentation: an OpenAPI document and a page to read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, render_template

from gateway.api import openapi
from gateway.http.access import Permission, needs
from gateway.http.problems import TITLES

blueprint = Blueprint("docs", __name__)


@dataclass(frozen=True)
class FieldRow:
    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True)
class OperationRow:
    method: str
    path: str
    summary: str
    roles: str
    parameters: list[FieldRow]
    body: list[FieldRow]
    answer: list[FieldRow]
    status: str


@blueprint.get("/api/v1/openapi.json")
@needs(Permission.PUBLIC)
def document() -> Response:
    return Response(json.dumps(openapi.document()), content_type="application/json")


@blueprint.get("/api/docs")
@needs(Permission.PUBLIC)
def page() -> str:
    described = openapi.document()
    groups: dict[str, list[OperationRow]] = {tag["name"]: [] for tag in described["tags"]}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            row = _row(method, path, operation, described["components"]["schemas"])
            groups[operation["tags"][0]].append(row)
    about = described["info"]["description"].split("\n\n")
    return render_template("api_docs.html", groups=groups, about=about, problems=TITLES)


def _row(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> OperationRow:
    good = next(status for status in operation["responses"] if status.startswith("2"))
    parameters = [
        FieldRow(
            f"{parameter['name']} ({parameter['in']})",
            _type_words(parameter["schema"]),
            parameter["required"],
            _description(parameter["schema"]),
        )
        for parameter in operation["parameters"]
    ]
    return OperationRow(
        method=method.upper(),
        path=f"/api/v1{path}",
        summary=operation["summary"],
        roles=operation["description"],
        parameters=parameters,
        body=_fields(operation.get("requestBody"), schemas),
        answer=_fields(operation["responses"][good], schemas),
        status=good,
    )


def _fields(message: dict[str, Any] | None, schemas: dict[str, Any]) -> list[FieldRow]:
    content = (message or {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    schema = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    required = set(schema.get("required", []))
    return [
        FieldRow(name, _type_words(shape), name in required, _description(shape))
        for name, shape in schema.get("properties", {}).items()
    ]


def _type_words(schema: dict[str, Any]) -> str:
    """A schema in a few words: `text`, `list of HoldShape`, `sent or paid`."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2].removesuffix("Shape")
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(dict.fromkeys(_type_words(part) for part in schema[choice]))
    if "enum" in schema:
        return " or ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_type_words(schema.get('items', {}))}"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "number": "number"}
    kind = schema.get("type", "anything")
    formats = {"date": "date", "date-time": "instant"}
    return formats.get(schema.get("format", "")) or words.get(kind, kind)


def _description(schema: dict[str, Any]) -> str:
    limits = [
        words.format(schema[name])
        for name, words in (
            ("minimum", "at least {}"),
            ("maximum", "at most {}"),
            ("maxLength", "at most {} characters"),
            ("default", "default {}"),
        )
        if schema.get(name) is not None
    ]
    return "; ".join(filter(None, [schema.get("description"), *limits]))
