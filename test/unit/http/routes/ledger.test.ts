import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonOf, serve } from '../../../support/http/served-view.ts'

test('the ledger adds up over the channels, as JSON and as a table', async (t) => {
  const { url } = await serve(t)

  const json = await jsonOf(await fetch(`${url}/ledger`))
  const text = await (await fetch(`${url}/ledger?format=text`)).text()

  assert.equal(json.totals.received, 20)
  assert.deepEqual(json.totals.dropped, { QueueFull: 4 })
  assert.equal(json.channels[0].oldestWaitingAt, '2026-01-01T00:00:00.000Z')
  assert.equal(json.channels[1].oldestWaitingAt, null)
  assert.deepEqual(
    [json.channels[0].outageLeftSeconds, json.channels[0].outageBound],
    [7300, 'storage.maxBytes'],
  )
  assert.equal(json.channels[1].outageLeftSeconds, null)
  assert.deepEqual(
    [json.channels[0].nextAttemptAt, json.channels[1].nextAttemptAt],
    ['2026-01-01T00:00:09.000Z', null],
  )
  assert.equal(json.store.deadLetters, 3)
  assert.equal(
    text,
    'channel  received  delivered  rejected  dropped  expired  waiting  in flight  bytes  outage left\n' +
      'pumps          10          6         0        2        0        1          1   1000          2 h\n' +
      'valves         10          6         0        2        0        1          1   1000            -\n' +
      'total          20         12         0        4        0        2          2   2000             \n' +
      '\nstorage: ok, 2000 of 4000 bytes\ndead letters: 3\n',
  )
})
