// Batch and change data capture through node-quickbooks.
const assert = require('assert')
const { connect, main } = require('./client')

main(async () => {
  const { call } = await connect()
  const since = new Date(Date.now() - 60000)
  const items = Array.from({ length: 25 }, (_, index) => ({ Attachable: { Note: `Batch ${index}`, Tag: 'Testing' } }))
  const answers = (await call('batch', items)).BatchItemResponse
  assert.strictEqual(answers.length, 25)
  assert.ok(answers.every((one) => one.Fault === undefined && one.Attachable.Tag === 'Testing'))
  const mixed = (await call('batch', [
    { bId: 'good', operation: 'create', Customer: { DisplayName: `Batched ${Date.now()}` } },
    { bId: 'bad', operation: 'create', Customer: {} },
    { bId: 'ask', Query: "select * from Attachable where Tag = 'Testing' maxresults 3" },
    { bId: 'gone', operation: 'delete', Attachable: { Id: answers[0].Attachable.Id, SyncToken: '0' } }
  ])).BatchItemResponse
  assert.deepStrictEqual(mixed.map((one) => one.bId), ['good', 'bad', 'ask', 'gone'])
  assert.ok(mixed[0].Customer.Id)
  assert.strictEqual(mixed[1].Fault.Error[0].code, '2020')
  assert.strictEqual(mixed[2].QueryResponse.Attachable.length, 3)
  assert.strictEqual(mixed[3].Attachable.status, 'Deleted')
  const responses = (await call('changeDataCapture', ['Attachable', 'Customer'], since)).CDCResponse[0].QueryResponse
  const notes = responses[0].Attachable.filter((one) => one.Tag === 'Testing' || one.status === 'Deleted')
  assert.ok(notes.length >= 25)
  assert.strictEqual(notes.find((one) => one.Id === answers[0].Attachable.Id).status, 'Deleted')
  assert.ok(responses[1].Customer.some((one) => one.Id === mixed[0].Customer.Id))
  return responses.length
})
