"""What is written: each kind of write by the name under which it is journalled."""

from enum import StrEnum


class Action(StrEnum):
    """One kind of write: what is written, a point, and what is done to it. Values are stored, and stay."""

    CONTACT_CREATE = "contact.create"
    CUSTOMER_CREATE = "customer.create"
    CUSTOMER_UPDATE = "customer.update"
    ESTIMATE_CREATE = "estimate.create"
    ESTIMATE_UPDATE = "estimate.update"
    ESTIMATE_CLOSE = "estimate.close"
    ESTIMATE_DELETE = "estimate.delete"
    ESTIMATE_RENUMBER = "estimate.renumber"
    INVOICE_CREATE = "invoice.create"
    INVOICE_UPDATE = "invoice.update"
    INVOICE_MARK_SENT = "invoice.mark_sent"
    INVOICE_VOID = "invoice.void"
    INVOICE_DELETE = "invoice.delete"
    INVOICE_RENUMBER = "invoice.renumber"
    PAYMENT_CREATE = "payment.create"
    PAYMENT_UPDATE = "payment.update"
    PAYMENT_APPLY = "payment.apply"
    PAYMENT_DELETE = "payment.delete"
    PAYMENT_TAKE_PLACEHOLDER = "payment.take_placeholder"
    MONEY_APPLY = "money.apply"
    PLACEHOLDER_CREATE = "placeholder.create"
    PLACEHOLDER_UPDATE = "placeholder.update"
    PLACEHOLDER_DELETE = "placeholder.delete"

    @property
    def noun(self) -> str:
        """What is written: `placeholder` is the payment that stands for "marked as paid", `money` one beside it."""
        return self.value.partition(".")[0]

    @property
    def verb(self) -> str:
        """What is done to it."""
        return self.value.partition(".")[2]

    @property
    def creates(self) -> bool:
        """Whether it makes a record."""
        return self.verb == "create"

    @property
    def deletes(self) -> bool:
        """Whether it deletes a record."""
        return self.verb == "delete"

    @property
    def of_placeholder(self) -> bool:
        """Whether it is a matter of an invoice that is marked as paid: of its placeholder, or of money beside that."""
        return self.noun in ("placeholder", "money")


def creation_of(kind: str) -> Action:
    """The write that makes a record of that kind: a document or a payment."""
    return Action(f"{kind}.create")


def renumbering_of(kind: str) -> Action:
    """The write that gives a document of that kind another number, and leaves the rest of it alone."""
    return Action(f"{kind}.renumber")
