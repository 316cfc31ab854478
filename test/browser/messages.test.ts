/** Messages as they come: hostile ones, many, paused, and from a point in time on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TailMessage } from '../../src/http/api/shapes/messages.ts'
import { until } from '../support/until.ts'
import { isAccessible, openPage, shows, WITHOUT_CHROMIUM } from './support/chromium.ts'
import { SampleConnector } from './support/sample-connector.ts'
import { sampleMessage } from './support/sample-data.ts'

const skip = WITHOUT_CHROMIUM
const MEGABYTE = 1024 * 1024

/** Each tick brings these texts as payloads. */
function sending(texts: readonly string[]) {
  return (now: number, from: number): TailMessage[] =>
    texts.map((payload, index) => ({
      ...sampleMessage(now, from + index),
      payload,
      topic: payload.slice(0, 100),
    }))
}

const SCRIPT = '<script>document.title="pwned"</script><img src=x onerror=alert(1)>'
const BIDI = '{"state":"\u202Eevil\u202C"}'
/** No JSON, because of the control character. */
const CONTROL = 'no JSON \u001b[31m'

test('hostile payloads are text: nothing runs, and what steers the reading order is visible', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.tailMessages = sending([SCRIPT, BIDI, CONTROL, `"${'x'.repeat(MEGABYTE)}"`])
  const { page, complaints } = await openPage(t, `${connector.url}#/channels/line_1`)

  const message = page.locator('.message', { hasText: 'state' }).first()
  await message.waitFor()
  await message.locator('summary').click()

  await shows(page, SCRIPT)
  const shown = (await message.locator('.payload').textContent()) ?? ''
  assert.match(shown, /"state": "\\u202eevil\\u202c"/)
  await shows(page, 'no JSON \\u001b[31m')
  const whole = page.locator('.message', { hasText: '"xxx' }).first()
  await whole.locator('summary').click()
  await until('the start of the large one is shown', async () => {
    const { length } = (await whole.locator('.payload').textContent()) ?? ''
    return length > 9_000 && length < 11_000
  })
  assert.equal(await page.locator('.message img, .message script').count(), 0)
  assert.doesNotMatch(await page.title(), /pwned/)
  await isAccessible(page)
  assert.deepEqual(complaints, [])
})

test('a thousand messages a second are sampled, and the page says so and stays small', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.tailMessages = (now, from) =>
    Array.from({ length: 20 }, (_, index) => sampleMessage(now, from + index * 55))
  const { page, complaints } = await openPage(t, `${connector.url}#/channels/line_1`)
  await shows(page, '20 of 1,100 messages in the last second are shown, an even sample.')

  for (let tick = 0; tick < 30; tick++) connector.tick()

  await until('the list is full', async () => (await page.locator('.message').count()) === 200)
  connector.tick()
  await until('it stays full', async () => (await page.locator('.message').count()) === 200)
  assert.deepEqual(complaints, [])
})

test('reading further up pauses, and a search says how much it has looked at', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/channels/line_1`)
  for (let tick = 0; tick < 20; tick++) connector.tick()
  await until('the list scrolls', async () => (await page.locator('.message').count()) > 40)

  await page.locator('.message-list').hover()
  await page.mouse.wheel(0, -400)

  await page.getByRole('button', { name: 'Go on' }).waitFor()
  const paused = await page.locator('.message').count()
  connector.tick()
  await page.getByRole('button', { name: 'Go on' }).click()
  connector.tick()
  await until('messages come again', async () => (await page.locator('.message').count()) > paused)
  await page.keyboard.press('/')
  await page.keyboard.type('"rpm":1452')
  await shows(page, /\d+ of the last \d+ messages match/)
  assert.match(page.url(), /grep=/)
  assert.deepEqual(complaints, [])
})

test('stored messages are read from a time on, and the link says which', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/channels/line_1`)
  await shows(page, 'an even sample')

  await page.getByLabel('From').fill('2026-11-28T09:31:05')
  await page.getByLabel('From').dispatchEvent('change')

  await shows(page, 'offsets 1,000 to 1,004')
  assert.match(page.url(), /from=2026-11-28T09%3A31%3A05.000Z/)
  await page.getByRole('button', { name: 'Newer' }).click()
  await until('the next page was asked for', () =>
    connector.asked.some((one) => one.includes('messages?from=1005')),
  )
  await page.getByRole('button', { name: 'Live' }).click()
  await shows(page, 'an even sample')
  assert.deepEqual(complaints, [])
})
