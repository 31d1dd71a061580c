"""A small client of the REST API, as an integrator would write it."""

from __future__ import annotations

import uuid
from typing import Any

import requests

TIMEOUT_SECONDS = 30


class Problem(Exception):
    """An error response: its status, its detail, and the message of each field."""

    def __init__(self, response: requests.Response) -> None:
        is_problem = response.headers.get("Content-Type", "").startswith("application/problem+json")
        content: dict[str, Any] = response.json() if is_problem else {"detail": response.text[:500]}
        self.status = response.status_code
        self.detail: str = content["detail"]
        self.fields: dict[str, str] = {
            wrong["field"]: wrong["message"] for wrong in content.get("errors", [])
        }
        self.retry_after = response.headers.get("Retry-After")
        super().__init__(f"{self.status} {self.detail} {self.fields}")


class Api:
    """Each call returns the decoded response or raises Problem. Use one object per thread."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self.token = token
        self._session = requests.Session()
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def another(self) -> Api:
        """A client with the same token, for another thread."""
        return Api(self.url, self.token)

    def close(self) -> None:
        self._session.close()

    def log_in(self, email: str, password: str) -> None:
        """Create a token with the operator's password and use it from now on."""
        made = self.answer("POST", "/tokens", auth=(email, password), json={"name": "tests"})
        self.token = made["token"]
        self._session.headers["Authorization"] = f"Bearer {self.token}"

    def get(self, path: str, **query: Any) -> Any:
        return self.answer("GET", path, params=query)

    def list(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """The items of all pages."""
        found: list[dict[str, Any]] = []
        after = None
        while True:
            page = self.get(path, limit=200, **query, **({"after": after} if after else {}))
            found.extend(page["data"])
            after = page["next"]
            if after is None:
                return found

    def post(self, path: str, content: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self.answer("POST", path, json=content or {}, headers=headers)

    def patch(self, path: str, **content: Any) -> Any:
        return self.answer("PATCH", path, json=content)

    def put(self, path: str, **content: Any) -> Any:
        return self.answer("PUT", path, json=content)

    def delete(self, path: str) -> Any:
        return self.answer("DELETE", path)

    def answer(self, method: str, path: str, **options: Any) -> Any:
        response = self.ask(method, path, **options)
        if not response.ok:
            raise Problem(response)
        return response.json() if response.content else None

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", TIMEOUT_SECONDS)
        return self._session.request(method, f"{self.url}/api/v1{path}", **options)
