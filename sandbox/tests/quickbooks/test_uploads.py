"""Files of attachables."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.test import TestResponse

from quickbooks_sandbox.books.amounts import decode, encode
from quickbooks_sandbox.testing import World, code_of, named

PNG = b"\x89PNG\r\n\x1a\n\x00\xff"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def upload(world: World, *files: tuple[Any, bytes], **query: str) -> TestResponse:
    form: dict[str, Any] = {}
    for number, (metadata, content) in enumerate(files, start=1):
        if metadata is not None:
            told = metadata if isinstance(metadata, str) else encode(metadata)
            form[f"file_metadata_{number:02d}"] = (BytesIO(told.encode()), "", "application/json")
        form[f"file_content_{number:02d}"] = (BytesIO(content), f"receipt-{number}.png", "image/png")
    path = f"/v3/company/{world.credentials['realm_id']}/upload"
    return world.client.post(path, data=form, query_string=query, headers=world.bearer())


def answers(answer: TestResponse) -> Any:
    assert answer.status_code == 200, answer.text
    return decode(answer.data)["AttachableResponse"]


def address(world: World, object_id: str) -> str:
    answer = world.get(f"download/{object_id}")
    assert answer.mimetype == "text/plain"
    return urlsplit(answer.text).path


def test_a_file_is_attached_and_comes_back_as_it_was(world: World) -> None:
    invoice = world.invoice(10)
    entity = {"EntityRef": {"type": "Invoice", "value": invoice["Id"]}}
    [one] = answers(upload(world, ({"AttachableRef": [entity], "Note": "Lunch"}, PNG)))
    made = one["Attachable"]
    assert (made["FileName"], made["ContentType"], made["Size"]) == ("receipt-1.png", "image/png", len(PNG))
    assert made["FileAccessUri"].endswith(f"/download/{made['Id']}")
    assert world.read("Attachable", made["Id"]) == made
    assert world.client.get(address(world, made["Id"])).data == PNG


@pytest.mark.parametrize(
    "content", [b"", bytes(range(256)) * 3, b"\r\n", b"\n\r\r\n--x\r\n\r", b"--\n", "Zoë\n".encode()]
)
def test_no_byte_of_a_file_is_lost(world: World, content: bytes) -> None:
    made = answers(upload(world, (None, content)))[0]["Attachable"]
    assert made["Size"] == len(content)
    assert world.client.get(address(world, made["Id"])).data == content


def test_each_file_is_taken_or_refused_by_itself(world: World) -> None:
    wrong = {"AttachableRef": [{"EntityRef": {"type": "Invoice", "value": "999"}}]}
    first, second, third = answers(upload(world, (None, b"a"), (wrong, b"b"), ({"FileName": "c.txt"}, b"c")))
    assert first["Attachable"]["FileName"] == "receipt-1.png"
    assert second["Fault"]["Error"][0]["code"] == "6000"
    assert third["Attachable"]["FileName"] == "c.txt"
    assert world.query("select count(*) from Attachable")["totalCount"] == 2


def test_an_upload_is_repeated_under_its_requestid(world: World) -> None:
    first = upload(world, (None, PNG), requestid="r")
    assert upload(world, (None, PNG), requestid="r").data == first.data
    assert world.query("select count(*) from Attachable")["totalCount"] == 1


def test_an_address_dies_after_a_quarter_of_an_hour_and_cannot_be_made_up(world: World) -> None:
    made = answers(upload(world, (None, PNG)))[0]["Attachable"]
    path = address(world, made["Id"])
    assert world.client.get(path[:-1] + ("0" if path[-1] != "0" else "1")).status_code == 403
    world.time += 15 * 60 - 1
    assert world.client.get(path).status_code == 200
    world.time += 1
    assert world.client.get(path).status_code == 403


def test_a_file_goes_with_its_attachable_and_comes_back_with_a_snapshot(world: World) -> None:
    made = answers(upload(world, (None, PNG)))[0]["Attachable"]
    world.order("snapshot", {"name": "s"})
    path = address(world, made["Id"])
    world.save("Attachable", named(made), operation="delete")
    assert world.client.get(path).status_code == 403
    assert code_of(world.get(f"download/{made['Id']}")) == "610"
    world.order("restore", {"name": "s"})
    assert world.client.get(path).data == PNG


def test_what_is_no_upload_is_refused(world: World) -> None:
    assert code_of(world.post("upload", {})) == "2020"
    assert code_of(upload(world, ("{", PNG))) == "2010"
    assert answers(upload(world, ("[]", PNG)))[0]["Fault"]["Error"][0]["code"] == "2010"
    note = world.save("Attachable", {"Note": "no file"})
    assert code_of(world.get(f"download/{note['Id']}")) == "610"
