"""Each refusal reaches the bookkeeper as a sentence: the record, the cause, one action, no codes, 200 characters."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.quickbooks import faults
from reconcile.model import SENTENCE_LIMIT, Attention, fitted
from sync.retries import Park, Pause, decide

WHAT = "Invoice AB-1043"
REFUSALS = {
    "610": "Object Not Found : Something you're trying to use has been made inactive. Check the fields with accounts.",
    "2010": "Request has invalid or unsupported property : Property Name:Foo is unsupported or invalid",
    "2020": "Required param missing, need to supply the required value for the API : Line is required",
    "2030": "Invalid ID : Ids must be numeric",
    "2050": "String length specified is too long : DocNumber",
    "2170": "Invalid Enumeration : EmailStatus",
    "2500": "Invalid Reference Id : Names element id 999 not found",
    "6000": "A business validation error has occurred while processing your request : Business Validation Error: "
    "The amount you received is more than what is owed on the invoices that you chose, so please enter a lower amount "
    "or leave the rest of it as a credit for the customer to use on a later invoice in this company of yours",
    "6140": "Duplicate Document Number Error : You must specify a different number. This number has already been used."
    " DocNumber=1043 is assigned to TxnType=Invoice with TxnId=6575",
    "6210": "Account Period Closed : The account period has closed and the account books cannot be updated through",
    "6240": "Duplicate Name Exists Error : The name supplied already exists. : null",
    "6540": "Deposited Transaction cannot be changed : If you need to change or delete this transaction, edit deposit",
    "9999": "Some fault that nobody has documented : Error code: 9999 whatever it is (code 12)",
}
LOCKED_OUT = {"120": 403, "3100": 403, "6190": 400}


def fault(code: str, detail: str = "") -> dict[str, Any]:
    return {"Fault": {"Error": [{"Message": "m", "Detail": detail, "code": code}], "type": "ValidationFault"}}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_names_the_record_the_cause_and_one_action(code: str) -> None:
    decision = decide(faults.error_from(400, fault(code, REFUSALS[code])), WHAT, 0, 1.0)
    assert isinstance(decision, Park)
    shown = fitted(Attention(decision.state, decision.code, decision.cause, decision.remedy))
    sentence = f"{shown.cause} {shown.remedy}"
    assert shown.cause.startswith(f"{WHAT}: ")
    assert len(shown.cause) > len(WHAT) + 10
    assert len(shown.remedy) > 10
    assert len(sentence) <= SENTENCE_LIMIT
    assert code not in sentence
    assert not re.search(r"\b(code|HTTP|Error|null)\b", sentence)


@pytest.mark.parametrize("code", LOCKED_OUT)
def test_being_locked_out_pauses_with_a_sentence(code: str) -> None:
    decision = decide(faults.error_from(LOCKED_OUT[code], fault(code)), WHAT, 0, 1.0)
    assert isinstance(decision, Pause)
    sentence = f"{decision.cause} {decision.remedy}"
    assert len(sentence) <= SENTENCE_LIMIT
    assert code not in sentence


@given(st.text(max_size=600), st.text(max_size=150))
def test_whatever_is_said_fits_and_keeps_its_remedy(cause: str, remedy: str) -> None:
    shown = fitted(Attention("held", "x", cause, remedy))
    assert len(f"{shown.cause} {shown.remedy}") <= SENTENCE_LIMIT
    assert shown.remedy == remedy
