"""How endpoints are declared, and what happens around each: body, query, idempotency, audit, errors.

One declaration serves Flask, the permission check and the OpenAPI document, so they cannot disagree.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contracts.common import ContractError, InvalidInput, NotFound
from flask import Blueprint, Response, g, request
from pydantic import TypeAdapter, ValidationError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from gateway.api.queries import Query
from gateway.audit import trail
from gateway.audit.events import Event, causes
from gateway.clients.context import current
from gateway.display.typed import is_id
from gateway.http import bodies, idempotency
from gateway.http.access import CODE_FIELD, Permission, needs, require_code
from gateway.http.idempotency import KeptAnswer
from gateway.http.problems import NEEDS_CONFIRMATION, problem_of
from gateway.resources.fields import Input, field_errors

JSON = "application/json"
# The caller could not prove who they are, so nothing was done and the next attempt counts as the first.
NOT_BEGUN = {401, 429}
WRITES = {"POST", "PUT", "PATCH", "DELETE"}

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")


@dataclass(frozen=True)
class File:
    """A file in a request: its media types (documentation only, the content decides) and maximum size."""

    media_types: tuple[str, ...]
    max_octets: int


@dataclass(frozen=True)
class Endpoint:
    """`answer` is the type of the response; `body` and `query` are the models of the input.

    An endpoint with a `file` takes a raw file instead of a JSON body.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    permission: Permission
    answer: Any
    status: int
    body: type[Input] | None
    query: type[Query] | None
    file: File | None
    keeps_answer: bool = True

    @functools.cached_property
    def adapter(self) -> TypeAdapter:
        return TypeAdapter(self.answer)


ENDPOINTS: list[Endpoint] = []


def endpoint(
    method: str,
    path: str,
    *,
    permission: Permission,
    answer: Any,
    status: int = 200,
    body: type[Input] | None = None,
    query: type[Query] | None = None,
    file: File | None = None,
    event: Event | None = None,
    keeps_answer: bool = True,
) -> Callable[[Callable], Callable]:
    """Serve `function(**path arguments, body=..., query=..., content=...)`; its result becomes `answer`.

    Without `keeps_answer`, a repeated Idempotency-Key is carried out again: for a POST that only reads.

    The first line of its docstring is its summary in the documentation. Raises TypeError if an endpoint that
    writes declares no `event` for the audit log.
    """
    if method in WRITES and event is None:
        raise TypeError(f"{method} {path} declares no event for the audit log")

    def declare(function: Callable) -> Callable:
        declared = Endpoint(
            method=method,
            path=path,
            name=function.__name__,
            tag=function.__module__.split(".")[2].replace("_", " "),  # gateway.api.<resource>
            summary=(function.__doc__ or "").strip().splitlines()[0],
            permission=permission,
            answer=answer,
            status=status,
            body=body,
            query=query,
            file=file,
            keeps_answer=keeps_answer,
        )
        ENDPOINTS.append(declared)

        def view(**path_arguments: str) -> Response:
            return _handle(declared, function, path_arguments)

        if event is not None:
            causes(event)(view)
        if file is not None:
            bodies.takes_up_to(file.max_octets)(view)
        blueprint.add_url_rule(path, declared.name, needs(permission)(view), methods=[method])
        return function

    return declare


def by_operator() -> dict[str, Any]:
    """A command's operator and idempotency key, with which services repeat nothing even if we crash."""
    return idempotency.by_operator(_idempotency_key() if request.method == "POST" else None)


def _handle(declared: Endpoint, function: Callable, path_arguments: dict) -> Response:
    # Flask adds HEAD to every GET; otherwise only the declared method is allowed.
    key = _idempotency_key() if declared.method == "POST" and declared.keeps_answer else None
    if key is None:
        response = _attempt(declared, function, path_arguments)
        if declared.method in WRITES and response.status_code < 400:
            with current().database.transaction() as session:
                trail.record(session, _record_id(response, path_arguments))
        return response
    return _once(
        key, _content(declared), lambda: _attempt(declared, function, path_arguments), path_arguments
    )


