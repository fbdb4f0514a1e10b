"""Properties that Intuit's schema has and a QuickBooks Online company does not keep: taken, then forgotten.

Most belong to QuickBooks Desktop or to one country's forms. Clients that send whole objects send them too.
"""

from __future__ import annotations

_NAMES = ("Organization", "IntuitId", "UserId", "OtherContactInfo", "DefaultTaxCodeRef", "AttachableRef")
_TRANSACTION = ("TaxFormType", "TaxFormNum", "Tag", "TxnApprovalInfo", "RecurringInfo", "JournalCodeRef")
_SALE = (
    *_TRANSACTION, "RemitToRef", "SalesRepRef", "PONumber", "FOB", "TemplateRef", "ARAccountRef", "FinanceCharge",
    "PaymentType", "CheckPayment", "CreditCardPayment", "DiscountRate", "DiscountAmt", "GovtTxnRefIdentifier",
    "CustomerMsgRef", "Balance",
)  # fmt: skip

LINE = (
    "Received", "LineEx", "PaymentLineDetail", "TaxLineDetail", "ItemBasedExpenseLineDetail",
    "AccountBasedExpenseLineDetail", "DepositLineDetail", "PurchaseOrderItemLineDetail", "SalesOrderItemLineDetail",
    "ItemReceiptLineDetail", "JournalEntryLineDetail", "TDSLineDetail", "ReimburseLineDetail",
    "ItemAdjustmentLineDetail",
)  # fmt: skip
SALES_DETAIL = ("RatePercent", "UOMRef", "InventorySiteRef", "TaxClassificationRef", "SalesItemLineDetailEx")
DEPOSIT_DETAIL = ("DepositLineDetailEx",)
TAX_DETAIL = ("DefaultTaxCodeRef", "UseAutomatedSalesTax", "TaxReviewStatus")
ADDRESS = ("County",)
PHONE = ("DeviceType",)
WEB_ADDRESS = ("Id", "Default", "Tag")

ENTITIES: dict[str, tuple[str, ...]] = {
    "Invoice": (
        *_SALE, "AllowOnlinePayPalPayment", "AllowOnlineAffirmPayment", "CfdiUse", "Exportation", "GlobalInfo",
        "invoiceStatus", "callToAction", "invoiceStatusLog", "InvoiceEx", "LessCIS", "PaymentDetailsMessage",
        "ConvenienceFeeDetail", "InvoiceLinkSecurityCode", "InvoiceLinkExpiryDate", "AutoPayEligible",
        "SchedulePayEligible", "ScheduledPaymentId", "GratuityEnabled", "FinancingProductType",
        "SubscriptionPaymentsSetting",
    ),
    "Estimate": (*_SALE, "EstimateEx"),
    "CreditMemo": (*_SALE, "CreditMemoEx", "DueDate"),
    "SalesReceipt": (*_SALE, "SalesReceiptEx", "DueDate"),
    "RefundReceipt": (*_SALE, "RefundReceiptEx", "DueDate", "RefundFromAccountRef"),
    "Payment": (*_TRANSACTION, "RemitToRef", "CheckPayment", "PaymentEx"),
    "Deposit": (*_TRANSACTION, "DepositEx"),
    "Customer": (
        *_NAMES, "OtherAddr", "ContactName", "AltContactName", "RootCustomerRef", "SalesRepRef", "TaxGroupCodeRef",
        "TaxRateRef", "CCDetail", "PriceLevelRef", "CreditLimit", "AcctNum", "OverDueBalance", "TotalRevenue",
        "TotalExpense", "JobInfo", "TDSEnabled", "CustomerEx", "ClientCompanyId", "TaxRegime",
    ),
    "Vendor": (
        *_NAMES, "ContactName", "AltContactName", "ShipAddr", "OtherAddr", "TaxCountry", "TaxIdEffectiveDate",
        "ParentRef", "VendorTypeRef", "PrefillAccountRef", "OpenBalanceDate", "CreditLimit", "T4AEligible",
        "T5018Eligible", "TDSEnabled", "TDSEntityTypeId", "TDSSectionTypeId", "TDSOverrideThreshold", "VendorEx",
        "IsSubContractorCIS", "SubcontractorType", "CISRate", "BankAccountDetails",
    ),
    "Employee": (*_NAMES, "EmployeeType", "OtherAddr", "UseTimeEntry", "EmployeeEx"),
    "Item": (
        "PercentBased", "RatePercent", "PaymentMethodRef", "UOMSetRef", "COGSAccountRef", "AvgCost",
        "QtyOnPurchaseOrder", "QtyOnSalesOrder", "DepositToAccountRef", "BuildPoint", "SpecialItem",
        "SpecialItemType", "ItemAssemblyDetail", "ItemEx", "UQCDisplayText", "UQCId", "AttachableRef",
    ),
    "Account": (
        "TxnLocationType", "AccountPurposes", "AcctNumExtn", "BankNum", "OpeningBalance", "OpeningBalanceDate",
        "TaxAccount", "OnlineBankingEnabled", "FIName", "JournalCodeRef", "AccountEx",
    ),
    "Term": ("SalesTermEx", "DateDiscountPercent"),
    "PaymentMethod": ("PaymentMethodEx",),
    "TaxCode": ("TaxCodeEx", "AdjustmentTaxRateList"),
    "TaxRate": ("TaxRateEx",),
    "TaxAgency": ("TaxAgencyExt",),
    "Class": ("ClassEx",),
    "Department": ("DepartmentEx",),
    "CompanyCurrency": ("CurrencyEx",),
    "Attachable": ("AttachableEx",),
    "CompanyInfo": (
        "EmployerId", "FileName", "FlavorStratum", "SampleFile", "CompanyUserId", "CompanyUserAdminEmail",
        "CompanyEmailAddr", "CompanyURL", "OtherContactInfo", "ContactName", "QBVersion", "TaxForm", "LastImportedTime",
        "LastSyncTime", "SingleCurrency", "MultiByteCharsSupported", "IsQbdtMigrated", "CompanyInfoEx",
    ),
}  # fmt: skip
