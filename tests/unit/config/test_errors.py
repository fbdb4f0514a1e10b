"""The root of the errors."""

import pytest

from config.errors import RavebooksError, code_of
from publishers.publisher import NothingTakesIt
from schemas.ids import NotAnId
from schemas.problems import of_error
from storage.connections import UnknownConnection


@pytest.mark.parametrize(
    ("kind", "code"),
    [(UnknownConnection, "unknown_connection"), (NotAnId, "not_an_id"), (NothingTakesIt, "nothing_takes_it")],
)
def test_an_errors_code_is_its_classs_name(kind: type[RavebooksError], code: str) -> None:
    assert code_of(kind) == code


def test_an_error_is_told_as_a_sentence_with_its_remedy_and_its_field() -> None:
    problem = of_error(RavebooksError("it went wrong", remedy="Mend it.", field="by"), 409)
    assert (problem.code, problem.detail, problem.remedy) == ("ravebooks_error", "It went wrong.", "Mend it.")
    assert (problem.title, problem.field) == ("Conflict", "by")
    assert '"errors"' not in problem.as_json()
