"""What every application answers when no view does: problem details for what HTTP itself refuses, and for a crash."""

from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed, NotFound

from config.names import REQUEST_ID_KEY
from schemas.problems import MEDIA_TYPE, Problem

CODES = {413: "too_large", 500: "internal_error"}
"""Names of errors that are not their status in words."""
REMEDIES = {
    400: "Send the request as the API's document describes it.",
    404: "Compare the address with the paths of the API's document, /api/openapi.json.",
    413: "Send less at once.",
    415: "Send the body as it is, as JSON: Content-Type: application/json, without Content-Encoding.",
    500: "Nothing to do but to try again. Report it with the lines of the log that carry this id.",
}


def install(app: Flask) -> None:
    """Answer what no view of `app` answers with problem details."""
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(InternalServerError, crashed)


def of_status(status: int, detail: str, remedy: str = "") -> Problem:
    """What is refused with a status of HTTP's own, whose name it has."""
    phrase = HTTPStatus(status).phrase
    code = CODES.get(status, phrase.lower().replace(" ", "_").replace("-", "_"))
    return Problem(status, code, detail, remedy or REMEDIES.get(status, "Send the request as HTTP asks for."))


def refused(error: HTTPException) -> Response:
    """What HTTP refuses by itself: an unknown path, a method, a body that is too large."""
    match error:
        case NotFound():
            problem = of_status(404, "There is nothing at this address.")
        case MethodNotAllowed():
            allowed = ", ".join(sorted(error.valid_methods or ()))
            problem = of_status(405, f"This address does not take {request.method}.", f"It takes: {allowed}.")
        case _:
            problem = of_status(error.code or 500, error.description or error.name)
    answer = answered(problem)
    for name, value in error.get_headers(request.environ):
        if name.lower() != "content-type":
            answer.headers[name] = value
    return answer


def crashed(_error: InternalServerError) -> Response:
    """Something unexpected, with its traceback in the log under the request's id."""
    name = request.environ.get(REQUEST_ID_KEY, "")
    detail = f"Something unexpected happened, a fault of Ravebooks. It is in the log with request_id {name or 'none'}."
    return answered(Problem(500, CODES[500], detail, REMEDIES[500]))


def answered(problem: Problem) -> Response:
    """The problem as an answer."""
    return Response(problem.as_json(), problem.status, content_type=MEDIA_TYPE)
