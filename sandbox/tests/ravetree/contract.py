"""Whether what is answered and delivered fits the contract's own documents."""

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from ravetree_sandbox.contract import EVENTS, OPENAPI


def problems(name: str, record: Any) -> list[str]:
    """What is wrong with a record that is to be the contract's `name`."""
    return _problems({"$ref": f"#/components/schemas/{name}"}, record)


def problems_of_answer(path: str, body: Any) -> list[str]:
    """What is wrong with the body of a successful GET of the contract's `path`."""
    content = OPENAPI["paths"][path]["get"]["responses"]["200"]["content"]
    return _problems(content["application/json"]["schema"], body)


def problems_of_event(body: Any) -> list[str]:
    """What is wrong with the body of a delivery."""
    return [error.message for error in Draft202012Validator(EVENTS, format_checker=FormatChecker()).iter_errors(body)]


def _problems(schema: Any, value: Any) -> list[str]:
    # The whole document beside it, so that references lead somewhere.
    validator = Draft202012Validator({**OPENAPI, **schema}, format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(value)]
