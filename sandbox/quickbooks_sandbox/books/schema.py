"""The properties that each entity may have in a request, and the kinds of their values.

Names follow Intuit's schema (minor version 75). A property that is not here is refused with code 2010; what
QuickBooks works out itself is accepted in a request and ignored,
so that an answer can be sent back as it came.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from quickbooks_sandbox.books import unkept
from quickbooks_sandbox.books.amounts import Doc
from quickbooks_sandbox.books.clock import parse_instant
from quickbooks_sandbox.books.errors import (
    Fault,
    invalid_email,
    invalid_enumeration,
    too_long,
    unknown_property,
    unsupported_property,
)

# "text", "text:21" (longest length), "email:100" (addresses with commas between them), "number", "integer", "boolean",
# "date", "instant", "any",
# "one|of|these", "ignored" (taken and forgotten), an object or a list of objects.
Spec: TypeAlias = "str | dict[str, Spec] | list[Spec]"

# A name and a host, both of words with dots between them.
_WORDS = r"[^\s@.,;:<>()\[\]\\\"]+(?:\.[^\s@.,;:<>()\[\]\\\"]+)*"
_EMAIL = re.compile(f"{_WORDS}@{_WORDS}")

TEXT, NUMBER, BOOLEAN, DATE, INSTANT = "text", "number", "boolean", "date", "instant"
IGNORED = "ignored"


def _unkept(names: tuple[str, ...]) -> dict[str, Spec]:
    return dict.fromkeys(names, IGNORED)


REF: dict[str, Spec] = {"value": TEXT, "name": TEXT, "type": TEXT}
EMAIL: dict[str, Spec] = {"Address": "email:100", "Id": TEXT, "Default": BOOLEAN, "Tag": TEXT}
PHONE: dict[str, Spec] = {**_unkept(unkept.PHONE), "FreeFormNumber": "text:30", "Id": TEXT,
                          "Default": BOOLEAN, "Tag": TEXT,
                          "CountryCode": TEXT, "AreaCode": TEXT, "ExchangeCode": TEXT,
                          "Extension": TEXT}  # fmt: skip
ADDRESS: dict[str, Spec] = {
    **_unkept(unkept.ADDRESS),
    **{f"Line{number}": "text:500" for number in range(1, 6)},
    **dict.fromkeys(("Id", "City", "Country", "CountryCode", "CountrySubDivisionCode", "PostalCode",
    "PostalCodeSuffix", "Lat", "Long", "Tag", "Note"), TEXT),
}  # fmt: skip
WEB_ADDRESS: dict[str, Spec] = {**_unkept(unkept.WEB_ADDRESS), "URI": TEXT}
META: dict[str, Spec] = {"CreateTime": INSTANT, "LastUpdatedTime": INSTANT, "CreatedByRef": REF,
                         "LastModifiedByRef": REF, "LastChangedInQB": INSTANT}  # fmt: skip
CUSTOM_FIELD: dict[str, Spec] = {"DefinitionId": TEXT, "Name": TEXT, "Type": TEXT, "StringValue": "text:31",
                                "BooleanValue": BOOLEAN, "DateValue": DATE, "NumberValue": NUMBER}  # fmt: skip
LINKED: dict[str, Spec] = {"TxnId": TEXT, "TxnType": TEXT, "TxnLineId": TEXT}
MEMO: dict[str, Spec] = {"value": "text:1000"}
MARKUP: dict[str, Spec] = {"PercentBased": BOOLEAN, "Value": NUMBER, "Percent": NUMBER,
"MarkUpIncomeAccountRef": REF,
                           "PriceLevelRef": REF}  # fmt: skip

BASE: dict[str, Spec] = {"Id": TEXT, "SyncToken": TEXT, "MetaData": META, "domain": TEXT, "sparse": BOOLEAN,
                         "status": TEXT, "CustomField": [CUSTOM_FIELD]}  # fmt: skip

SALES_DETAIL: dict[str, Spec] = {
    **_unkept(unkept.SALES_DETAIL),
    "ItemRef": REF, "Qty": NUMBER, "UnitPrice": NUMBER, "ServiceDate": DATE, "TaxCodeRef": REF,
    "ClassRef": REF,
    "ItemAccountRef": REF, "PriceLevelRef": REF, "DiscountRate": NUMBER, "DiscountAmt": NUMBER,
    "TaxInclusiveAmt": NUMBER, "MarkupInfo": MARKUP, "DeferredRevenue": BOOLEAN,
}  # fmt: skip
SALES_LINE: dict[str, Spec] = {
    **_unkept(unkept.LINE),
    "Id": TEXT, "LineNum": "integer", "Description": "text:4000", "Amount": NUMBER, "DetailType": TEXT,
    "CustomField": [CUSTOM_FIELD], "LinkedTxn": [LINKED], "CustomExtensions": "any",
    "SalesItemLineDetail": SALES_DETAIL,
    "SubTotalLineDetail": {"ItemRef": REF, "ServiceDate": DATE},
    "DescriptionLineDetail": {"ServiceDate": DATE, "TaxCodeRef": REF},
    "DiscountLineDetail": {"PercentBased": BOOLEAN, "DiscountPercent": NUMBER, "DiscountAccountRef": REF,
                           "ClassRef": REF, "TaxCodeRef": REF, "DiscountRef": REF, "ServiceDate": DATE},
}  # fmt: skip
# A bundle's line has the lines of what it is made of; those have no bundles in them.
GROUP_DETAIL: dict[str, Spec] = {"GroupItemRef": REF, "Quantity": NUMBER, "ServiceDate": DATE, "Line": [SALES_LINE]}
GROUPED_LINE: dict[str, Spec] = {**SALES_LINE, "GroupLineDetail": GROUP_DETAIL}
TAX_LINE: dict[str, Spec] = {
    "LineEx": IGNORED,
    "Id": TEXT, "LineNum": "integer", "Amount": NUMBER, "DetailType": TEXT,
    "TaxLineDetail": {"TaxRateRef": REF, "PercentBased": BOOLEAN, "TaxPercent": NUMBER,
    "NetAmountTaxable": NUMBER,
                      "TaxInclusiveAmount": NUMBER, "OverrideDeltaAmount": NUMBER},
}  # fmt: skip
TRANSACTION: dict[str, Spec] = {
    **BASE, "DocNumber": "text:21", "TxnDate": DATE, "CurrencyRef": REF, "ExchangeRate": NUMBER,
    "PrivateNote": "text:4000", "LinkedTxn": [LINKED], "TxnTaxDetail": {
        **_unkept(unkept.TAX_DETAIL), "TotalTax": NUMBER, "TxnTaxCodeRef": REF, "TaxLine": [TAX_LINE]},
    "DepartmentRef": REF, "TotalAmt": NUMBER, "HomeTotalAmt": NUMBER, "CustomerRef": REF, "TxnStatus": TEXT,
    "RecurDataRef": REF, "TxnSource": TEXT, "TransactionLocationType": TEXT, "ProjectRef": REF,
    "AttachableRef": "any",
}  # fmt: skip
SALES: dict[str, Spec] = {
    **TRANSACTION, "AutoDocNumber": BOOLEAN, "Line": [GROUPED_LINE], "CustomerMemo": MEMO, "BillAddr": ADDRESS,
    "ShipAddr": ADDRESS,
    "ShipFromAddr": ADDRESS, "FreeFormAddress": BOOLEAN, "ClassRef": REF, "SalesTermRef": REF,
    "ShipMethodRef": REF,
    "ShipDate": DATE, "TrackingNum": "text:31", "PrintStatus": "NotSet|NeedToPrint|PrintComplete",
    "EmailStatus": "NotSet|NeedToSend|EmailSent", "BillEmail": EMAIL, "BillEmailCc": EMAIL,
    "BillEmailBcc": EMAIL,
    "DeliveryInfo": {"DeliveryType": TEXT, "DeliveryTime": INSTANT, "DeliveryErrorType": TEXT},
    "ApplyTaxAfterDiscount": BOOLEAN, "GlobalTaxCalculation": "TaxExcluded|TaxInclusive|NotApplicable",
    "HomeBalance": NUMBER, "TaxExemptionRef": REF, "PaymentMethodRef": REF, "PaymentRefNum": TEXT,
    "DepositToAccountRef": REF,
}  # fmt: skip
PERSON: dict[str, Spec] = {
    **BASE, "Title": "text:16", "GivenName": "text:100", "MiddleName": "text:100", "FamilyName": "text:100",
    "Suffix": "text:16", "DisplayName": "text:500", "FullyQualifiedName": TEXT, "CompanyName": "text:100",
    "PrintOnCheckName": "text:110", "Active": BOOLEAN, "V4IDPseudonym": TEXT, "PrimaryPhone": PHONE,
    "AlternatePhone": PHONE, "Mobile": PHONE, "Fax": PHONE, "PrimaryEmailAddr": EMAIL,
    "WebAddr": WEB_ADDRESS,
    "BillAddr": ADDRESS, "Notes": "text:2000",
}  # fmt: skip
CUSTOMER: dict[str, Spec] = {
    **PERSON, "ShipAddr": ADDRESS, "Taxable": BOOLEAN, "DefaultTaxCodeRef": REF, "TaxExemptionReasonId": TEXT,
    "Job": BOOLEAN, "BillWithParent": BOOLEAN, "ParentRef": REF, "Level": "integer", "SalesTermRef": REF,
    "PaymentMethodRef": REF, "CurrencyRef": REF, "Balance": NUMBER, "BalanceWithJobs": NUMBER,
    "OpenBalanceDate": DATE, "PreferredDeliveryMethod": TEXT, "ResaleNum": TEXT, "IsProject": BOOLEAN,
    "ClientEntityId": TEXT, "ARAccountRef": REF, "CustomerTypeRef": REF, "Source": TEXT,
    "PrimaryTaxIdentifier": TEXT, "SecondaryTaxIdentifier": TEXT, "GSTIN": TEXT, "GSTRegistrationType": TEXT,
    "BusinessNumber": TEXT, "DefaultPaymentMethodRef": REF,
}  # fmt: skip
ITEM: dict[str, Spec] = {
    **BASE, "Name": "text:100", "FullyQualifiedName": TEXT, "Description": "text:4000", "Active": BOOLEAN,
    "SubItem": BOOLEAN, "ParentRef": REF, "Level": "integer", "Taxable": BOOLEAN, "SalesTaxIncluded": BOOLEAN,
    "UnitPrice": NUMBER, "Type": "Service|NonInventory|Inventory|Group|Category", "IncomeAccountRef": REF,
    "PurchaseDesc": "text:1000", "PurchaseCost": NUMBER, "ExpenseAccountRef": REF, "AssetAccountRef": REF,
    "TrackQtyOnHand": BOOLEAN, "QtyOnHand": NUMBER, "InvStartDate": DATE, "Sku": "text:100", "ClassRef": REF,
    "SalesTaxCodeRef": REF, "TaxClassificationRef": REF, "ItemCategoryType": TEXT, "PrefVendorRef": REF,
    "PurchaseTaxIncluded": BOOLEAN, "PurchaseTaxCodeRef": REF, "AbatementRate": NUMBER,
    "ReverseChargeRate": NUMBER, "ServiceType": TEXT, "ReorderPoint": NUMBER, "ManPartNum": TEXT,
    "PrintGroupedItems": BOOLEAN, "DeferredRevenue": BOOLEAN, "ItemGroupDetail": "any", "Source": TEXT,
}  # fmt: skip
ACCOUNT: dict[str, Spec] = {
    **BASE, "Name": "text:100", "FullyQualifiedName": TEXT, "Description": TEXT, "Active": BOOLEAN,
    "SubAccount": BOOLEAN, "ParentRef": REF, "Classification": TEXT, "AccountType": TEXT,
    "AccountSubType": TEXT,
    "AcctNum": "text:20", "CurrentBalance": NUMBER, "CurrentBalanceWithSubAccounts": NUMBER,
    "CurrencyRef": REF,
    "TaxCodeRef": REF, "AccountAlias": TEXT,
}  # fmt: skip
PAYMENT_LINE: dict[str, Spec] = {"Id": TEXT, "LineNum": "integer", "Description": TEXT, "Amount": NUMBER,
                                 "LinkedTxn": [LINKED], "LineEx": "any", "DetailType": TEXT}  # fmt: skip
PAYMENT: dict[str, Spec] = {
    **TRANSACTION, "Line": [PAYMENT_LINE], "PaymentMethodRef": REF, "PaymentRefNum": "text:21",
    "DepositToAccountRef": REF, "ARAccountRef": REF, "UnappliedAmt": NUMBER, "ProcessPayment": BOOLEAN,
    "PaymentType": TEXT, "CreditCardPayment": "any", "TaxExemptionRef": REF,
}  # fmt: skip
DEPOSIT: dict[str, Spec] = {
    **TRANSACTION, "DepositToAccountRef": REF, "CashBack": "any",
    "GlobalTaxCalculation": "TaxExcluded|TaxInclusive|NotApplicable",
    "Line": [{**_unkept(unkept.LINE), "CustomField": [CUSTOM_FIELD],
              "Id": TEXT, "LineNum": "integer", "Description": TEXT, "Amount": NUMBER, "LinkedTxn": [LINKED],
              "DetailType": TEXT, "DepositLineDetail": {
                  **_unkept(unkept.DEPOSIT_DETAIL), "Entity": REF, "AccountRef": REF, "PaymentMethodRef": REF,
                                                        "CheckNum": TEXT, "ClassRef": REF, "TxnType": TEXT,
                                                        "TaxCodeRef": REF, "TaxApplicableOn": TEXT}}],
}  # fmt: skip
RECEIPT: dict[str, Spec] = {
    **SALES, "Balance": NUMBER, "PaymentType": "Cash|Check|CreditCard|Other|", "CheckPayment": "any",
    "CreditCardPayment": "any", "CheckNum": TEXT,
}  # fmt: skip
NAMED: dict[str, Spec] = {**BASE, "Name": TEXT, "Active": BOOLEAN, "Description": TEXT}
MESSAGE: dict[str, Spec] = {"Subject": TEXT, "Message": TEXT}
PREFERENCES: dict[str, Spec] = {
    **BASE,
    "AccountingInfoPrefs": {
        "BookCloseDate": DATE, "FirstMonthOfFiscalYear": TEXT, "TaxYearMonth": TEXT,
        "UseAccountNumbers": BOOLEAN,
        "TrackDepartments": BOOLEAN, "DepartmentTerminology": TEXT, "ClassTrackingPerTxn": BOOLEAN,
        "ClassTrackingPerTxnLine": BOOLEAN, "CustomerTerminology": TEXT, "TaxForm": TEXT},
    "SalesFormsPrefs": {
        "CustomTxnNumbers": BOOLEAN, "AutoApplyCredit": BOOLEAN, "AllowDeposit": BOOLEAN,
        "AllowDiscount": BOOLEAN,
        "AllowEstimates": BOOLEAN, "AllowServiceDate": BOOLEAN, "AllowShipping": BOOLEAN,
        "AutoApplyPayments": BOOLEAN,
        "DefaultTerms": REF, "DefaultCustomerMessage": TEXT, "DefaultDiscountAccount": TEXT,
        "ETransactionPaymentEnabled": BOOLEAN,
        "ETransactionAttachPDF": BOOLEAN, "ETransactionEnabledStatus": TEXT, "EmailCopyToCompany": BOOLEAN,
        "EstimateMessage": TEXT, "IPNSupportEnabled": BOOLEAN, "UsingPriceLevels": BOOLEAN,
        "UsingProgressInvoicing": BOOLEAN, "DefaultShippingAccount": "any",
        "SalesEmailBcc": EMAIL, "SalesEmailCc": EMAIL,
        "CustomField": "any"},
    "CurrencyPrefs": {"MultiCurrencyEnabled": BOOLEAN, "HomeCurrency": REF},
    "TaxPrefs": {"UsingSalesTax": BOOLEAN, "PartnerTaxEnabled": BOOLEAN, "TaxGroupCodeRef": REF,
                 "HideTaxManagement": BOOLEAN, "PaySalesTax": TEXT, "NonTaxableSalesTaxCodeRef": REF,
                 "TaxableSalesTaxCodeRef": REF, "TaxRateRef": REF},
    "ProductAndServicesPrefs": {"ForSales": BOOLEAN, "ForPurchase": BOOLEAN,
    "QuantityWithPriceAndRate": BOOLEAN,
                                "QuantityOnHand": BOOLEAN, "RevenueRecognition": TEXT,
                                "RevenueRecognitionEnabled": BOOLEAN, "RevenueRecognitionFrequency": TEXT},
    "EmailMessagesPrefs": {"InvoiceMessage": MESSAGE, "EstimateMessage": MESSAGE, "SalesReceiptMessage": MESSAGE,
                           "StatementMessage": MESSAGE},
    "ReportPrefs": {"ReportBasis": "Accrual|Cash", "CalcAgingReportFromTxnDate": BOOLEAN},
    "TimeTrackingPrefs": {"UseServices": BOOLEAN, "BillCustomers": BOOLEAN, "ShowBillRateToAll": BOOLEAN,
                          "WorkWeekStartDate": TEXT, "MarkTimeEntriesBillable": BOOLEAN, "DefaultTimeItem": REF,
                          "TimeTrackingEnabled": BOOLEAN},
    "VendorAndPurchasesPrefs": {
        "EnableBills": BOOLEAN, "TrackingByCustomer": BOOLEAN, "BillableExpenseTracking": BOOLEAN,
        "TPAREnabled": BOOLEAN, "DefaultTerms": REF, "DefaultMarkup": NUMBER, "DefaultMarkupAccount": REF,
        "UsingInventory": BOOLEAN, "UsingMultiLocationInventory": BOOLEAN, "AutomaticBillPayment": BOOLEAN,
        "DaysBillsAreDue": "integer", "BillingBills": BOOLEAN, "POCustomField": "any"},
    "OtherPrefs": {"NameValue": [{"Name": TEXT, "Value": TEXT}]},
}  # fmt: skip

_KEPT: dict[str, dict[str, Spec]] = {
    "Invoice": {**SALES, "DueDate": DATE, "Deposit": NUMBER, "Balance": NUMBER, "AllowIPNPayment": BOOLEAN,
                "AllowOnlinePayment": BOOLEAN, "AllowOnlineCreditCardPayment": BOOLEAN, "InvoiceLink": TEXT,
                "AllowOnlineACHPayment": BOOLEAN, "EInvoiceStatus": TEXT, "ECloudStatusTimeStamp": INSTANT},
    "Estimate": {**SALES, "DueDate": DATE, "ExpirationDate": DATE, "AcceptedBy": "text:100",
    "AcceptedDate": DATE,
                 "TxnStatus": "Pending|Accepted|Closed|Rejected|Converted"},
    "CreditMemo": {**SALES, "RemainingCredit": NUMBER, "Balance": NUMBER, "InvoiceRef": REF},
    "SalesReceipt": RECEIPT,
    "RefundReceipt": RECEIPT,
    "Payment": PAYMENT,
    "Deposit": DEPOSIT,
    "Customer": CUSTOMER,
    "Vendor": {**PERSON, "Balance": NUMBER, "AcctNum": TEXT, "Vendor1099": BOOLEAN, "CurrencyRef": REF,
               "TermRef": REF, "TaxIdentifier": TEXT, "BillRate": NUMBER,
               "TaxReportingBasis": TEXT, "APAccountRef": REF, "CostRate": NUMBER, "Source": TEXT,
               "HasTPAR": BOOLEAN, "VendorPaymentBankDetail": "any", "GSTIN": TEXT,
               "GSTRegistrationType": TEXT, "BusinessNumber": TEXT},
    "Employee": {**PERSON, "PrimaryAddr": ADDRESS, "SSN": TEXT, "BillableTime": BOOLEAN, "BirthDate": DATE,
                 "HiredDate": DATE, "ReleasedDate": DATE, "EmployeeNumber": TEXT, "Gender": TEXT,
                 "BillRate": NUMBER, "CostRate": NUMBER, "Organization": BOOLEAN, "EmailAddress": TEXT},
    "Item": ITEM,
    "Account": ACCOUNT,
    "Term": {**NAMED, "Type": TEXT, "DueDays": "integer", "DiscountDays": "integer",
    "DiscountPercent": NUMBER,
             "DayOfMonthDue": "integer", "DueNextMonthDays": "integer", "DiscountDayOfMonth": "integer"},
    "PaymentMethod": {**NAMED, "Type": TEXT},
    "TaxCode": {**NAMED, "Taxable": BOOLEAN, "TaxGroup": BOOLEAN, "Hidden": BOOLEAN,
    "TaxCodeConfigType": TEXT,
                "SalesTaxRateList": "any", "PurchaseTaxRateList": "any"},
    "TaxRate": {**NAMED, "RateValue": NUMBER, "AgencyRef": REF, "SpecialTaxType": TEXT, "DisplayType": TEXT,
                "TaxReturnLineRef": REF, "OriginalTaxRate": TEXT, "EffectiveTaxRate": "any"},
    "TaxAgency": {**BASE, "DisplayName": "text:100", "TaxRegistrationNumber": TEXT, "TaxTrackedOnSales": BOOLEAN,
                  "TaxTrackedOnPurchases": BOOLEAN, "LastFileDate": DATE, "TaxAgencyConfig": TEXT},
    "Class": {**NAMED, "Name": "text:100", "FullyQualifiedName": TEXT, "SubClass": BOOLEAN, "ParentRef": REF},
    "Department": {**NAMED, "Name": "text:100", "FullyQualifiedName": TEXT, "SubDepartment": BOOLEAN,
                   "ParentRef": REF, "Address": ADDRESS},
    "CompanyCurrency": {**BASE, "Code": "text:3", "Name": TEXT, "Active": BOOLEAN},
    "ExchangeRate": {**BASE, "SourceCurrencyCode": "text:3", "TargetCurrencyCode": "text:3", "Rate": NUMBER,
                     "AsOfDate": DATE},
    "Attachable": {**BASE, "Note": "text:2000", "Tag": "text:2000", "Category": TEXT, "FileName": "text:1000",
                   "ContentType": "text:100", "Size": NUMBER, "FileAccessUri": TEXT, "TempDownloadUri": TEXT,
                   "Lat": TEXT, "Long": TEXT, "PlaceName": "text:2000", "ThumbnailFileAccessUri": TEXT,
                   "ThumbnailTempDownloadUri": TEXT,
                   "AttachableRef": [{"EntityRef": REF, "IncludeOnSend": BOOLEAN, "LineInfo": TEXT,
                                      "NoRefOnly": BOOLEAN, "Inactive": BOOLEAN, "CustomField": [CUSTOM_FIELD]}]},
    "CompanyInfo": {**BASE, "CompanyName": TEXT, "LegalName": TEXT, "CompanyAddr": ADDRESS, "Country": TEXT,
                    "CustomerCommunicationAddr": ADDRESS, "LegalAddr": ADDRESS, "PrimaryPhone": PHONE,
                    "Email": EMAIL,
                    "CompanyStartDate": DATE, "FiscalYearStartMonth": TEXT, "WebAddr": WEB_ADDRESS,
                    "CustomerCommunicationEmailAddr": EMAIL, "SupportedLanguages": TEXT,
                    "DefaultTimeZone": TEXT,
                    "NameValue": "any"},
    "Preferences": PREFERENCES,
}  # fmt: skip
ENTITIES: dict[str, dict[str, Spec]] = {
    name: {**_unkept(unkept.ENTITIES.get(name, ())), **spec} for name, spec in _KEPT.items()
}

# Property of a document or of a line's detail: the entity it points to and the word in fault 2500.
TARGETS: dict[str, tuple[str, str]] = {
    "CustomerRef": ("Customer", "Names"),
    "ItemRef": ("Item", "Items"),
    "GroupItemRef": ("Item", "Items"),
    "SalesTermRef": ("Term", "Terms"),
    "PaymentMethodRef": ("PaymentMethod", "PaymentMethods"),
    "DepositToAccountRef": ("Account", "Accounts"),
    "DiscountAccountRef": ("Account", "Accounts"),
    "IncomeAccountRef": ("Account", "Accounts"),
    "ExpenseAccountRef": ("Account", "Accounts"),
    "ARAccountRef": ("Account", "Accounts"),
    "AccountRef": ("Account", "Accounts"),
    "ItemAccountRef": ("Account", "Accounts"),
    "AssetAccountRef": ("Account", "Accounts"),
    "ClassRef": ("Class", "Classes"),
    "DepartmentRef": ("Department", "Departments"),
    "DefaultTerms": ("Term", "Terms"),
    "AgencyRef": ("TaxAgency", "TaxAgencies"),
}
LISTS_WITH_ACTIVE = frozenset(
    {"Customer", "Vendor", "Employee", "Item", "Account", "Term", "PaymentMethod", "TaxCode", "TaxRate", "Class",
     "Department", "CompanyCurrency"}
)  # fmt: skip
TRANSACTIONS = ("Invoice", "Estimate", "CreditMemo", "SalesReceipt", "RefundReceipt", "Payment", "Deposit")
BY_PATH = {name.lower(): name for name in ENTITIES}
# QuickBooks has them, the companies here never hold one: they can be asked for, and nothing is found.
NEVER_HELD = {
    name.lower(): name
    for name in (
        "Bill", "BillPayment", "Budget", "CreditCardPayment", "CustomerType", "InventoryAdjustment", "JournalCode",
        "JournalEntry", "Purchase", "PurchaseOrder", "RecurringTransaction", "ReimburseCharge", "TaxClassification",
        "TaxPayment", "TimeActivity", "Transfer", "VendorCredit",
    )
}  # fmt: skip


def accept(entity: str, body: Any) -> Doc:
    """A clean copy of a request's object: known properties only, values in their own kinds. Raises Fault."""
    if not isinstance(body, dict):
        raise Fault(
            "2010",
            "Property Name:failed to parse json object; a property specified is unsupported or invalid",
        )
    return _accept_object(ENTITIES[entity], body, "", entity)


