/** The link between the page and the connector: lost, closed while hidden, many tabs, upgraded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { until } from '../support/until.ts'
import { launchedBrowser, openPage, shows, WITHOUT_CHROMIUM } from './support/chromium.ts'
import { SampleConnector } from './support/sample-connector.ts'

const skip = WITHOUT_CHROMIUM

/** Without a window manager, Chromium takes every tab for visible. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(
    `Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })
     document.dispatchEvent(new Event('visibilitychange'))`,
  )
}

test('a lost link is said with its time, the values stay, and the page recovers by itself', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page } = await openPage(t, connector.url)
  await shows(page, '9.41 M')

  connector.isSilent = true
  connector.hangUp()

  await shows(page, /No answer from box-7 since \d\d:\d\d:\d\d, trying again/)
  await shows(page, '9.41 M')
  connector.isSilent = false
  await page.getByRole('button', { name: 'Try now' }).click()
  await page.locator('.link-state.is-live').waitFor()
  assert.equal(await page.getByText('No answer from').count(), 0)
})

test('a connector that keeps the connection open and says nothing is noticed', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page } = await openPage(t, connector.url)
  await shows(page, '9.41 M')

  connector.isSilent = true
  connector.forgetViewers()

  await shows(page, /No answer from box-7/)
})

test('a hidden tab has no stream, and is up to date when it is shown again', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, connector.url)
  await until('the stream is there', () => connector.viewerCount === 1)

  await setHidden(page, true)
  await until('the stream has ended', () => connector.viewerCount === 0)
  await setHidden(page, false)

  await until('the stream is there again', () => connector.viewerCount === 1)
  await page.locator('.link-state.is-live').waitFor()
  assert.deepEqual(complaints, [])
})

test('seven tabs all show figures, because only the one that is seen has a stream', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const browser = await launchedBrowser(t)
  const context = await browser.newContext()
  for (let tab = 1; tab <= 7; tab++) {
    const page = await context.newPage()
    await page.goto(connector.url)

    await shows(page, '9.41 M')

    await setHidden(page, true)
  }
  await until('no tab has a stream', () => connector.viewerCount === 0)
})

test('another build of the connector is offered to be loaded', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, connector.url)
  await shows(page, '9.41 M')
  assert.equal(await page.getByText('has another version now').count(), 0)

  connector.otherBuild = 'newer'
  connector.hangUp()

  await page.getByRole('button', { name: 'Load again' }).waitFor()
  connector.otherBuild = undefined
  await page.getByRole('button', { name: 'Load again' }).click()
  await page.locator('.link-state.is-live').waitFor()
  assert.equal(await page.getByText('has another version now').count(), 0)
  assert.ok(complaints.every((one) => one.includes('ERR_')))
})

test('clocks that differ are said, and ages are by the connector’s clock', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.skewMs = 3_600_000
  const { page, complaints } = await openPage(t, connector.url)

  await shows(page, /The connector’s clock is (59 min 59 s|1 h) ahead of this machine’s/)
  await shows(page, /oldest 2 h 10 min/)
  assert.deepEqual(complaints, [])
})
