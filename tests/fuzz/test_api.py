"""The API under requests of every kind that its document allows, and of many that it does not.

Never a crash; what is refused is a problem, and every answer is what the document says of it.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup as CheckFailed
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)

from tests.simulation.posting import paired_invoice, pay
from tests.simulation.world import World

EXAMPLES = 20
AS_DOCUMENTED = [content_type_conformance, response_headers_conformance, response_schema_conformance]
SAID_TO_BE_SLOW = settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which there is something of everything, so that ids lead somewhere."""
    world = World(tmp_path_factory.mktemp("busy"))
    _, theirs = paired_invoice(world)
    pay(world, theirs, 40)
    world.settle()
    world.parity()
    yield world
    world.close()


def known(world: World) -> dict[str, Any]:
    """What leads somewhere: a path of random words never gets past the first look."""
    return {
        "connection_id": world.connection_id,
        "side": "ravetree",
        "kind": "invoice",
        "record_id": "inv_1001",
        "job_id": 1,
        "report_id": 1,
    }


def unwrapped(found: Any) -> Any:
    """An operation of the document; one that cannot be read fails the test."""
    return found.ok()


def ask(world: World, operation: Any, mode: GenerationMode, fixed: dict[str, Any]) -> tuple[int, str]:
    """How often an operation was asked, and the last answer that was a crash or not what the document says of it.

    `fixed` takes the paths' places.
    """
    asked, wrong = 0, ""

    @SAID_TO_BE_SLOW
    @given(operation.as_strategy(generation_mode=mode))
    def hold(case: Any) -> None:
        nonlocal asked, wrong
        asked += 1
        case.path_parameters = {name: fixed.get(name, value) for name, value in case.path_parameters.items()}
        if isinstance(case.body, dict) and "wait_seconds" in case.body:
            # Nobody works meanwhile: it would wait in vain.
            case.body = case.body | {"wait_seconds": 0}
        answer = case.call(headers={"Authorization": "Bearer api"})
        if answer.status_code >= 500:
            wrong = f"{answer.status_code} {answer.text[:300]} to {case.as_curl_command()[:500]}"
        try:
            case.validate_response(answer, checks=AS_DOCUMENTED)
        except CheckFailed as error:
            wrong = str(error)[:1500]

    with contextlib.suppress(Unsatisfiable):  # what takes no parameters cannot be asked wrongly
        hold()
    return asked, wrong


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("leads_somewhere", [True, False])
def test_no_request_is_answered_with_a_crash(busy: World, mode: GenerationMode, leads_somewhere: bool) -> None:
    document = schemathesis.openapi.from_wsgi("/api/openapi.json", busy.web.application)
    fixed = known(busy) if leads_somewhere else {}
    answers = {each.label: ask(busy, each, mode, fixed) for each in map(unwrapped, document.get_all_operations())}
    assert len(answers) > 40
    assert sum(asked for asked, _ in answers.values()) > 300
    assert {label: wrong for label, (_, wrong) in answers.items() if wrong} == {}
