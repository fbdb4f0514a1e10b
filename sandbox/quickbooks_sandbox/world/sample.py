"""The sample company of a fresh directory: a US company with lists to work with and no transactions yet."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.books import Books, Transaction
from quickbooks_sandbox.rules.company import CURRENCY_NAMES, DISCOUNTS, PREFERENCES_ID, RATES
from quickbooks_sandbox.rules.operations import write
from quickbooks_sandbox.rules.rates import rate_id
from quickbooks_sandbox.rules.sales import CUSTOM_FIELDS

ACCOUNTS = [
    ("Services", "Income", "ServiceFeeIncome"),
    ("Billable Expense Income", "Income", "ServiceFeeIncome"),
    ("Retainer Income", "Income", "ServiceFeeIncome"),
    ("Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    ("Checking", "Bank", "Checking"),
    ("Savings", "Bank", "Savings"),
    ("Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    ("Accounts Receivable (A/R) - EUR", "Accounts Receivable", "AccountsReceivable"),
    ("Sales of Product Income", "Income", "SalesOfProductIncome"),
    ("Unapplied Cash Payment Income", "Income", "UnappliedCashPaymentIncome"),
    ("Cost of Goods Sold", "Cost of Goods Sold", "SuppliesMaterialsCogs"),
    ("Inventory Asset", "Other Current Asset", "Inventory"),
    ("Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
    ("Mastercard", "Credit Card", "CreditCard"),
    ("Sales Tax Payable", "Other Current Liability", "SalesTaxPayable"),
    ("Opening Balance Equity", "Equity", "OpeningBalanceEquity"),
    ("Retained Earnings", "Equity", "RetainedEarnings"),
    ("Exchange Gain or Loss", "Other Expense", "ExchangeGainOrLoss"),
    ("Advertising", "Expense", "AdvertisingPromotional"),
    ("Bank Charges", "Expense", "BankCharges"),
    ("Insurance", "Expense", "Insurance"),
    ("Legal & Professional Fees", "Expense", "LegalProfessionalFees"),
    ("Office Expenses", "Expense", "OfficeGeneralAdministrativeExpenses"),
    ("Rent or Lease", "Expense", "RentOrLeaseOfBuildings"),
    ("Travel", "Expense", "Travel"),
    ("Utilities", "Expense", "Utilities"),
    ("Discounts given", "Income", "DiscountsRefundsGiven"),
]
DISCOUNTS_ID = 86  # what it is in the sample companies of Intuit; clients' own tests name it
ITEMS = [
    ("Services", "Services", 0),
    ("Hours", "Services", 120),
    ("Expenses", "Billable Expense Income", 0),
    ("Retainer", "Retainer Income", 0),
    ("Retainer overage", "Retainer Income", 150),
    ("Other services", "Services", 0),
    ("Design", "Services", 95),
    ("Project management", "Services", 140),
]
TERMS = [("Due on receipt", 0), ("Net 10", 10), ("Net 15", 15), ("Net 30", 30), ("Net 60", 60)]
PAYMENT_METHODS = [
    ("Cash", "NON_CREDIT_CARD"), ("Check", "NON_CREDIT_CARD"), ("Visa", "CREDIT_CARD"),
    ("MasterCard", "CREDIT_CARD"), ("American Express", "CREDIT_CARD"), ("Bank transfer", "NON_CREDIT_CARD"),
]  # fmt: skip
CUSTOMERS: list[Doc] = [
    {"DisplayName": "Bright Harbor Studio", "CompanyName": "Bright Harbor Studio LLC",
    "mail": "billing@brightharbor.example"},
    {"DisplayName": "Cedar & Finch", "CompanyName": "Cedar & Finch Inc.",
    "mail": "accounts@cedarfinch.example"},
    {"DisplayName": "Nora Whitfield", "GivenName": "Nora", "FamilyName": "Whitfield",
    "mail": "nora@whitfield.example"},
    {"DisplayName": "O'Neill Construction", "CompanyName": "O'Neill Construction Co.",
    "mail": "office@oneill.example"},
    {"DisplayName": "Summit Legal Partners", "CompanyName": "Summit Legal Partners LLP",
    "mail": "ap@summitlegal.example"},
    {"DisplayName": "Tidewater Museum", "CompanyName": "Tidewater Museum",
    "mail": "finance@tidewater.example", "Taxable": False},
    {"DisplayName": "Atelier Lumière", "CompanyName": "Atelier Lumière SARL",
    "mail": "compta@atelier-lumiere.example", "CurrencyRef": {"value": "EUR"}},
    {"DisplayName": "Former Client", "CompanyName": "Former Client Ltd", "mail": "info@formerclient.example"},
]  # fmt: skip
INACTIVE = "Former Client"
HOME_CURRENCIES = {
    "GB": "GBP",
    "DE": "EUR",
    "FR": "EUR",
    "IE": "EUR",
    "CA": "CAD",
    "AU": "AUD",
    "CH": "CHF",
    "JP": "JPY",
}
# Id and name of a code, and its rate's Id and percent.
VAT = [
    ("1", "20.0% S", "2", 20), ("3", "5.0% R", "3", 5), ("4", "0.0% Z", "4", 0), ("5", "Exempt", "5", 0),
    ("6", "No VAT", "6", 0),
]  # fmt: skip
TIME_ZONES = {
    "US": "America/Los_Angeles", "GB": "Europe/London", "DE": "Europe/Berlin", "FR": "Europe/Paris",
    "IE": "Europe/Dublin", "CA": "America/Toronto", "AU": "Australia/Sydney", "CH": "Europe/Zurich",
    "JP": "Asia/Tokyo",
}  # fmt: skip
ONE = Decimal(1)
FIRST_DAY = "2020-01-01"
RATES_SINCE = "2000-01-01"
SALES_TAX_PERCENT = Decimal(8)


def make_sample_company(books: Books, switches: Doc, country: str = "US") -> None:
    """Fill empty books; a company outside the US has its own currency and codes for value added tax."""
    home = HOME_CURRENCIES.get(country, "USD")
    with books.transaction() as transaction:
        _make_company(transaction, country, home)
        if country == "US":
            _make_tax(transaction)
        else:
            _make_vat(transaction)
        _make_currencies(transaction, home)

    def create(entity: str, body: Doc) -> Doc:
        with books.transaction() as transaction:
            return write(transaction, entity, "create", body, switches)

    def account(name: str, kind: str, subtype: str) -> str:
        if subtype == DISCOUNTS:
            with books.transaction() as transaction:
                transaction.next_number("id:Account", DISCOUNTS_ID - 1)
        currency = {"CurrencyRef": {"value": "EUR"}} if name.endswith("EUR") else {}
        body = {"Name": name, "AccountType": kind, "AccountSubType": subtype, **currency}
        return str(create("Account", body)["Id"])

    accounts = {name: account(name, kind, subtype) for name, kind, subtype in ACCOUNTS}
    for name, sold_on, price in ITEMS:
        income = {"value": accounts[sold_on]}
        create("Item", {"Name": name, "Type": "Service", "IncomeAccountRef": income, "UnitPrice": price})
    for name, days in TERMS:
        create("Term", {"Name": name, "Type": "STANDARD", "DueDays": days})
    for name, kind in PAYMENT_METHODS:
        create("PaymentMethod", {"Name": name, "Type": kind})
    create("Vendor", {"DisplayName": "Paper & Co."})
    create("Employee", {"GivenName": "Emily", "FamilyName": "Platt"})
    for customer in CUSTOMERS:
        stored = create("Customer", _customer(customer))
        if customer["DisplayName"] == INACTIVE:
            with books.transaction() as transaction:
                change = {"Id": stored["Id"], "SyncToken": "0", "sparse": True, "Active": False}
                write(transaction, "Customer", "update", change, switches)


def _customer(template: Doc) -> Doc:
    body: dict[str, Any] = {name: value for name, value in template.items() if name != "mail"}
    body["PrimaryEmailAddr"] = {"Address": template["mail"]}
    for name in ("BillAddr", "ShipAddr"):
        body[name] = {"Line1": "1 Market Street", "City": "San Francisco", "CountrySubDivisionCode": "CA",
                      "PostalCode": "94105", "Country": "US"}  # fmt: skip
    return body


def _make_company(transaction: Transaction, country: str, home: str) -> None:
    address = {"Line1": "100 Example Way", "City": "Mountain View", "CountrySubDivisionCode": "CA",
               "PostalCode": "94043", "Country": "US"}  # fmt: skip
    transaction.place(
        "CompanyInfo",
        "1",
        {
            "CompanyName": f"Sandbox Company_{country}_1", "LegalName": f"Sandbox Company_{country}_1",
            "Country": country,
            **{name: {**address, "Id": "1"} for name in ("CompanyAddr", "LegalAddr", "CustomerCommunicationAddr")},
            "FiscalYearStartMonth": "January", "PrimaryPhone": {"FreeFormNumber": "+1 555 0100"}, "WebAddr": {},
            "CustomerCommunicationEmailAddr": {"Address": "owner@sandbox-company.example"},
            "CompanyStartDate": "2020-01-01", "SupportedLanguages": "en",
            "DefaultTimeZone": TIME_ZONES.get(country, "Etc/UTC"),
            "Email": {"Address": "owner@sandbox-company.example"},
            "NameValue": [{"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
                          {"Name": "IndustryType", "Value": "Professional services"}],
        },
    )  # fmt: skip
    transaction.place(
        "Preferences",
        PREFERENCES_ID,
        {
            "AccountingInfoPrefs": {"FirstMonthOfFiscalYear": "January", "TaxYearMonth": "January",
                                    "UseAccountNumbers": False, "TrackDepartments": False,
                                    "ClassTrackingPerTxn": False, "ClassTrackingPerTxnLine": False,
                                    "CustomerTerminology": "Customers"},
            "SalesFormsPrefs": {"CustomTxnNumbers": True, "AllowDeposit": True, "AllowDiscount": True,
                                "AllowEstimates": True, "AllowServiceDate": True, "AllowShipping": False,
                                "AutoApplyCredit": False, "AutoApplyPayments": False,
                                "UsingPriceLevels": False,
                                "UsingProgressInvoicing": False, "IPNSupportEnabled": False,
                                "ETransactionEnabledStatus": "NotApplicable", "ETransactionAttachPDF": False,
                                "ETransactionPaymentEnabled": False, "EmailCopyToCompany": False,
                                "CustomField": _custom_fields("SalesFormsPrefs.%sSalesCustom%s1", CUSTOM_FIELDS)},
            "CurrencyPrefs": {"MultiCurrencyEnabled": True, "HomeCurrency": {"value": home}},
            "TaxPrefs": {"UsingSalesTax": True, "PartnerTaxEnabled": country == "US",
                         **({"TaxGroupCodeRef": {"value": "2"}} if country == "US" else {})},
            "ProductAndServicesPrefs": {"ForSales": True, "ForPurchase": True,
            "QuantityWithPriceAndRate": True,
                                        "QuantityOnHand": False},
            "VendorAndPurchasesPrefs": {"BillableExpenseTracking": True, "TrackingByCustomer": True,
                                        "POCustomField": _custom_fields("PurchasePrefs.%sPurchaseCustom%s1", ())},
            "TimeTrackingPrefs": {"UseServices": True, "BillCustomers": True, "ShowBillRateToAll": False,
                                  "WorkWeekStartDate": "Monday", "MarkTimeEntriesBillable": True},
            "EmailMessagesPrefs": {
                f"{form}Message": {"Subject": f"{form} from Sandbox Company_US_1", "Message": "Thank you."}
                for form in ("Invoice", "Estimate", "SalesReceipt", "Statement")
            },
            "ReportPrefs": {"ReportBasis": "Accrual", "CalcAgingReportFromTxnDate": False},
            "OtherPrefs": {"NameValue": [
                {"Name": "SalesFormsPrefs.DefaultCustomerMessage", "Value": "Thank you for your business."},
                {"Name": "SalesFormsPrefs.DefaultItem", "Value": "1"},
                {"Name": "WarnDuplicateCheckNumber", "Value": "true"},
            ]},
        },
    )  # fmt: skip


def _custom_fields(name: str, fields: tuple[Doc, ...]) -> list[Doc]:
    """Whether there is a custom field, and what it is called, in the names that Preferences have for that."""
    used = {"Name": name % ("Use", ""), "Type": "BooleanType", "BooleanValue": bool(fields)}
    called = [{"Name": name % ("", "Name"), "Type": "StringType", "StringValue": field["Name"]} for field in fields]
    return [{"CustomField": [used]}, *([{"CustomField": called}] if called else [])]


def _make_currencies(transaction: Transaction, home: str) -> None:
    codes = sorted((code for code in (*RATES, "USD") if code != home), key=lambda code: code != "CAD")
    for number, code in enumerate(codes, start=1):
        transaction.place("CompanyCurrency", str(number), {"Code": code, "Name": CURRENCY_NAMES[code], "Active": True})
        rate = (RATES.get(code, ONE) / RATES.get(home, ONE)).quantize(Decimal("0.000001"))
        rates = {"SourceCurrencyCode": code, "TargetCurrencyCode": home, "Rate": rate, "AsOfDate": FIRST_DAY}
        transaction.place("ExchangeRate", rate_id(code, FIRST_DAY), rates)


def _make_vat(transaction: Transaction) -> None:
    _place_agency(transaction, "Value Added Tax Office", on_purchases=True)
    for code, name, rate, percent in VAT:
        _place_rate(transaction, rate, name, Decimal(percent))
        _place_code(transaction, code, name, rates=[(rate, name)], group=True)


def _make_tax(transaction: Transaction) -> None:
    _place_agency(transaction, "California Department of Tax and Fee Administration", on_purchases=False)
    rate = "1", "California sales tax"
    _place_rate(transaction, *rate, SALES_TAX_PERCENT)
    for code, name, rates in (("NON", "Non", []), ("TAX", "Tax", [rate]), ("2", "California", [rate])):
        _place_code(transaction, code, name, rates, group=code == "2")


def _place_agency(transaction: Transaction, name: str, *, on_purchases: bool) -> None:
    tracked = {"TaxTrackedOnSales": True, "TaxTrackedOnPurchases": on_purchases}
    transaction.place("TaxAgency", "1", {"DisplayName": name, **tracked})


def _place_rate(transaction: Transaction, rate_id: str, name: str, percent: Decimal) -> None:
    agency = {"AgencyRef": {"value": "1"}, "SpecialTaxType": "NONE", "DisplayType": "ReadOnly"}
    since = {"EffectiveTaxRate": [{"RateValue": percent, "EffectiveDate": f"{RATES_SINCE}T00:00:00-08:00"}]}
    body = {"Name": name, "Description": name, "Active": True, "RateValue": percent, **agency, **since}
    transaction.place("TaxRate", rate_id, body)


def _place_code(
    transaction: Transaction, code_id: str, name: str, rates: list[tuple[str, str]], *, group: bool
) -> None:
    details = [
        {"TaxRateRef": {"value": rate_id, "name": rate}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": order}
        for order, (rate_id, rate) in enumerate(rates)
    ]
    body = {"Name": name, "Description": name, "Active": True, "Hidden": False, "Taxable": bool(rates),
            "TaxGroup": group, "SalesTaxRateList": {"TaxRateDetail": details},
            "PurchaseTaxRateList": {"TaxRateDetail": []}, "TaxCodeConfigType": "SYSTEM_GENERATED"}  # fmt: skip
    transaction.place("TaxCode", code_id, body)
