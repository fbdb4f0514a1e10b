// Every entity through node-quickbooks: create, read, update, query, count, void, delete, send, print.
const assert = require('assert')
const { connect, faultOf, main } = require('./client')

const TRANSACTIONS = ['Invoice', 'Estimate', 'CreditMemo', 'SalesReceipt', 'RefundReceipt', 'Payment', 'Deposit', 'Attachable']

function plural (entity) {
  if (entity === 'Class') return 'Classes'
  return entity.endsWith('y') ? entity.replace(/y$/, 'ies') : `${entity}s`
}

async function createUpdateQuery (call, entity, body, change) {
  const created = await call(`create${entity}`, { ...body })
  assert.ok(created.Id, entity)
  assert.strictEqual(created.SyncToken, '0')
  assert.deepStrictEqual(await call(`get${entity}`, created.Id), created)
  const updated = await call(`update${entity}`, { Id: created.Id, SyncToken: created.SyncToken, ...change })
  assert.strictEqual(updated.SyncToken, '1')
  for (const name of Object.keys(change)) assert.deepStrictEqual(updated[name], change[name])
  const stale = { Id: created.Id, SyncToken: '0', ...change }
  assert.strictEqual(await faultOf(call(`update${entity}`, stale)), '5010')
  const found = await call(`find${plural(entity)}`, { Id: created.Id })
  assert.deepStrictEqual(found.QueryResponse[entity], [updated])
  const counted = await call(`find${plural(entity)}`, [{ field: 'Id', value: [created.Id], operator: 'IN' }, { count: true }])
  assert.strictEqual(counted.QueryResponse.totalCount, 1)
  return updated
}

