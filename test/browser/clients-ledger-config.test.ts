/** The pages of clients, the ledger and settings. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { openPage, shows, WITHOUT_CHROMIUM } from './support/chromium.ts'
import { SampleConnector } from './support/sample-connector.ts'
import { account, emptyLedger, sampleClients, sampleLedger } from './support/sample-page-data.ts'

const skip = WITHOUT_CHROMIUM

test('clients are listed with what they send, and found by any of it', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/clients`)
  await shows(page, 'sensor-7')
  await shows(page, '31.1 M')

  await page.keyboard.press('/')
  await page.keyboard.type('line2/rpm')

  await page
    .getByRole('rowheader', { name: 'sensor-7', exact: true })
    .waitFor({ state: 'detached' })
  await shows(page, 'plc-2')
  assert.deepEqual(complaints, [])
})

test('a refused client is shown with the reason, also if nobody is connected', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.pages.clients = (now) => ({ ...sampleClients(now), clients: [], clientCount: 0 })
  const { page } = await openPage(t, `${connector.url}#/clients`)

  await shows(page, /No client is connected. They connect to: MQTT server on mqtt:/)
  await shows(page, 'the password is wrong')
})

test('names that clients chose are text, whatever they contain', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.pages.clients = (now) => {
    const list = sampleClients(now)
    const clientId = '<script>alert(1)</script>\u202e\u0000'
    return { ...list, clients: list.clients.map((client) => ({ ...client, clientId })) }
  }
  const { page, complaints } = await openPage(t, `${connector.url}#/clients`)

  await shows(page, '<script>alert(1)</script>')

  assert.ok((await page.locator('.escaped', { hasText: '\\u0000' }).count()) > 0)
  assert.deepEqual(complaints, [])
})

test('the ledger spells out its sum in exact numbers and says that it adds up', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/ledger`)

  await shows(page, 'adds up')

  const sum = await page.locator('.ledger-sum p').textContent()
  assert.equal(
    sum,
    'received 1,204,331 = delivered 1,190,002 + rejected 3 + dropped 312 + expired 0 + waiting 14,000 + in flight 14',
  )
  const rows = await page.locator('.waterfall tbody tr').allTextContents()
  assert.ok(rows.includes('dropped: QueueFull3120.03 %'), rows.join('\n'))
  assert.deepEqual(complaints, [])
})

test('in the waterfall each part begins where the one before it ended, and a loss is never invisible', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page } = await openPage(t, `${connector.url}#/ledger`)
  await shows(page, 'adds up')

  const boxes = await Promise.all(
    (await page.locator('.waterfall-bar').all()).slice(1).map((bar) => bar.boundingBox()),
  )

  // delivered, rejected, dropped, waiting, in flight
  assert.equal(boxes.length, 5)
  for (const [index, box] of boxes.entries()) {
    assert.ok(box !== null && box.width >= 2, `bar ${index} is ${box?.width} px wide`)
    const before = boxes[index - 1]
    const end = before === undefined || before === null ? box.x : before.x + before.width
    assert.ok(box.x >= end - 3, `bar ${index} begins before the one above it ends`)
  }
})

test('a ledger that does not add up says by how much, in red', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.pages.ledger = (now) => ({
    ...sampleLedger(now),
    total: account({ received: 1_204_336 }),
  })
  const { page } = await openPage(t, `${connector.url}#/ledger`)

  await page.locator('.badge.is-down', { hasText: '5 missing' }).waitFor()
})

test('further destinations and channels have accounts of their own', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page } = await openPage(t, `${connector.url}#/ledger`)

  const archive = page.getByRole('row', { name: /archive/ })
  await archive.waitFor()

  assert.match((await archive.textContent()) ?? '', /1,204,271/)
  await page.getByRole('link', { name: 'line_2' }).click()
  assert.match(page.url(), /#\/channels\/line_2$/)
})

test('before the first message, the ledger says what will be there', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.pages.ledger = emptyLedger
  const { page } = await openPage(t, `${connector.url}#/ledger`)

  await shows(page, /No message has been received/)
})

test('settings say where they were set; defaults appear on request, and secrets never', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/config`)
  await shows(page, 'connector.yaml:12')
  await shows(page, 'IOT_ANALYTICS_CONNECTOR__HTTP__HOST')
  assert.equal(await page.getByText('http.port').count(), 0)

  await page.getByLabel('Only what is not default').uncheck()

  await shows(page, 'http.port')
  assert.match(page.url(), /#\/config\?all=1$/)
  assert.deepEqual(complaints, [])
})

test('copied settings are YAML of the same meaning', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page } = await openPage(t, `${connector.url}#/config`, {
    permissions: ['clipboard-read', 'clipboard-write'],
  })

  await page.getByRole('button', { name: 'Copy as YAML' }).click()

  await shows(page, 'Copied')
  const copied = await page.evaluate<string>('navigator.clipboard.readText()')
  assert.match(copied, /secretAccessKey: "\*{8}" # a secret, which is not shown/)
  assert.deepEqual(parse(copied), {
    storage: { maxBytes: '4GB' },
    http: { host: '0.0.0.0' },
    destinations: [
      { name: 'aws', iotAnalytics: { region: 'eu-central-1', secretAccessKey: '********' } },
    ],
  })
})
