"""python-quickbooks with intuit-oauth, as an integration that was never meant for the sandbox would use them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from intuitlib.utils import validate_id_token
from quickbooks import QuickBooks, objects
from quickbooks.batch import batch_create, batch_delete, batch_update
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import AuthorizationException, ObjectNotFoundException, QuickbooksException
from quickbooks.objects.companycurrency import CompanyCurrency
from quickbooks.objects.exchangerate import ExchangeRate
from quickbooks.objects.preferences import Preferences
from quickbooks.objects.taxagency import TaxAgency
from quickbooks.objects.taxservice import TaxRateDetails, TaxService

from quickbooks_sandbox import QuickBooksSandbox

REDIRECT = "http://localhost:8000/callback"


def app(sandbox: QuickBooksSandbox) -> Any:
    known = sandbox.credentials()
    return AuthClient(known["client_id"], known["client_secret"], REDIRECT, known["discovery_url"])


@pytest.fixture
def client(sandbox: QuickBooksSandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # loopback has no certificate
    known = sandbox.credentials()
    client = QuickBooks(
        auth_client=app(sandbox), refresh_token=known["refresh_token"], company_id=known["realm_id"], minorversion=75
    )
    client.api_url_v3 = known["api_url"]
    yield client
    client.session.close()
    client.auth_client.close()


def unique(text: str) -> str:
    return f"{text} {uuid.uuid4().hex[:8]}"


def account(client: Any, name: str) -> Any:
    return objects.Account.filter(Name=name, qb=client)[0].to_ref()


def named(kind: Any, field: str = "Name", **fields: Any) -> Any:
    record = kind()
    vars(record).update({field: unique(kind.__name__), **fields})
    return record


def sold(client: Any, amount: float) -> Any:
    line = objects.SalesItemLine()
    line.Amount = amount
    line.SalesItemLineDetail = objects.SalesItemLineDetail()
    line.SalesItemLineDetail.ItemRef = objects.Item.all(max_results=1, qb=client)[0].to_ref()
    return line


def form(client: Any, kind: Any, amount: float = 100) -> Any:
    record = kind()
    record.CustomerRef = objects.Customer.all(max_results=1, qb=client)[0].to_ref()
    record.Line.append(sold(client, amount))
    return record


def paid(client: Any, amount: float) -> Any:
    payment = objects.Payment()
    payment.CustomerRef = objects.Customer.all(max_results=1, qb=client)[0].to_ref()
    payment.TotalAmt = amount
    return payment


def deposit(client: Any) -> Any:
    made = objects.Deposit()
    made.DepositToAccountRef = account(client, "Checking")
    line = objects.DepositLine()
    line.Amount, line.DetailType = 20, "DepositLineDetail"
    line.DepositLineDetail = objects.DepositLineDetail()
    line.DepositLineDetail.AccountRef = account(client, "Services")
    made.Line.append(line)
    return made


def refund(client: Any) -> Any:
    made = form(client, objects.RefundReceipt)
    made.DepositToAccountRef = account(client, "Checking")
    return made


def note(client: Any) -> Any:
    made = objects.Attachable()
    made.Note = "A note"
    reference = objects.AttachableRef()
    reference.EntityRef = objects.Vendor.all(max_results=1, qb=client)[0].to_ref()
    made.AttachableRef.append(reference)
    return made


# How each entity is made, and the field that an update changes.
ENTITIES: dict[str, tuple[Any, str]] = {
    "Customer": (lambda _: named(objects.Customer, "DisplayName"), "CompanyName"),
    "Vendor": (lambda _: named(objects.Vendor, "DisplayName"), "CompanyName"),
    "Employee": (lambda _: named(objects.Employee, "FamilyName", GivenName="Jo", SSN=None), "GivenName"),
    "Item": (
        lambda client: named(objects.Item, Type="Service", IncomeAccountRef=account(client, "Services")),
        "Description",
    ),
    "Account": (lambda _: named(objects.Account, AccountSubType="CashOnHand"), "Description"),
    "Class": (lambda _: named(objects.Class), "Name"),
    "Department": (lambda _: named(objects.Department), "Name"),
    "Term": (lambda _: named(objects.Term, DueDays=10), "Name"),
    "PaymentMethod": (lambda _: named(objects.PaymentMethod, Type="CREDIT_CARD"), "Name"),
    "TaxAgency": (lambda _: named(TaxAgency, "DisplayName"), "TaxRegistrationNumber"),
    "Invoice": (lambda client: form(client, objects.Invoice), "PrivateNote"),
    "Estimate": (lambda client: form(client, objects.Estimate), "PrivateNote"),
    "CreditMemo": (lambda client: form(client, objects.CreditMemo), "PrivateNote"),
    "SalesReceipt": (lambda client: form(client, objects.SalesReceipt), "PrivateNote"),
    "RefundReceipt": (refund, "PrivateNote"),
    "Payment": (lambda client: paid(client, 140), "PrivateNote"),
    "Deposit": (deposit, "PrivateNote"),
    "Attachable": (note, "Note"),
}


@pytest.mark.parametrize("entity", ENTITIES)
def test_create_read_update_query_and_delete(client: Any, entity: str) -> None:
    make, field = ENTITIES[entity]
    record = make(client)
    record.save(qb=client)
    kind = type(record)
    stored = kind.get(record.Id, qb=client)
    text = unique("Changed")
    setattr(stored, field, text)
    changed = stored.save(qb=client)
    assert (getattr(changed, field), changed.SyncToken) == (text, "1")
    assert kind.choose([record.Id], qb=client)[0].Id == record.Id
    assert kind.count(f"Id = '{record.Id}'", qb=client) == 1
    if hasattr(changed, "delete"):
        changed.delete(qb=client)
        assert kind.choose([record.Id], qb=client) == []
        with pytest.raises(ObjectNotFoundException):
            kind.get(record.Id, qb=client)


@pytest.mark.parametrize("kind", [objects.Invoice, objects.Payment, objects.SalesReceipt])
def test_a_void_takes_the_money_out(client: Any, kind: Any) -> None:
    record = paid(client, 100) if kind is objects.Payment else form(client, kind)
    record.save(qb=client)
    kind.get(record.Id, qb=client).void(qb=client)
    voided = kind.get(record.Id, qb=client)
    assert (voided.TotalAmt, voided.PrivateNote) == (0, "Voided")


@pytest.mark.parametrize("kind", [objects.Invoice, objects.Estimate])
def test_send_and_print(client: Any, kind: Any) -> None:
    record = form(client, kind).save(qb=client)
    sent = record.send(qb=client, send_to="who+else@client.example")[kind.__name__]
    assert (sent["EmailStatus"], sent["BillEmail"]["Address"]) == ("EmailSent", "who+else@client.example")
    assert kind.get(record.Id, qb=client).download_pdf(qb=client).startswith(b"%PDF-")


def test_a_payment_pays_an_invoice(client: Any) -> None:
    invoice = form(client, objects.Invoice, 100).save(qb=client)
    payment = paid(client, 40)
    line = objects.PaymentLine()
    line.Amount = 40
    line.LinkedTxn.append(invoice.to_linked_txn())
    payment.Line.append(line)
    assert payment.save(qb=client).UnappliedAmt == 0
    after = objects.Invoice.get(invoice.Id, qb=client)
    assert (after.Balance, after.LinkedTxn[0].TxnType) == (60, "Payment")


def test_the_same_requestid_makes_one_invoice(client: Any) -> None:
    requestid = str(uuid.uuid4())
    first = form(client, objects.Invoice).save(qb=client, request_id=requestid)
    assert form(client, objects.Invoice).save(qb=client, request_id=requestid).Id == first.Id


def test_faults_arrive_as_the_clients_own_errors(client: Any) -> None:
    taken = named(objects.Customer, "DisplayName").save(qb=client).DisplayName
    with pytest.raises(QuickbooksException) as refused:
        named(objects.Customer, DisplayName=taken).save(qb=client)
    assert refused.value.error_code == 2010  # its "Name" is no property of a customer
    duplicate = objects.Customer()
    duplicate.DisplayName = taken
    with pytest.raises(QuickbooksException) as refused:
        duplicate.save(qb=client)
    assert refused.value.error_code == 6240


def test_batches(client: Any) -> None:
    made = batch_create([form(client, objects.Invoice, amount) for amount in range(1, 36)], qb=client)
    assert (len(made.successes), made.faults) == (35, [])
    for invoice in made.successes:
        invoice.PrivateNote = "Batched"
    changed = batch_update(made.successes, qb=client)
    assert {invoice.PrivateNote for invoice in changed.successes} == {"Batched"}
    gone = batch_delete(changed.successes, qb=client)
    assert (len(gone.successes), gone.faults) == (35, [])
    wrong = batch_create([objects.Customer()], qb=client)
    assert wrong.faults[0].Error[0].code == "2020"


def test_changes_since_a_moment(client: Any) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    kept, gone = form(client, objects.Invoice).save(qb=client), form(client, objects.Invoice).save(qb=client)
    gone.delete(qb=client)
    changes = change_data_capture([objects.Invoice, objects.Customer, objects.Item], since.isoformat(), qb=client)
    status = {invoice.Id: getattr(invoice, "status", None) for invoice in changes.Invoice}
    assert (status[kept.Id], status[gone.Id]) == (None, "Deleted")


def test_lists_page_and_sort(client: Any) -> None:
    for _ in range(3):
        form(client, objects.Invoice).save(qb=client)
    latest = objects.Invoice.all(order_by="MetaData.LastUpdatedTime DESC", max_results=2, qb=client)
    assert latest[0].MetaData.LastUpdatedTime >= latest[1].MetaData.LastUpdatedTime
    second = objects.Invoice.all(order_by="Id", start_position=2, max_results=1, qb=client)
    first = objects.Invoice.all(order_by="Id", max_results=1, qb=client)
    assert int(first[0].Id) < int(second[0].Id)


def test_company_preferences_rates_and_taxes(client: Any) -> None:
    assert objects.CompanyInfo.all(qb=client)[0].Country == "US"
    preferences = Preferences.get(qb=client)
    assert preferences.TimeTrackingPrefs.WorkWeekStartDate == "Monday"
    subject = unique("Estimate")
    preferences.EmailMessagesPrefs.EstimateMessage.Subject = subject
    preferences.save(qb=client)
    assert Preferences.get(qb=client).EmailMessagesPrefs.EstimateMessage.Subject == subject
    rate = ExchangeRate.where("SourceCurrencyCode = 'EUR'", qb=client)[0]
    rate.Rate += 1
    rate.save(qb=client)
    assert ExchangeRate.where("SourceCurrencyCode = 'EUR'", qb=client)[0].Rate == rate.Rate
    assert CompanyCurrency.get(1, qb=client).Name == "Canadian Dollar"
    service, detail = TaxService(), TaxRateDetails()
    service.TaxCode = detail.TaxRateName = unique("VAT")
    detail.RateValue, detail.TaxAgencyId, detail.TaxApplicableOn = 10, 1, "Sales"
    service.TaxRateDetails.append(detail)
    made = service.save(qb=client)
    assert made.TaxRateDetails[0].TaxAgencyId == "1"
    assert objects.TaxCode.get(made.TaxCodeId, qb=client).Name == service.TaxCode


def test_consent_refresh_and_revoke(sandbox: QuickBooksSandbox) -> None:
    with app(sandbox) as client:
        target = client.get_authorization_url([Scopes.ACCOUNTING], "a state")
        query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        form = {**query, "decision": "connect"}
        back = requests.post(target.partition("?")[0], data=form, allow_redirects=False, timeout=10)
        answer = {name: values[0] for name, values in parse_qs(urlsplit(back.headers["Location"]).query).items()}
        assert answer["state"] == "a state"
        client.get_bearer_token(answer["code"], realm_id=answer["realmId"])
        first = client.access_token
        client.refresh()
        assert client.access_token != first
        assert client.get_user_info().json()["email"]
        assert client.revoke() is True
        with pytest.raises(AuthClientError) as refused:
            client.refresh()
        assert refused.value.status_code == 400


def test_a_revoked_token_is_refused_at_the_gateway(client: Any) -> None:
    client.session.access_token = "revoked"
    with pytest.raises(AuthorizationException):
        objects.Customer.all(qb=client)


@pytest.mark.filterwarnings("ignore:.*utcnow:DeprecationWarning")  # the library's, from Python 3.12 on
def test_an_identity_token_is_valid_to_intuits_own_library(sandbox: QuickBooksSandbox) -> None:
    auth = app(sandbox)
    address = auth.get_authorization_url([Scopes.ACCOUNTING, Scopes.OPENID], state_token="s")
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    consented = requests.post(
        address.partition("?")[0], data={**query, "decision": "connect"}, allow_redirects=False, timeout=10
    )
    answer = parse_qs(urlsplit(consented.headers["Location"]).query)
    auth.get_bearer_token(answer["code"][0], realm_id=answer["realmId"][0])
    assert validate_id_token(auth.id_token, auth.client_id, auth.issuer_uri, auth.jwks_uri)
    assert not validate_id_token(auth.id_token[:-4] + "AAAA", auth.client_id, auth.issuer_uri, auth.jwks_uri)
    auth.close()


def test_a_file_is_uploaded_and_comes_back(client: Any, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.png"
    receipt.write_bytes(b"\x89PNG\r\n\x00\xff")
    made = objects.Attachable()
    made.FileName, made.ContentType, made._FilePath = receipt.name, "image/png", str(receipt)
    made.save(qb=client)
    assert objects.Attachable.get(made.Id, qb=client).FileName == receipt.name
    address = f"{client.api_url}/company/{client.company_id}/download/{made.Id}"
    temporary = client.process_request("GET", address, headers={"Accept": "text/plain"}).text
    assert requests.get(temporary, timeout=10).content == receipt.read_bytes()
