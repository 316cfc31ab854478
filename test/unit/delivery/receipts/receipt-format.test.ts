import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureReceipt, successReceipt } from '../../../../src/delivery/receipts/receipt-format.ts'

test('receipts have exactly the specification’s shape', () => {
  assert.deepEqual(JSON.parse(successReceipt('req123')), {
    response: { status: 'success' },
    id: 'req123',
  })
  const refusal = {
    error: 'ResourceNotFoundException',
    message: 'A resource with the specified name could not be found.',
  }
  assert.deepEqual(JSON.parse(failureReceipt('req123', refusal)), {
    response: {
      status: 'fail',
      error: 'ResourceNotFoundException',
      error_message: 'A resource with the specified name could not be found.',
    },
    id: 'req123',
  })
})

test('a receipt without an id has no such member, and any id comes back as it was given', () => {
  assert.equal(successReceipt(undefined), '{"response":{"status":"success"}}')
  for (const id of ['', '"\\', '\u0000\u2028', 'ü😀', 'x'.repeat(10_240)]) {
    assert.equal(JSON.parse(successReceipt(id)).id, id)
  }
})
