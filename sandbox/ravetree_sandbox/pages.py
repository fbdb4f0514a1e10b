"""A page to work by hand: make invoices, add lines, receive payments, press the buttons of an invoice."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, render_template_string, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.utils import redirect

from ravetree_sandbox.errors import ApiError
from ravetree_sandbox.journal import USER
from ravetree_sandbox.organisation import Organisation
from ravetree_sandbox.records import Query
from ravetree_sandbox.values import Json

LIMIT = 200

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Ravetree sandbox</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top; }
td.money { text-align: right; font-variant-numeric: tabular-nums; }
form { display: inline-flex; flex-wrap: wrap; gap: .4rem; align-items: end; margin: .2rem 0; }
label { display: flex; flex-direction: column; font-size: .85em; color: #444; }
tr:target { background: #fff3c4; }
.refused { background: #fde8e8; border: 1px solid #c33; padding: .6rem; }
</style>
<h1>Ravetree sandbox</h1>
{% if refused %}<p class="refused" role="alert">{{ refused }}</p>{% endif %}

<h2>New invoice</h2>
<form method="post" action="/pages/invoices">
  <label>Client <select name="client_id">
    {% for row in contacts %}<option value="{{ row.id }}">{{ row.name }} ({{ row.currency }})</option>{% endfor %}
  </select></label>
  {{ line_fields() }}
  <button>Create</button>
</form>

<h2>Invoices</h2>
<table><thead><tr><th>Number<th>Client<th>Status<th>Lines<th>Total<th>Balance<th>QuickBooks<th>Act</tr></thead>
{% for row in invoices %}<tr id="{{ row.id }}">
  <td>{{ row.number }}<td>{{ names.get(row.client_id, row.client_id) }}<td>{{ row.status }}
  <td>{% for line in row.lines %}{{ line.type }}: {{ line.description }} {{ line.amount }}<br>{% endfor %}
  {% if row.status != "void" %}<form method="post" action="/pages/invoices/{{ row.id }}/lines">
    {{ line_fields() }}<button>Add line</button></form>{% endif %}
  <td class="money">{{ row.total }} {{ row.currency }}<td class="money">{{ row.balance }}
  <td>{{ states.get(row.id, {}).get("state", "–") }}<br><small>{{ states.get(row.id, {}).get("message") or "" }}</small>
  <td>{% for status in ("sent", "paid", "void") %}<form method="post" action="/pages/invoices/{{ row.id }}/status">
    <input type="hidden" name="status" value="{{ status }}"><button>{{ status }}</button></form>{% endfor %}
</tr>{% endfor %}</table>

<h2>Receive a payment</h2>
<form method="post" action="/pages/payments">
  <label>Invoice <select name="invoice_id">
    {% for row in invoices if row.status != "void" %}<option value="{{ row.id }}">
      {{ row.number }}, {{ row.balance }} {{ row.currency }} open</option>{% endfor %}
  </select></label>
  <label>Amount <input name="amount" required inputmode="decimal"></label>
  <label>Date <input name="date" type="date" value="{{ today }}"></label>
  <label>Reference <input name="reference"></label>
  <button>Receive</button>
</form>

<h2>Payments</h2>
<table><thead><tr><th>Date<th>Amount<th>Reference<th>Over<th>From<th>Act</tr></thead>
{% for row in payments %}<tr id="{{ row.id }}">
  <td>{{ row.date }}<td class="money">{{ row.amount }} {{ row.currency }}<td>{{ row.reference }}
  <td>{% for part in row.allocations %}
    {{ numbers.get(part.invoice_id, part.invoice_id) }}: {{ part.amount }}<br>{% endfor %}
  <td>{{ row.origin }}
  <td><form method="post" action="/pages/payments/{{ row.id }}/delete"><button>delete</button></form>
</tr>{% endfor %}</table>
</html>"""

_LINE_FIELDS = """
<label>Type <select name="type">
  {% for row in types %}<option value="{{ row.key }}">{{ row.label }}</option>{% endfor %}</select></label>
<label>Description <input name="description"></label>
<label>Quantity <input name="quantity" value="1" size="4"></label>
<label>Price <input name="unit_price" required size="8" inputmode="decimal"></label>
"""


