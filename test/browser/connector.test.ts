/** The dashboard of a whole connector: the first message, live data, an outage and its end. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Connector } from '../../src/index.ts'
import { exception } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { destinationOf, mqttUrlOf, startConnector } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'
import {
  fitsItsWidth,
  isAccessible,
  openPage,
  shows,
  WITHOUT_CHROMIUM,
} from './support/chromium.ts'

const skip = WITHOUT_CHROMIUM
const SCRIPT = '<script>document.title="pwned"</script>'

function urlOf(connector: Connector): string {
  const { http } = connector.describe()
  assert.ok(http !== undefined)
  return `${http}/`
}

async function device(t: TestContext, connector: Connector): Promise<MqttDevice> {
  return MqttDevice.connect(t, mqttUrlOf(connector))
}

test('the first message appears on the page that explains how to send it', { skip }, async (t) => {
  const connector = await startConnector(t, {})
  const { page, complaints } = await openPage(t, urlOf(connector))
  await shows(page, 'Waiting for the first message')
  await shows(page, mqttUrlOf(connector))
  await shows(page, 'nothing yet')
  await isAccessible(page)
  for (const way of ['our command', 'Python', 'ESP32']) {
    await page.getByRole('button', { name: way }).click()
    await shows(page, new URL(mqttUrlOf(connector)).port)
  }

  await (await device(t, connector)).putMessage('my_channel', '{"temp":23.33}', 'req123')

  await shows(page, 'The first message is here')
  await shows(page, /1 message, on disk/)
  await page.getByRole('link', { name: 'Open the channel' }).click()
  await shows(page, 'my_channel')
  await page.getByRole('link', { name: 'Fields' }).click()
  await shows(page, 'temp')
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await page.getByRole('table', { name: 'Channels' }).waitFor()
  assert.deepEqual(complaints, [])
})

test('messages appear while they are stored, hostile ones too, and all fits into 390 px', {
  skip,
}, async (t) => {
  const connector = await startConnector(t, {})
  await connector.publish('line_1', '{"temp":1}', { id: 'm0' })
  const { page, complaints } = await openPage(t, `${urlOf(connector)}#/channels/line_1`, {
    viewport: { width: 390, height: 844 },
    colorScheme: 'dark',
  })
  await shows(page, 'No message since you came here')

  await until('a message is shown', async () => {
    await connector.publish('line_1', '{"temp":23.5}')
    return (await page.locator('.message').count()) > 0
  })
  await connector.publish('line_1', `{"text":${JSON.stringify(SCRIPT)}}`)
  await connector.publish('line_1', Buffer.from([0xff, 0x00, 0x1b, 0x5b]))
  await connector.publish('line_1', `"${'x'.repeat(100_000)}"`)

  await shows(page, /document\.title/)
  await shows(page, /base64 \/wAbWw==/)
  const cut = page.locator('.message', { hasText: '"xxx' }).first()
  await cut.locator('summary').click()
  await shows(page, /This is the start of 100 kB/)
  await page.getByRole('button', { name: 'Load all of it' }).click()
  await until('the whole is there', async () => (await page.getByText('Load all').count()) === 0)
  assert.doesNotMatch(await page.title(), /pwned/)
  await fitsItsWidth(page)
  await isAccessible(page)
  assert.deepEqual(complaints, [])
})

test('an outage is in the verdict with its cause, and so is its end', { skip }, async (t) => {
  const api = await FakeIotAnalytics.start(t)
  let isAway = false
  api.answerWhile(() => isAway, exception('ThrottlingException'))
  const connector = await startConnector(t, {
    parameters: { PublishInterval: '0' },
    destinations: [{ name: 'cloud', ...destinationOf(api, { maxAttempts: 1 }) }],
  })
  await connector.publish('line_1', '{"temp":1}')
  await api.until(() => api.received('line_1').length === 1)
  const { page, complaints } = await openPage(t, urlOf(connector))
  await page.getByRole('table', { name: 'Destinations' }).getByText('ok').waitFor()

  isAway = true
  for (let i = 0; i < 5; i++) await connector.publish('line_1', `{"temp":${i}}`)

  await page.locator('.verdict.is-warning').waitFor()
  await shows(page, /cloud/)
  await page.locator('.rail-count', { hasText: '1' }).waitFor()
  await page
    .getByRole('link', { name: /^Destinations/ })
    .first()
    .click()
  await shows(page, /ThrottlingException/)
  await shows(page, /next try/)
  await isAccessible(page)
  isAway = false
  await page.getByText('working', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await page.locator('.verdict.is-ok').waitFor()
  await api.until(() => api.received('line_1').length === 6)
  assert.deepEqual(complaints, [])
})