def _accept_object(spec: dict[str, Spec], value: dict[str, Any], path: str, owner: str) -> Doc:
    clean: Doc = {}
    for name, item in value.items():
        if name not in spec:
            raise unknown_property(name, owner, spec)
        if spec[name] == IGNORED:
            continue
        # An empty text stands for nothing, whatever the property's kind.
        clean[name] = None if item is None or item == "" else _accept_value(spec[name], item, f"{path}{name}")
    return clean


def _type_of(name: str) -> str:
    """What Intuit's schema calls the kind of object that this property holds."""
    if name.endswith("Ref") and name != "AttachableRef":
        return "ReferenceType"
    kinds = {"Addr": "PhysicalAddress", "Address": "PhysicalAddress", "Phone": "TelephoneNumber"}
    return next((kind for ending, kind in kinds.items() if name.endswith(ending)), name)


def _accept_value(spec: Spec, value: Any, path: str) -> Any:
    if isinstance(spec, dict):
        if not isinstance(value, dict):
            raise unsupported_property(path)
        return _accept_object(spec, value, f"{path}.", _type_of(path.rpartition(".")[2]))
    if isinstance(spec, list):
        if not isinstance(value, list):
            raise unsupported_property(path)
        return [_accept_value(spec[0], item, path) for item in value]
    return _accept_scalar(spec, value, path)