main(async () => {
  const { call } = await connect()
  const accounts = (await call('findAccounts', { fetchAll: true, limit: 5 })).QueryResponse.Account
  assert.ok(accounts.length > 20)
  const account = (name) => ({ value: accounts.find((one) => one.Name === name).Id })
  const stamp = Date.now()
  const lists = {
    Customer: [{ DisplayName: `Foreign Client ${stamp}`, PrimaryEmailAddr: { Address: 'foreign@client.example' } }, { CompanyName: 'Foreign & Sons' }],
    Item: [{ Name: `Advice ${stamp}`, Type: 'Service', IncomeAccountRef: account('Services') }, { Description: 'Advice by the hour' }],
    Account: [{ Name: `Till ${stamp}`, AccountSubType: 'CashOnHand' }, { Description: 'On the counter' }],
    Class: [{ Name: `West ${stamp}` }, { Name: `Far West ${stamp}` }],
    Department: [{ Name: `Shop ${stamp}` }, { Name: `Big shop ${stamp}` }],
    Term: [{ Name: `Net 45 ${stamp}`, DueDays: 45 }, { DueDays: 46 }],
    PaymentMethod: [{ Name: `Cheque ${stamp}` }, { Name: `Wire ${stamp}` }],
    Vendor: [{ DisplayName: `Vendor ${stamp}` }, { CompanyName: 'Vendor & Sons' }],
    Employee: [{ GivenName: 'Jo', FamilyName: `Doe ${stamp}` }, { GivenName: 'Joe' }],
    TaxAgency: [{ DisplayName: `Agency ${stamp}` }, { TaxRegistrationNumber: '7' }]
  }
  const made = {}
  for (const [entity, [body, change]] of Object.entries(lists)) {
    made[entity] = await createUpdateQuery(call, entity, body, change)
  }
  // One sequence of Ids serves customers, vendors and employees.
  assert.strictEqual(await faultOf(call('getCustomer', made.Vendor.Id)), '610')

  const customer = { CustomerRef: { value: made.Customer.Id } }
  const line = (amount) => ({ Amount: amount, DetailType: 'SalesItemLineDetail', SalesItemLineDetail: { ItemRef: { value: made.Item.Id } } })
  const forms = {
    Invoice: { ...customer, Line: [line(100)] },
    Estimate: { ...customer, Line: [line(50)] },
    CreditMemo: { ...customer, Line: [line(20)] },
    SalesReceipt: { ...customer, Line: [line(30)] },
    RefundReceipt: { ...customer, Line: [line(10)], DepositToAccountRef: account('Checking') },
    Payment: { ...customer, TotalAmt: 25 },
    Deposit: { DepositToAccountRef: account('Checking'), Line: [{ Amount: 20, DetailType: 'DepositLineDetail', DepositLineDetail: { AccountRef: account('Services') } }] },
    Attachable: { Note: `A note ${stamp}`, AttachableRef: [{ EntityRef: { type: 'Customer', value: made.Customer.Id } }] }
  }
  for (const entity of TRANSACTIONS) {
    const change = entity === 'Attachable' ? { Note: 'Another note' } : { PrivateNote: `Changed ${stamp}` }
    made[entity] = await createUpdateQuery(call, entity, forms[entity], change)
  }
  for (const entity of ['Invoice', 'Estimate', 'CreditMemo', 'SalesReceipt']) {
    const sent = await call(`send${entity}Pdf`, made[entity].Id, 'to@client.example')
    const answer = sent[entity] || sent
    assert.strictEqual(answer.EmailStatus, 'EmailSent')
    assert.strictEqual(answer.BillEmail.Address, 'to@client.example')
    made[entity] = answer
    const printed = await call(`get${entity}Pdf`, answer.Id)
    assert.strictEqual(Buffer.from(printed).subarray(0, 5).toString(), '%PDF-')
  }
  const voided = (await call('voidInvoice', { Id: made.Invoice.Id, SyncToken: made.Invoice.SyncToken })).Invoice
  assert.deepStrictEqual([voided.TotalAmt, voided.Balance], [0, 0])
  assert.ok(voided.PrivateNote.startsWith('Voided'))
  made.Payment = await call('voidPayment', { Id: made.Payment.Id, SyncToken: made.Payment.SyncToken })
  assert.deepStrictEqual([made.Payment.TotalAmt, made.Payment.Line], [0, []])
  for (const entity of TRANSACTIONS) {
    const answer = await call(`delete${entity}`, made[entity].Id)
    assert.deepStrictEqual(answer[entity], { domain: 'QBO', status: 'Deleted', Id: made[entity].Id })
    assert.strictEqual(await faultOf(call(`get${entity}`, made[entity].Id)), '610')
  }
  const again = await call('createInvoice', { ...forms.Invoice, DocNumber: `D${stamp}` })
  assert.strictEqual(await faultOf(call('createInvoice', { ...forms.Invoice, DocNumber: again.DocNumber })), '6140')
  await call('createInvoice', { ...forms.Invoice, DocNumber: again.DocNumber, allowDuplicateDocNum: true })
  const first = await call('createInvoice', { ...forms.Invoice, requestId: `r${stamp}` })
  assert.deepStrictEqual(await call('createInvoice', { ...forms.Invoice, requestId: `r${stamp}` }), first)

  assert.strictEqual((await call('getPreferences')).SalesFormsPrefs.CustomTxnNumbers, true)
  assert.ok((await call('getCompanyInfo', '1')).CompanyName)
  for (const list of ['TaxCodes', 'TaxRates', 'CompanyCurrencies', 'CompanyInfos', 'Preferenceses', 'ExchangeRates']) {
    const found = (await call(`find${list}`, {})).QueryResponse
    assert.ok(Object.values(found)[0].length, list)
  }
  const rate = { SourceCurrencyCode: 'EUR', AsOfDate: '2026-01-02', Rate: 1.25 }
  await call('updateExchangeRate', rate)
  const asked = await call('getExchangeRate', { sourcecurrencycode: 'EUR', asofdate: '2026-01-02' })
  assert.strictEqual(asked.ExchangeRate.Rate, 1.25)
  const service = { TaxCode: `VAT ${stamp}`, TaxRateDetails: [{ TaxRateName: `VAT ${stamp}`, RateValue: '20', TaxAgencyId: '1', TaxApplicableOn: 'Sales' }] }
  const code = await call('createTaxService', service)
  assert.strictEqual((await call('getTaxCode', code.TaxCodeId)).Name, `VAT ${stamp}`)
  return Object.keys(made)
})
