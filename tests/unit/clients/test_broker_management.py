"""RabbitMQ's management API as it answers, and as it does not."""

import json
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from clients.broker_management import Management, QueueState
from clients.errors import Away, NeighbourError

ROW = {
    "name": "ravebooks.inbound",
    "messages": 7,
    "messages_unacknowledged": 2,
    "consumers": 1,
    "message_stats": {"publish_details": {"rate": 1.5}, "ack_details": {"rate": 0.5}, "redeliver": 3},
}


class Answers(BaseAdapter):
    """Answers with what it was given, and remembers what it was asked."""

    def __init__(self, status: int, body: Any, error: Exception | None = None) -> None:
        super().__init__()
        self.status, self.body, self.error = status, body, error
        self.asked: list[tuple[str, str, Any]] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **named: Any) -> requests.Response:
        self.asked.append((str(request.url), request.headers.get("Authorization", ""), named.get("timeout")))
        if self.error:
            raise self.error
        answer = requests.Response()
        answer.status_code, answer.request = self.status, request
        answer._content = json.dumps(self.body).encode()
        return answer

    def close(self) -> None:
        """Nothing is open."""


def asked(answers: Answers, url: str = "http://kim:s%40fe@broker:15672", broker: str = "amqp://broker/books") -> Any:
    return Management(url, broker, lambda: answers).queues(["ravebooks.inbound", "ravebooks.dead"])


def test_our_queues_are_read_and_those_of_others_left_out() -> None:
    answers = Answers(200, [ROW, ROW | {"name": "others"}, {"name": "ravebooks.dead"}])
    assert asked(answers) == [
        QueueState("ravebooks.dead", 0, 0, 0, 0.0, 0.0, 0),
        QueueState("ravebooks.inbound", 7, 1, 2, 1.5, 0.5, 3),
    ]
    assert answers.asked == [("http://broker:15672/api/queues/books", "Basic a2ltOnNAZmU=", 1.0)]


def test_the_default_virtual_host_is_named() -> None:
    answers = Answers(200, [])
    assert asked(answers, broker="amqp://broker:5672/") == []
    assert answers.asked[0][0] == "http://broker:15672/api/queues/%2F"


@pytest.mark.parametrize(("status", "body"), [(401, {"error": "no"}), (200, {"no": "list"}), (404, None)])
def test_another_answer_says_what_to_correct(status: int, body: Any) -> None:
    with pytest.raises(Away) as caught:
        asked(Answers(status, body))
    assert "RAVEBOOKS_BROKER_MANAGEMENT_URL" in caught.value.remedy


def test_one_that_hangs_is_given_up_and_its_password_is_not_told() -> None:
    with pytest.raises(NeighbourError) as caught:
        asked(Answers(0, None, requests.exceptions.ReadTimeout("slow")))
    assert "s@fe" not in str(caught.value)
    assert "s%40fe" not in str(caught.value)
