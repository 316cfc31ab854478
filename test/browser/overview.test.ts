import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { until } from '../support/until.ts'
import { DESKTOP, openPage, PHONE, shows, WITHOUT_CHROMIUM } from './support/chromium.ts'
import { SampleConnector } from './support/sample-connector.ts'
import { channelRow, sampleChannels, sampleOverview } from './support/sample-data.ts'

const skip = WITHOUT_CHROMIUM

/** The lower edge of a part of the page. */
async function bottomOf(page: Page, label: string): Promise<number> {
  const box = await page.locator('.tile', { hasText: label }).first().boundingBox()
  assert.ok(box !== null, label)
  return box.y + box.height
}

test('the first screen has all seven figures without scrolling, and on a phone the first five', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, connector.url)

  await shows(page, /aws away for 2 h 10 min/)
  await page.locator('.sparkline-line').first().waitFor()

  for (const label of [
    'In',
    'Stored',
    'Delivered',
    'Waiting',
    'Outage left',
    'Lost',
    'Disk',
    'Memory',
  ]) {
    assert.ok((await bottomOf(page, label)) <= DESKTOP.height, label)
  }
  const flow = await page.locator('.flow').boundingBox()
  assert.ok(flow !== null && flow.y + flow.height <= DESKTOP.height)
  await page.setViewportSize(PHONE)
  const bar = await page.locator('.rail nav').boundingBox()
  for (const label of ['In', 'Delivered', 'Waiting', 'Outage left', 'Lost']) {
    assert.ok((await bottomOf(page, label)) <= (bar?.y ?? 0), label)
  }
  assert.deepEqual(complaints, [])
})

test('figures change each second, and rows keep their places until they are sorted again', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, connector.url)
  const names = page.locator('.flow-column').nth(1).locator('tbody th')
  await shows(page, 'line_1')
  const before = await names.allTextContents()

  connector.overviewAt = (now) => {
    const [first, ...others] = sampleChannels(now).map((row) => ({ ...row, in: row.in + 7_000 }))
    const channels = [
      channelRow('new_1', { in: 9_000 }),
      ...others.reverse(),
      first ?? channelRow(''),
    ]
    return { ...sampleOverview(now), channels }
  }
  connector.tick()
  await shows(page, 'new_1')

  assert.deepEqual(await names.allTextContents(), [...before, 'new_1'])
  await page.getByRole('button', { name: 'Sort again' }).click()
  await until('new_1 is first', async () => (await names.allTextContents())[0] === 'new_1')
  assert.deepEqual(complaints, [])
})

test('a screen reader has the picture of the flow as tables', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page } = await openPage(t, connector.url)

  const table = page.getByRole('table', { name: 'Channels' })
  await table.waitFor()

  assert.equal(await page.getByRole('table').count(), 3)
  assert.match((await table.getByRole('row', { name: /line_1/ }).textContent()) ?? '', /1,100\/s/)
  assert.equal(
    await page.getByRole('meter', { name: 'Disk' }).getAttribute('aria-valuetext'),
    '1.94 of 4 GB',
  )
})