def _content(declared: Endpoint) -> bytes:
    """What a repeated request shares with the first: all but the second-factor code, which works once."""
    body = request.get_json(silent=True) if declared.permission is Permission.OWN_PASSWORD else None
    if not isinstance(body, dict):
        return request.get_data()
    return json.dumps({name: value for name, value in body.items() if name != CODE_FIELD}).encode()


def _once(key: str, sent: bytes, attempt: Callable[[], Response], path_arguments: dict) -> Response:
    gateway = current()
    content = idempotency.fingerprint(gateway, request.method.encode(), request.full_path.encode(), sent)
    claimed = idempotency.claim(gateway, g.operator.id, key, content)
    if isinstance(claimed, KeptAnswer):
        return Response(claimed.body, claimed.status, content_type=claimed.content_type)
    response = attempt()
    with gateway.database.transaction() as session:
        if _did_not_begin(response):
            idempotency.give_back(session, claimed)
            return response
        content_type, text = response.content_type or "", response.get_data(as_text=True)
        answer = KeptAnswer(response.status_code, content_type, text)
        idempotency.keep(gateway, session, claimed, answer)
        if response.status_code < 400:
            trail.record(session, _record_id(response, path_arguments))
    return response


def _did_not_begin(response: Response) -> bool:
    """Whether the next attempt with the same key counts as the first, and may have a different body."""
    if response.status_code >= 500 or response.status_code in NOT_BEGUN:
        return True
    content = response.get_json(silent=True) if response.status_code == 422 else None
    return isinstance(content, dict) and content.get("type") == NEEDS_CONFIRMATION


def _attempt(declared: Endpoint, function: Callable, path_arguments: dict) -> Response:
    """The response, including errors, which are also kept under an idempotency key."""
    try:
        if declared.permission is Permission.OWN_PASSWORD:
            require_code()
        _check_ids(path_arguments)
        arguments = dict(path_arguments)
        if declared.query is not None:
            arguments["query"] = _query(declared.query)
        if declared.body is not None:
            arguments["body"] = _body(declared.body)
        if declared.file is not None:
            arguments["content"] = _data()
        result = function(**arguments)
        if declared.status == 204:
            return Response(status=204)
        shaped = declared.adapter.validate_python(result)
        return Response(declared.adapter.dump_json(shaped), declared.status, content_type=JSON)
    except Exception as error:
        return problem_of(error).as_json()


def _idempotency_key() -> str | None:
    return idempotency.checked_key(request.headers.get("Idempotency-Key"), "Idempotency-Key")


def _check_ids(path_arguments: dict[str, str]) -> None:
    if not all(map(is_id, path_arguments.values())):
        raise NotFound("this id names nothing")


def _query(model: type[Query]) -> Query:
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise InvalidInput("a query parameter is invalid; see errors", field_errors(error)) from None


def _body(model: type[Input]) -> Input:
    """Raises BadRequest if it is not JSON, UnsupportedMediaType for another content type, InvalidInput."""
    data = _data()
    if data and not request.is_json:
        raise UnsupportedMediaType("send the body as JSON, with Content-Type: application/json")
    try:
        return model.model_validate_json(data or b"{}")
    except ValidationError as error:
        if any(wrong["type"] == "json_invalid" for wrong in error.errors()):
            raise BadRequest("the body is not JSON") from None
        raise InvalidInput("some fields are invalid; see errors", field_errors(error)) from None


def _data() -> bytes:
    """Raises RequestEntityTooLarge."""
    data = request.get_data()
    if len(data) >= (request.max_content_length or 0):
        raise RequestEntityTooLarge  # werkzeug truncates a chunked body here instead of refusing it
    return data


def renaming(rename: Callable[[str], str]) -> Callable[[Callable], Callable]:
    """Decorator: renames the fields in a service's errors to the names that API callers use."""

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def renamed(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except ContractError as error:
                errors = [type(wrong)(rename(wrong.field), wrong.message) for wrong in error.errors]
                raise type(error)(error.message, errors, error.warnings) from error

        return renamed

    return decorate


def _record_id(response: Response, path_arguments: dict[str, str]) -> str:
    if path_arguments:
        return "/".join(path_arguments.values())
    content = response.get_json(silent=True) if response.is_json else None
    return str(content.get("id", "")) if isinstance(content, dict) else ""
