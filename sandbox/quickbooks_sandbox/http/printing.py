"""A sales form as a PDF of one page: what it is, its number, its customer and its total."""

from __future__ import annotations

from quickbooks_sandbox.books.amounts import Doc, amount_of, plain

PRINTABLE = ("Invoice", "Estimate", "CreditMemo", "SalesReceipt", "RefundReceipt", "Payment")


def print_pdf(entity: str, doc: Doc) -> str:
    """The document's bytes as text of one byte a character."""
    customer = (doc.get("CustomerRef") or {}).get("name", "")
    text = f"{entity} {doc.get('DocNumber') or doc['Id']}  {customer}  {plain(amount_of(doc.get('TotalAmt')))}"
    shown = text.encode("ascii", "replace").decode().replace("\\", "").replace("(", "").replace(")", "")
    stream = f"BT /F1 12 Tf 72 720 Td ({shown}) Tj ET"
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        " /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
    ]
    document, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(document))
        document += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    head = f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{table}"
    return f"{document}{head}trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{len(document)}\n%%EOF\n"
