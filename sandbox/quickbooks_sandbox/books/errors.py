"""Faults as QuickBooks answers them: code, message and detail in Intuit's words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

HOST = "https://quickbooks.api.intuit.com"
MOST_KNOWN = 1000  # characters of the properties that a refusal lists

# code: (HTTP status, fault type, message); what is not here is a validation fault with status 400.
KNOWN: dict[str, tuple[int, str, str]] = {
    "120": (403, "AuthorizationFault", "Authorization Failure"),
    "500": (400, "ValidationFault", "Unsupported Operation"),
    "610": (400, "ValidationFault", "Object Not Found"),
    "620": (400, "ValidationFault", "Transaction could not be linked"),
    "2010": (400, "ValidationFault", "Request has invalid or unsupported property"),
    "2020": (400, "ValidationFault", "Required param missing, need to supply the required value for the API"),
    "2030": (400, "ValidationFault", "Invalid ID"),
    "2040": (400, "ValidationFault", "Invalid String"),
    "2050": (400, "ValidationFault",
    "String length is either shorter or longer than supported by specification"),
    "2170": (400, "ValidationFault", "Invalid Enumeration"),
    "2210": (400, "ValidationFault", "Invalid Email Address format"),
    "2500": (400, "ValidationFault", "Invalid Reference Id"),
    "3001": (429, "SERVICE", "message=ThrottleExceeded; errorCode=003001; statusCode=429"),
    "3100": (403, "SERVICE",
    "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403"),
    "3200": (401, "AUTHENTICATION", "message=AuthenticationFailed; errorCode=003200; statusCode=401"),
    "4000": (400, "ValidationFault", "Error parsing query"),
    "4001": (400, "ValidationFault", "Invalid query"),
    "5010": (400, "ValidationFault", "Stale Object Error"),
    "6000": (400, "ValidationFault",
    "A business validation error has occurred while processing your request"),
    "6070": (400, "ValidationFault", "Amount is not equal to UnitPrice * Qty"),
    "6140": (400, "ValidationFault", "Duplicate Document Number Error"),
    "6150": (400, "ValidationFault", "ParentRef Required Error"),
    "6190": (403, "ValidationFault", "Invalid Company Status"),
    "6210": (400, "ValidationFault", "Account Period Closed, Cannot Update Through Services API"),
    "6240": (400, "ValidationFault", "Duplicate Name Exists Error"),
    "6540": (400, "ValidationFault", "Deposited Transaction cannot be changed"),
    "10000": (500, "SystemFault", "An application error has occurred while processing your request"),
}  # fmt: skip

_INACTIVE = (
    "Object Not Found : Something you're trying to use has been made inactive. "
    "Check the fields with accounts, customers, items, vendors or employees."
)

# Details for faults that are ordered by `POST /sandbox/faults` or always read the same.
DETAILS = {
    "610": _INACTIVE,
    "3001": "The request limit was reached.  Try again later",
    "6190": "Subscription period has ended or canceled or there was a billing problem",
    "6210": "The account period has closed and the account books cannot be updated through the "
    "QBO Services API. "
    "Please use the QBO website to make these changes.",
    "6540": "This transaction has been deposited. If you want to change or delete it, "
    "you must edit the deposit it appears on and remove it first.",
    "10000": "An unexpected error occurred while accessing or saving your data.",
}


LINE_KINDS = (
    "JournalEntryLineDetail", "DepositLineDetail", "SalesItemLineDetail", "PurchaseOrderItemLineDetail",
    "DiscountLineDetail", "TDSLineDetail", "SubTotalLineDetail", "ItemReceiptLineDetail", "PaymentLineDetail",
    "TaxLineDetail", "AccountBasedExpenseLineDetail", "SalesOrderItemLineDetail", "ItemBasedExpenseLineDetail",
    "GroupLineDetail", "DescriptionOnly",
)  # fmt: skip

# Refused before QuickBooks looked at a field, or in older words: they name no element, not even an empty one.
WITHOUT_ELEMENT = frozenset({"500", "2010", "4000", "4001", "6240"})


class Fault(Exception):  # the word of the API itself
    """One refused request; ``body`` is the envelope without its time."""

    def __init__(self, code: str, detail: str | None = None, element: str = "") -> None:
        self.code = code
        self.status, self.type, self.message = KNOWN.get(code, (400, "ValidationFault", f"Error {code}"))
        self.detail = DETAILS.get(code, self.message) if detail is None else detail
        self.element = element
        super().__init__(f"{code} {self.message}: {self.detail}")

    def body(self) -> dict[str, Any]:
        error = {"Message": self.message, "Detail": self.detail, "code": self.code}
        if self.code not in WITHOUT_ELEMENT:
            error["element"] = self.element
        return {"Fault": {"Error": [error], "type": self.type}}


class GatewayFault(Fault):
    """A refusal by the gateway before QuickBooks itself: everything in lower case, HTTP 401 or 403."""

    def body(self) -> dict[str, Any]:
        error = {"message": self.message, "detail": self.detail or None, "code": self.code, "element": None}
        return {
            "warnings": None, "intuitObject": None,
            "fault": {"error": [error], "type": self.type},
            "report": None, "queryResponse": None, "batchItemResponse": [], "attachableResponse": [],
            "syncErrorResponse": None, "requestId": None, "status": None, "cdcresponse": [],
        }  # fmt: skip


def not_authenticated(token: str) -> GatewayFault:
    # The real gateway repeats the token too: clients must be able to show that they redact it.
    return GatewayFault("3200", f"Token expired: {token}")


def not_authorized() -> GatewayFault:
    return GatewayFault("3100", "")


def ordered(code: str) -> Fault:
    """A fault that was asked for by its code."""
    return not_authorized() if code == "3100" else Fault(code)


def business(detail: str) -> Fault:
    return Fault("6000", f"Business Validation Error: {detail}")


def required(name: str) -> Fault:
    return Fault("2020", f"Required parameter {name} is missing in the request", name)


def unsupported_property(name: str) -> Fault:
    return Fault("2010", f"Property Name:{name} specified is unsupported or invalid")


def unknown_property(name: str, owner: str, known: Iterable[str]) -> Fault:
    """As QuickBooks' reader of JSON says it, with the beginning of what it would have known."""
    names = [f'"{other}"' for other in known]
    listed = ", ".join(names)
    if len(listed) > MOST_KNOWN:
        listed = f"{listed[:MOST_KNOWN].rpartition(',')[0]} [truncated]"
    return Fault(
        "2010",
        f'Property Name:Unrecognized field "{name}" (class com.intuit.schema.finance.v3.{owner}), '
        f"not marked as ignorable ({len(names)} known properties: {listed}])\n specified is unsupported or invalid",
    )