def _accept_scalar(spec: str, value: Any, path: str) -> Any:
    if spec == "any":
        return value
    if isinstance(value, dict | list):
        raise unsupported_property(path)
    match spec:
        case "number" | "integer":
            return _number(value, path) if spec == "number" else int(_number(value, path))
        case "boolean":
            return _boolean(value, path)
        case "date" | "instant":
            return _moment(spec, value, path)
    if "|" in spec and value not in spec.split("|"):
        raise invalid_enumeration(value, path)
    return _text(spec, value, path)


def _number(value: Any, path: str) -> Decimal:
    try:
        number = None if isinstance(value, bool) else Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        number = None
    if number is None or not number.is_finite() or abs(number) >= Decimal(10) ** 15:
        raise unsupported_property(path)
    return number


def _boolean(value: Any, path: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise unsupported_property(path)


def _moment(spec: str, value: Any, path: str) -> str:
    text = str(value)
    try:
        instant = parse_instant(text)
    except ValueError:
        raise unsupported_property(path) from None
    return instant.date().isoformat() if spec == "date" else text


def _text(spec: str, value: Any, path: str) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    kind, _, limit = spec.partition(":")
    if limit and len(text) > int(limit):
        raise too_long(path, int(limit), len(text))
    if kind == "email":
        check_email(text, path)
    return text


def check_email(text: str, path: str) -> None:
    """Raises fault 2210 for what can be no address, or no list of addresses with commas between them."""
    if not all(_EMAIL.fullmatch(address.strip()) for address in text.split(",")):
        raise invalid_email(text, path)
