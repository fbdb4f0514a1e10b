"""Where a person opens a record in its own book."""

from dataclasses import dataclass
from urllib.parse import quote

from reconcile.model import Kind

PAGES = {
    Kind.CONTACT: "customerdetail?nameId",
    Kind.ESTIMATE: "estimate?txnId",
    Kind.INVOICE: "invoice?txnId",
    Kind.PAYMENT: "recvpayment?txnId",
}


@dataclass(frozen=True)
class RecordAddresses:
    """The root of QuickBooks' pages, and the address of Ravetree's with `{account}`, `{kind}`, `{id}`; empty: none."""

    quickbooks_pages: str = ""
    ravetree_record: str = ""

    def in_quickbooks(self, kind: Kind, record_id: str | None) -> str | None:
        """None without such pages, or without a record."""
        if not self.quickbooks_pages or not record_id:
            return None
        return f"{self.quickbooks_pages}/{PAGES[kind]}={quote(record_id, safe='')}"

    def in_ravetree(self, account_id: str, kind: str, record_id: str | None) -> str | None:
        """None where nobody has said what the address of a record is, or without a record."""
        if not self.ravetree_record or not record_id:
            return None
        said = {"account": account_id, "kind": kind, "id": record_id}
        return self.ravetree_record.format_map({name: quote(value, safe="") for name, value in said.items()})
