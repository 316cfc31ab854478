/** Every page and every state of it: what axe finds, and whether it fits, in both colours and widths. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import {
  DESKTOP,
  fitsItsWidth,
  isAccessible,
  openPage,
  PHONE,
  shows,
  WITHOUT_CHROMIUM,
} from './support/chromium.ts'
import { SampleConnector } from './support/sample-connector.ts'
import { emptyOverview } from './support/sample-data.ts'
import { emptyLedger } from './support/sample-page-data.ts'

const skip = WITHOUT_CHROMIUM

const LOOKS = [
  { colorScheme: 'light', viewport: DESKTOP },
  { colorScheme: 'light', viewport: PHONE },
  { colorScheme: 'dark', viewport: DESKTOP },
  { colorScheme: 'dark', viewport: PHONE },
] as const

/** Addresses, and what is there once the page is complete. */
const PAGES = [
  ['overview', 'aws away for 2 h 10 min'],
  ['channels', 'office_climate'],
  ['channels/line_1', '1,100 messages in the last second'],
  ['channels/line_1?tab=fields&plot=temp', 'As a table'],
  ['channels/line_1?tab=losses', 'QueueFull'],
  ['channels/line_1?tab=settings', 'connector.yaml:12'],
  ['channels/line_1?from=2026-11-28T09:31:05.000Z', 'offsets 1,000 to 1,004'],
  ['destinations', 'Nothing listens there'],
  ['destinations/aws', 'Nothing listens there'],
  ['messages', 'Replay all …'],
  ['messages/req1', 'Received from sensor-7'],
  ['query?sql=from+line_1+--+all', 'Copy the link'],
  ['clients', 'plc-2'],
  ['ledger', 'adds up'],
  ['config', 'storage.maxBytes'],
] as const

/** Those that are not fed by the stream alone. */
const ASKING = [
  'channels/line_1',
  'channels/line_1?tab=fields',
  'messages',
  'messages/req1',
  'config',
]

async function isInOrder(page: Page): Promise<void> {
  await isAccessible(page)
  await fitsItsWidth(page)
}

async function go(page: Page, connector: SampleConnector, hash: string): Promise<void> {
  await page.goto(`${connector.url}#/${hash}`)
}

function becomeEmpty(connector: SampleConnector): void {
  connector.overviewAt = emptyOverview
  connector.destinationsAt = (now) => ({ now: new Date(now).toISOString(), destinations: [] })
  connector.pages.letters = []
  connector.pages.clients = (now) => ({
    now: new Date(now).toISOString(),
    clients: [],
    clientCount: 0,
    refused: [],
  })
  connector.pages.ledger = emptyLedger
}

for (const look of LOOKS) {
  const { colorScheme, viewport } = look
  test(`every page is accessible and fits, ${colorScheme}, ${viewport.width} px`, {
    skip,
  }, async (t) => {
    const connector = await SampleConnector.started(t)
    const { page, complaints } = await openPage(t, connector.url, look)

    for (const [hash, sign] of PAGES) {
      await go(page, connector, hash)
      await page.locator('main').getByText(sign).first().waitFor()
      await isInOrder(page)
    }
    await go(page, connector, 'query?sql=from+line_1+--+all')
    await page.getByRole('button', { name: 'Run' }).click()
    await shows(page, /120 rows/)
    await isInOrder(page)
    await page.getByRole('button', { name: 'plot' }).click()
    await page.getByRole('img', { name: /by minute/ }).waitFor()
    await isInOrder(page)
    await go(page, connector, 'messages')
    await page.locator('.letter summary').first().click()
    await shows(page, '"rpm": 1450')
    await isInOrder(page)
    assert.deepEqual(complaints, [])
  })

  test(`so is every state: empty, failing, upgraded, without a link or a login, ${colorScheme}, ${viewport.width} px`, {
    skip,
  }, async (t) => {
    const connector = await SampleConnector.started(t)
    const { page } = await openPage(t, connector.url, look)
    await shows(page, '9.41 M')

    connector.isFailing = true
    for (const hash of ASKING) {
      await go(page, connector, hash)
      await page.getByRole('alert').getByText('Storage failed').first().waitFor()
      await isInOrder(page)
    }
    connector.isFailing = false
    await go(page, connector, 'overview')
    connector.otherBuild = 'newer'
    connector.hangUp()
    await page.getByRole('button', { name: 'Load again' }).waitFor()
    await isInOrder(page)
    connector.otherBuild = undefined
    connector.isSilent = true
    connector.hangUp()
    await shows(page, /No answer from box-7/)
    await isInOrder(page)
    connector.isSilent = false
    becomeEmpty(connector)
    await page.reload()
    for (const [hash, sign] of [
      ['overview', 'Waiting for the first message'],
      ['channels', 'No channel yet'],
      ['destinations', 'No destination'],
      ['messages', 'No message was rejected'],
      ['clients', 'No client is connected'],
      ['ledger', 'No message has been received'],
    ] as const) {
      await go(page, connector, hash)
      await shows(page, new RegExp(sign))
      await isInOrder(page)
    }
    connector.token = 'secret'
    await page.reload()
    await page.getByLabel('Token').fill('wrong')
    await page.keyboard.press('Enter')
    await shows(page, 'The token is not known.')
    await isInOrder(page)
  })
}