class Pages:
    """The page and its forms. It asks for no credentials: the sandbox listens on loopback alone."""

    def __init__(self, organisation: Organisation, wake: Callable[[], None]) -> None:
        self._organisation = organisation
        self._wake = wake

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("pages", __name__)
        blueprint.get("/")(self._show)
        blueprint.post("/pages/invoices")(self._create_invoice)
        blueprint.post("/pages/invoices/<record_id>/lines")(self._add_line)
        blueprint.post("/pages/invoices/<record_id>/status")(self._set_status)
        blueprint.post("/pages/payments")(self._receive)
        blueprint.post("/pages/payments/<record_id>/delete")(self._delete_payment)
        return blueprint

    # --- showing ---------------------------------------------------------------------------------

    def _show(self, refused: str = "", status: int = 200) -> ResponseReturnValue:
        contacts, invoices = self._rows("contacts"), self._rows("invoices")
        line_fields = Markup(  # noqa: S704 - our own template, escaped as it was rendered
            render_template_string(_LINE_FIELDS, types=self._rows("line_item_types"))
        )
        page = render_template_string(
            _PAGE,
            contacts=[row for row in contacts if row["active"]],
            invoices=invoices,
            payments=self._rows("payments"),
            names={row["id"]: row["name"] for row in contacts},
            numbers={row["id"]: row["number"] for row in invoices},
            states={row["id"]: self._state(row["id"]) for row in invoices},
            line_fields=lambda: line_fields,
            today=self._organisation.clock.now().date().isoformat(),
            refused=refused,
        )
        return page, status

    def _rows(self, kind: str) -> list[Json]:
        """The newest records first, as many as fit on a page."""
        rows: list[Json] = self._organisation.books[kind].page(Query(limit=LIMIT))["data"]
        return list(reversed(rows))

    def _state(self, invoice_id: str) -> Json:
        try:
            return self._organisation.sync_states.get("invoice", invoice_id)
        except ApiError:
            return {}

    # --- acting ----------------------------------------------------------------------------------

    def _create_invoice(self) -> ResponseReturnValue:
        client = self._organisation.contacts.get(request.form["client_id"])
        body = {"client_id": client["id"], "currency": client["currency"], "lines": [_line()]}
        return self._act(lambda: self._organisation.create_invoice(USER, body))

    def _add_line(self, record_id: str) -> ResponseReturnValue:
        lines = [*self._organisation.invoices.get(record_id)["lines"], _line()]
        return self._act(lambda: self._organisation.invoices.update(USER, record_id, {"lines": lines}))

    def _set_status(self, record_id: str) -> ResponseReturnValue:
        body = {"status": request.form["status"]}
        return self._act(lambda: self._organisation.invoices.update(USER, record_id, body))

    def _receive(self) -> ResponseReturnValue:
        form = request.form
        invoice = self._organisation.invoices.get(form["invoice_id"])
        body = {
            "client_id": invoice["client_id"],
            "currency": invoice["currency"],
            "date": form["date"],
            "amount": form["amount"],
            "reference": form["reference"],
            "allocations": [{"invoice_id": invoice["id"], "amount": form["amount"]}],
        }
        return self._act(lambda: self._organisation.payments.enter(USER, body))

    def _delete_payment(self, record_id: str) -> ResponseReturnValue:
        return self._act(lambda: self._organisation.payments.delete(USER, record_id))

    def _act(self, act: Callable[[], Any]) -> ResponseReturnValue:
        """Do it and show the page again; what is refused is said on it."""
        try:
            with self._organisation.store.transaction():
                act()
        except ApiError as error:
            return self._show(str(error), error.status)
        self._wake()
        return redirect("/", 303)


def _line() -> Json:
    form = request.form
    return {
        "type": form["type"],
        "description": form["description"],
        "quantity": form["quantity"],
        "unit_price": form["unit_price"],
        "taxable": False,
    }
