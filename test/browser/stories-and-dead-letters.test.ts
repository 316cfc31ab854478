/** The page of messages: stories, dead letters, and their replay. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/until.ts'
import { isAccessible, openPage, shows, WITHOUT_CHROMIUM } from './support/chromium.ts'
import { SampleConnector } from './support/sample-connector.ts'
import { sampleDeadLetters } from './support/sample-page-data.ts'

const skip = WITHOUT_CHROMIUM

test('an id that is searched for leads to the story of its message, with the message itself', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/messages`)

  await page.getByLabel('What happened to').fill('req1')
  await page.keyboard.press('Enter')

  await shows(page, 'Received from sensor-7')
  await shows(page, '+3 ms')
  await shows(page, '+1.2 s')
  await page.getByText('The message', { exact: true }).click()
  await shows(page, '"state": "run"')
  assert.match(page.url(), /#\/messages\/req1$/)
  await isAccessible(page)
  assert.deepEqual(complaints, [])
})

test('of an unknown id the page says what that means, and how far the search went', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page } = await openPage(t, `${connector.url}#/messages/nothing`)

  await shows(page, /it never arrived here, or it is no longer stored/)
  await shows(page, /The search covered the newest 120000 stored messages/)
})

test('a replay says first how many messages go where, and sends only the selected ones', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/messages`)
  await page.getByLabel('Select dead letter 4 of').check()
  await page.getByLabel('Select dead letter 7 of').check()
  await page.getByLabel('Select dead letter 12 of').check()

  await page.getByRole('button', { name: 'Replay 3 …' }).click()

  await shows(page, '3 messages would be sent again:')
  for (const way of ['1 to line_1', '1 to alarms', '1 through routing']) await shows(page, way)
  await shows(page, /new messages, sent to all destinations: aws, archive/)
  await isAccessible(page)
  assert.equal(connector.pages.letters.length, 4)
  await page.getByRole('button', { name: 'Replay 3', exact: true }).click()
  await shows(page, '3 messages sent again')
  await page.getByRole('button', { name: 'Close' }).last().click()
  await until('the list is loaded again', async () => (await page.locator('.letter').count()) === 1)
  assert.deepEqual(
    connector.pages.letters.map(({ offset }) => offset),
    [8],
  )
  assert.deepEqual(complaints, [])
})

test('a cancelled replay has sent nothing', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page } = await openPage(t, `${connector.url}#/messages`)

  await page.getByRole('button', { name: 'Replay all …' }).click()
  await shows(page, '4 messages would be sent again:')
  await page.keyboard.press('Escape')

  await page.locator('dialog').waitFor({ state: 'detached' })
  assert.deepEqual(
    connector.pages.bodies.map((body) => (body as { dryRun: boolean }).dryRun),
    [true],
  )
})

test('a filter is part of the address, and what it hides is not replayed', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page } = await openPage(t, `${connector.url}#/messages`)

  await page.getByLabel('Channel').selectOption('alarms')

  await until('one is left', async () => (await page.locator('.letter').count()) === 1)
  assert.match(page.url(), /#\/messages\?channel=alarms$/)
  await page.getByRole('button', { name: 'Replay all …' }).click()
  await page.getByRole('button', { name: 'Cancel' }).waitFor()
  await until('it was counted', () => connector.pages.bodies.length === 1)
  assert.deepEqual(connector.pages.bodies, [
    { channel: 'alarms', from: 0, limit: 1000, dryRun: true },
  ])
})

test('without the right to operate, dead letters can be read and the page says how to get it', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.rights = ['view']
  const { page } = await openPage(t, `${connector.url}#/messages`)

  await shows(page, 'Run iot-analytics-connector dashboard.')
  assert.ok(await page.getByRole('button', { name: 'Replay all …' }).isDisabled())
})

test('payloads and reasons of dead letters are text, whatever they contain', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const [letter] = sampleDeadLetters(Date.now())
  assert.ok(letter !== undefined)
  const hostile = '<img src=x onerror=alert(1)>\u202egnp.exe\u0007'
  connector.pages.letters = [
    { ...letter, payload: hostile, error_message: hostile, topic: hostile, id: hostile },
  ]
  const { page, complaints } = await openPage(t, `${connector.url}#/messages`)

  await page.locator('.letter summary').click()

  await page.locator('.payload', { hasText: '<img src=x' }).waitFor()
  assert.ok((await page.locator('.escaped', { hasText: '\\u202e' }).count()) >= 3)
  assert.equal(await page.locator('img').count(), 0)
  assert.deepEqual(complaints, [])
})