def unknown_line(kind: object) -> Fault:
    """A line of a kind that is none, as QuickBooks' reader of JSON says it."""
    return unsupported_property(
        f'Can not deserialize value of type com.intuit.schema.finance.v3.LineDetailTypeEnum from String "{kind}": '
        f"value not one of declared Enum instance names: [{', '.join(LINE_KINDS)}]\n "
    )


def invalid_email(address: str, element: str) -> Fault:
    detail = f"Email Address does not conform to the syntax rules of RFC 822. Supplied value:{address}"
    return Fault("2210", detail, element)


def not_both_job_and_parent() -> Fault:
    return Fault("6150", "ParentRef is either required or not if Job is true or false.", "Job")


def invalid_id(value: str) -> Fault:
    return Fault("2030", f"Id should be a valid number. Supplied value:{value}", "Id")


def unsupported_operation(what: str, instead: str = "") -> Fault:
    return Fault("500", f"Operation {what} is not supported. {instead}".rstrip())


def no_such_resource(path: str) -> Fault:
    return unsupported_operation(f"Could not find resource for relative : {path} of full path: {HOST}{path}")


def missing_reference(list_name: str, object_id: str, element: str) -> Fault:
    return Fault("2500", f"Invalid Reference Id : {list_name} element id {object_id} not found", element)


def stale() -> Fault:
    return Fault(
        "5010",
        "Stale Object Error : You and sandbox were working on this at the same time. "
        "sandbox finished before you did, so your work was not saved.",
    )


def wrong_amount(supplied: Decimal) -> Fault:
    return Fault("6070", f"Amount is not equal to UnitPrice * Qty. Supplied value:{supplied:,}", "Line.Amount")


def duplicate_number(number: str, entity: str, object_id: str) -> Fault:
    return Fault(
        "6140",
        "Duplicate Document Number Error : You must specify a different number. "
        "This number has already been used. "
        f"DocNumber={number} is assigned to TxnType={entity} with TxnId={object_id}",
    )


def too_long(name: str, limit: int, length: int) -> Fault:
    return Fault(
        "2050",
        "String length specified does not match the supported length. "
        f"Min:0 Max:{limit:,} supported. Supplied length:{length:,}",
        name,
    )


def invalid_enumeration(value: object, element: str) -> Fault:
    return Fault("2170", f"Invalid Enumeration : {value}", element)
