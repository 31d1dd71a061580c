"""The OpenAPI 3.1 document, made from the declarations of the endpoints."""

from __future__ import annotations

import functools
import re
from typing import Any

from pydantic import TypeAdapter

from gateway.api.routing import ENDPOINTS, Endpoint
from gateway.api.shapes import ProblemShape
from gateway.http.access import RIGHTS, Permission
from gateway.http.idempotency import MAX_KEY_LENGTH
from gateway.http.problems import CONTENT_TYPE as PROBLEM_JSON
from gateway.http.problems import TITLES

REFERENCE = "#/components/schemas/{model}"
PATH_ARGUMENT = re.compile(r"<(\w+)>")
ABOUT = """Operators can do here what they can do in the admin pages, except change their own account.

Money is in minor units (centavos). Instants are RFC 3339 in UTC, dates YYYY-MM-DD in the ISP's time zone,
speeds in kbit/s. Lists are {"data": [...], "next": cursor or null}. Errors are application/problem+json.
Send an Idempotency-Key with every POST: for 72 hours, the same key and body get the same response.

A request that is probably a mistake gets a 422 of the type "needs confirmation" and does nothing. Its
"warnings" say why. To go ahead, send the same request with the codes of all warnings, such as
"confirm": ["amount_high"]. You can use the same Idempotency-Key again."""


@functools.cache
def document() -> dict[str, Any]:
    schemas, definitions = TypeAdapter.json_schemas(_models(), ref_template=REFERENCE)
    paths: dict[str, Any] = {}
    for declared in ENDPOINTS:
        operations = paths.setdefault(openapi_path(declared.path), {})
        operations[declared.method.lower()] = _operation(declared, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "ISP-OS", "version": "1", "description": ABOUT},
        "servers": [{"url": "/api/v1"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(declared.tag for declared in ENDPOINTS)],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "password": {"type": "http", "scheme": "basic"},
            },
        },
    }


def openapi_path(path: str) -> str:
    """`/plans/<plan_id>` as OpenAPI writes it."""
    return PATH_ARGUMENT.sub(r"{\1}", path)


def roles_of(permission: Permission) -> list[str]:
    return [role.value for role, rights in RIGHTS.items() if permission in rights]


def _models() -> list[tuple[Any, Any, TypeAdapter]]:
    models: list[tuple[Any, Any, TypeAdapter]] = [("problem", "serialization", TypeAdapter(ProblemShape))]
    for declared in ENDPOINTS:
        models.append((declared.name, "serialization", declared.adapter))
        if declared.body is not None:
            models.append((declared.name, "validation", TypeAdapter(declared.body)))
    return models


def _operation(declared: Endpoint, schemas: Any) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": declared.name,
        "summary": declared.summary,
        "description": f"Roles: {', '.join(roles_of(declared.permission))}.",
        "tags": [declared.tag],
        "security": [{"password": []} if declared.permission is Permission.OWN_PASSWORD else {"token": []}],
        "parameters": _parameters(declared),
        "responses": _responses(declared, schemas),
    }
    if declared.body is not None:
        required = any(field.is_required() for field in declared.body.model_fields.values())
        schema = schemas[declared.name, "validation"]
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": schema}}}
    if declared.file is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {media_type: {} for media_type in declared.file.media_types},
        }
    return operation


def _parameters(declared: Endpoint) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in PATH_ARGUMENT.findall(declared.path)
    ]
    if declared.query is not None:
        properties = declared.query.model_json_schema()
        for name, schema in properties["properties"].items():
            shown = _inlined(schema, properties.get("$defs", {}))
            parameters.append({"name": name, "in": "query", "required": False, "schema": shown})
    if declared.method == "POST":
        schema = {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH}
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema})
    return parameters


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """A schema without references, because parameters have no place for their own definitions."""
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return definitions[schema["$ref"].rpartition("/")[2]]
    return {name: _inlined(part, definitions) for name, part in schema.items()}


def _responses(declared: Endpoint, schemas: Any) -> dict[str, Any]:
    if declared.status == 204:
        good: dict[str, Any] = {"description": "Done"}
    else:
        schema = schemas[declared.name, "serialization"]
        good = {"description": "Done", "content": {"application/json": {"schema": schema}}}
    problem = {PROBLEM_JSON: {"schema": schemas["problem", "serialization"]}}
    statuses = [401, 403, 503]
    if "<" in declared.path:
        statuses.append(404)
    if declared.file is not None:
        statuses += [413, 422]
    if declared.body is not None:
        statuses += [400, 409, 415, 422]
    elif declared.query is not None or declared.method == "POST":
        statuses.append(422)
    responses = {str(declared.status): good}
    for status in sorted(statuses):
        responses[str(status)] = {"description": TITLES[status], "content": problem}
    return responses
