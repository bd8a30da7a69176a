"""Meta's errors: {"error": {message, type, code, error_subcode, fbtrace_id}}."""

from __future__ import annotations

import secrets
from typing import Any


class GraphError(Exception):
    """A refusal, told in Meta's envelope. HTTP 400 unless said otherwise."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        subcode: int | None = None,
        kind: str = "OAuthException",
        status: int = 400,
        transient: bool = False,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.subcode = code, message, subcode
        self.kind, self.status, self.transient = kind, status, transient

    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"message": self.message, "type": self.kind, "code": self.code}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.transient:
            error["is_transient"] = True
        return {"error": error | {"fbtrace_id": "A" + secrets.token_urlsafe(15)}}


def bad_param(name: str, why: str) -> GraphError:
    return GraphError(100, f"(#100) Param {name} {why}")


def no_object(node: str) -> GraphError:
    return GraphError(
        100,
        f"Unsupported get request. Object with ID '{node}' does not exist, cannot be loaded due to missing permissions, or does not "
        "support this operation.",
        subcode=33,
        kind="GraphMethodException",
    )


def check_params(params: Any, known: frozenset[str]) -> None:
    """The sandbox refuses what it does not know, where Meta would overlook some: a source must not rely on it."""
    if unknown := sorted(set(params) - known):
        raise GraphError(100, f"(#100) Unknown parameter: {', '.join(unknown)}")
