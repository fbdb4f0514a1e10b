"""Refusals of the Ravetree sandbox, in the contract's error body."""

from typing import Any


class ApiError(Exception):
    """A request that is refused: the HTTP status and what the error body says."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        field: str | None = None,
        existing_id: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.existing_id = existing_id
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "field": self.field,
                "existing_id": self.existing_id,
            }
        }


def bad_request(message: str, field: str | None = None) -> ApiError:
    """400: the request itself cannot be understood."""
    return ApiError(400, "bad_request", message, field)


def invalid(message: str, field: str | None = None, existing_id: str | None = None) -> ApiError:
    """422: understood, but against the rules; `field` names the culprit."""
    return ApiError(422, "invalid", message, field, existing_id)


def not_found(what: str) -> ApiError:
    """404: no such record, or a deleted one."""
    return ApiError(404, "not_found", f"There is no {what}.")
