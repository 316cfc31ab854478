/** Messages, queries, clients and the ledger of a whole connector. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { exception } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { destinationOf, mqttUrlOf, startConnector } from '../support/processes/running-connector.ts'
import {
  fitsItsWidth,
  isAccessible,
  openPage,
  PHONE,
  shows,
  WITHOUT_CHROMIUM,
} from './support/chromium.ts'

const skip = WITHOUT_CHROMIUM
const skipQueries = WITHOUT_CHROMIUM || WITHOUT_DUCKDB
const TOKEN = 'a-token-of-32-characters-or-more'

test('a rejected message is a dead letter with a story, and arrives after its replay', {
  skip,
}, async (t) => {
  const api = await FakeIotAnalytics.start(t)
  let isMissing = true
  api.answerWhile(() => isMissing, exception('ResourceNotFoundException'))
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0' },
    destinations: [{ name: 'cloud', ...destinationOf(api, { maxAttempts: 1 }) }],
    http: { port: 0, token: TOKEN },
  })
  const url = `${connector.describe().http}/`
  await connector.publish('line_1', '{"temp":23.3}', { id: 'req123' })
  const { page } = await openPage(t, `${url}#/messages`)
  await page.getByLabel('Token').fill(TOKEN)
  await page.keyboard.press('Enter')

  await page.locator('.letter', { hasText: 'ResourceNotFoundException' }).waitFor()
  await page.locator('.letter summary').first().click()
  await page.getByRole('link', { name: 'Why?' }).click()
  await page.locator('.story-step.is-lost').first().waitFor()
  await isAccessible(page)
  isMissing = false
  await page.getByRole('link', { name: 'Dead letters' }).click()
  await page.getByRole('button', { name: 'Replay all …' }).click()
  await shows(page, '1 message would be sent again:')
  await page.getByRole('button', { name: 'Replay 1', exact: true }).click()

  await shows(page, '1 message sent again')
  await api.until(() => api.received('line_1').length === 1)
  await page.getByRole('button', { name: 'Close' }).last().click()
  await shows(page, /No message was rejected/)
  await page.getByRole('link', { name: 'Ledger' }).click()
  await page.locator('.badge.is-ok', { hasText: 'adds up' }).first().waitFor()
  assert.match(
    (await page.locator('.ledger-sum p').textContent()) ?? '',
    /^received 2 = delivered 1 \+ rejected 1 /,
  )
})

test('a message is in the next query, and its times and numbers in a plot', {
  skip: skipQueries,
}, async (t) => {
  const connector = await startConnector(t, {})
  const { page, complaints } = await openPage(t, `${connector.describe().http}/#/query`)
  for (const temp of [21, 22, 23]) await connector.publish('line_1', `{"temp":${temp}}`)
  await page.reload()

  await page.locator('.cm-content').click()
  await page.keyboard.insertText('select arrival_time, temp from line_1 order by temp')
  await page.keyboard.press('Control+Enter')

  await shows(page, /3 rows/)
  assert.deepEqual(await page.locator('.result-block .is-figure').allTextContents(), [
    '21',
    '22',
    '23',
  ])
  await page.getByRole('button', { name: 'plot' }).click()
  await page.getByRole('img', { name: 'temp by arrival_time' }).waitFor()
  await page.locator('.tables summary', { hasText: 'line_1' }).click()
  await page.getByRole('button', { name: 'temp' }).waitFor()
  assert.deepEqual(complaints, [])
})

test('one message among many is found by its text, and the page says how far it has looked', {
  skip,
}, async (t) => {
  const connector = await startConnector(t, {})
  // More than one request looks at.
  const large = 'x'.repeat(100_000)
  for (let n = 0; n < 200; n++) await connector.publish('line_1', `{"n":${n},"text":"${large}"}`)
  await connector.publish('line_1', '{"serial":"SN-4711"}', { id: 'req123' })
  const { page, complaints } = await openPage(t, `${connector.describe().http}/#/channels/line_1`)

  await page.getByLabel('Find').fill('sn-4711')
  await shows(page, /Only the messages shown here are looked at/)
  await page.getByRole('button', { name: 'everything' }).click()

  await page.locator('.message', { hasText: 'SN-4711' }).waitFor()
  await shows(page, /Searched from offset 0 until .*, the newest: 201 messages looked at, 1 shown/)
  await isAccessible(page)
  await page.getByLabel('Find').fill('sn-4712')
  await shows(page, /No message there has “sn-4712”/)
  await connector.publish('line_1', '{"serial":"SN-4712"}')
  await page.getByRole('button', { name: 'Look for newer ones' }).click()
  await page.locator('.message', { hasText: 'SN-4712' }).waitFor()
  await page.setViewportSize(PHONE)
  await fitsItsWidth(page)
  assert.deepEqual(complaints, [])
})

test('the example in the empty editor is of a channel that is there, and runs as it is', {
  skip: skipQueries,
}, async (t) => {
  const connector = await startConnector(t, {})
  // A word of SQL, which needs quotes.
  await connector.publish('Order', '{"temp":1}')
  const { page, complaints } = await openPage(t, `${connector.describe().http}/#/query`)
  const example = page.locator('.cm-placeholder', { hasText: 'select' })

  const sql = (await example.textContent()) ?? ''

  assert.equal(sql, 'select * from "Order" limit 100')
  await page.locator('.cm-content').click()
  await page.keyboard.insertText(sql)
  await page.keyboard.press('Control+Enter')
  await shows(page, /1 row,/)
  assert.deepEqual(complaints, [])
})

test('a wrong query shows the place, and a client that hangs up cancels at the connector', {
  skip: skipQueries,
}, async (t) => {
  const connector = await startConnector(t, {})
  await connector.publish('line_1', '{"temp":1}')
  const { page } = await openPage(t, `${connector.describe().http}/#/query?sql=select+*+from+lin_1`)

  await page.getByRole('button', { name: 'Run' }).click()

  await page.getByRole('alert').locator('pre', { hasText: 'LINE 1: select * from lin_1' }).waitFor()
  await page.locator('.cm-content').click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText('select count(*) from range(100000000000) a, range(1000000) b')
  await page.keyboard.press('Control+Enter')
  await shows(page, /Running for/)
  await page.keyboard.press('Escape')
  await shows(page, 'Cancelled.')
  // The place of the query is free again.
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText('select temp from line_1')
  await page.keyboard.press('Control+Enter')
  await shows(page, /1 row,/)
})

test('a client that connects is listed with its last topic', { skip }, async (t) => {
  const connector = await startConnector(t, {})
  const { page, complaints } = await openPage(t, `${connector.describe().http}/#/clients`)
  await shows(page, /No client is connected/)

  const device = await MqttDevice.connect(t, mqttUrlOf(connector))
  await device.putMessage('line_1', 'req1', '{"temp":1}')

  await shows(page, 'iotanalytics/channels/line_1/messages/put')
  assert.deepEqual(complaints, [])
})
