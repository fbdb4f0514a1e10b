"""The cookie that a connect is bound to, as browsers are told to keep it."""

import pytest
from flask import Flask, Response

from console.consent import Browser
from tests.unit.ports import SeededEntropy

VALUE = "a" * 64


def said(public_url: str) -> dict[str, str]:
    browser, app = Browser(public_url, SeededEntropy()), Flask(__name__)
    with app.test_request_context():
        cookie = browser.keep(Response(), VALUE).headers["Set-Cookie"]
    return {name.strip(): value for name, _, value in (part.partition("=") for part in cookie.split(";"))}


def test_over_https_it_never_goes_anywhere_in_plain() -> None:
    cookie = said("https://books.example")
    assert cookie["__Secure-ravebooks_connect"] == VALUE
    assert {"Secure", "HttpOnly"} <= cookie.keys()
    assert (cookie["SameSite"], cookie["Path"], cookie["Max-Age"]) == ("Lax", "/connect", "600")
    assert "Domain" not in cookie


def test_without_https_a_browser_would_not_keep_that() -> None:
    cookie = said("http://127.0.0.1:8425")
    assert cookie["ravebooks_connect"] == VALUE
    assert "Secure" not in cookie


@pytest.mark.parametrize("public_url", ["https://books.example/ravebooks", "https://books.example/ravebooks/"])
def test_below_a_path_it_is_for_that_path(public_url: str) -> None:
    assert said(public_url)["Path"] == "/ravebooks/connect"


def test_a_browser_is_known_by_what_it_was_given() -> None:
    browser, app = Browser("http://127.0.0.1", SeededEntropy()), Flask(__name__)
    with app.test_request_context(headers={"Cookie": f"ravebooks_connect={VALUE}"}):
        assert browser.known_or_new() == browser.known() == VALUE
    with app.test_request_context(headers={"Cookie": "ravebooks_connect=short"}):
        assert browser.known() == ""
        assert len(browser.known_or_new()) == len(VALUE)
