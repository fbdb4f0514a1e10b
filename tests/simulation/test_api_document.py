"""The OpenAPI document: valid, and nothing in it without a name, a sentence and an example that fits."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from schemas.problems import MEDIA_TYPE
from tests.simulation.world import World

WITHOUT_EXAMPLE = frozenset({"text/csv", "text/html"})


@pytest.fixture
def document(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.web.get("/api/openapi.json").get_json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, each in document["paths"].items():
        for method, operation in each.items():
            if method in ("get", "post", "put", "delete"):
                yield f"{method.upper()} {path}", operation


def contents(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every body that is sent or answered: where, its media type, its schema and example."""
    for name, operation in operations(document):
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} request", media, content
        for status, response in operation["responses"].items():
            for media, content in response.get("content", {}).items():
                yield f"{name} {status}", media, content
    for name, response in document["components"]["responses"].items():
        for media, content in response["content"].items():
            yield name, media, content


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    every = dict(operations(document))
    assert len(every) > 40
    assert len({operation["operationId"] for operation in every.values()}) == len(every)
    assert [name for name, each in every.items() if not (each.get("summary") and each.get("description"))] == []


def test_the_document_says_who_may_call_and_where(document: dict[str, Any]) -> None:
    (required,) = document["security"]
    (name,) = required
    assert document["components"]["securitySchemes"][name]["scheme"] == "bearer"
    assert [server["url"] for server in document["servers"]] == ["http://127.0.0.1"]
    assert document["info"]["description"]


def test_every_operation_says_that_its_errors_are_problems(document: dict[str, Any]) -> None:
    shared = document["components"]["responses"]
    for name, operation in operations(document):
        errors = {status: each for status, each in operation["responses"].items() if not status.startswith("2")}
        assert "default" in errors, name
        for response in errors.values():
            (media,) = shared[response["$ref"].rpartition("/")[2]]["content"]
            assert media == MEDIA_TYPE, name


def test_every_answer_is_said_to_have_a_request_id(document: dict[str, Any]) -> None:
    answers = [each for _, operation in operations(document) for each in operation["responses"].values()]
    answers += document["components"]["responses"].values()
    assert all("Request-Id" in each["headers"] for each in answers if "$ref" not in each)


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    registry: Registry[Any] = Registry().with_resource("urn:document", DRAFT202012.create_resource(document))
    seen = 0
    for where, media, content in contents(document):
        if media in WITHOUT_EXAMPLE:
            continue
        assert "example" in content, where
        reference = {"$ref": f"urn:document{content['schema']['$ref']}"}
        errors = list(OAS31Validator(reference, registry=registry).iter_errors(content["example"]))
        assert [error.message for error in errors] == [], where
        names = content["schema"]["$ref"].rpartition("/")[2]
        known = document["components"]["schemas"][names]["properties"]
        assert set(content["example"]) <= set(known), where
        seen += 1
    assert seen > 50
