"""Where a person opens a record in its own book."""

from reconcile.model import Kind
from sync.record_addresses import RecordAddresses

BOTH = RecordAddresses("https://qbo.test/app", "https://ravetree.test/{account}/{kind}s?open={id}")


def test_each_book_has_its_address_and_no_id_leaves_its_place() -> None:
    assert BOTH.in_quickbooks(Kind.PAYMENT, "145") == "https://qbo.test/app/recvpayment?txnId=145"
    assert BOTH.in_ravetree("org_42", Kind.INVOICE, "inv_1") == "https://ravetree.test/org_42/invoices?open=inv_1"
    assert BOTH.in_ravetree("../x", "contact", "a&b=/{id}") == (
        "https://ravetree.test/..%2Fx/contacts?open=a%26b%3D%2F%7Bid%7D"
    )
    assert BOTH.in_quickbooks(Kind.INVOICE, "1&x") == "https://qbo.test/app/invoice?txnId=1%26x"


def test_what_nobody_has_said_or_is_not_there_has_none() -> None:
    nothing = RecordAddresses()
    assert nothing.in_quickbooks(Kind.INVOICE, "1") is None
    assert nothing.in_ravetree("org_42", Kind.INVOICE, "inv_1") is None
    assert BOTH.in_quickbooks(Kind.CONTACT, None) is None
    assert BOTH.in_ravetree("org_42", Kind.CONTACT, "") is None
