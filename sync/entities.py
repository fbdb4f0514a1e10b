"""What QuickBooks calls each kind of record."""

from reconcile.model import Kind

ENTITIES = {
    Kind.CONTACT: "Customer",
    Kind.ESTIMATE: "Estimate",
    Kind.INVOICE: "Invoice",
    Kind.PAYMENT: "Payment",
}

COPIED = ENTITIES | {Kind.CREDIT: "CreditMemo"}
"""The same with what we only copy."""
