/** The page of queries. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { until } from '../support/until.ts'
import { isAccessible, openPage, shows, WITHOUT_CHROMIUM } from './support/chromium.ts'
import { SampleConnector } from './support/sample-connector.ts'
import { sampleRows } from './support/sample-page-data.ts'

const skip = WITHOUT_CHROMIUM
const SQL = 'select minute, temp, rpm from line_1'

async function typeQuery(page: Page, sql: string): Promise<void> {
  await page.locator('.cm-content').click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(sql)
}

test('Ctrl-Enter runs the query, whole numbers keep their digits, and the link has the query', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/query`)
  await typeQuery(page, SQL)

  await page.keyboard.press('Control+Enter')

  await shows(page, /120 rows, \d/)
  await shows(page, '9007199254740993')
  assert.deepEqual(connector.pages.bodies, [{ sql: SQL, format: 'jsonl', maxRows: 1001 }])
  assert.match(page.url(), /#\/query\?sql=select\+minute/)
  await page.goto(`${connector.url}#/overview`)
  await page.goBack()
  await page.locator('.cm-content', { hasText: SQL }).waitFor()
  assert.deepEqual(complaints, [])
})

test('a result of more than 1,000 rows is cut, and the page says so', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.pages.rows = sampleRows(Date.now(), 5_000)
  const { page } = await openPage(t, `${connector.url}#/query?sql=from+line_1`)

  await page.getByRole('button', { name: 'Run' }).click()

  await shows(page, /1,000 rows shown, and there are more/)
  assert.equal(await page.locator('.result-block').count(), 10)
  assert.equal(await page.locator('.result-block .result-row').count(), 1000)
})

test('Esc cancels a query at the connector', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.pages.isAnswering = false
  const { page, complaints } = await openPage(t, `${connector.url}#/query`)
  await typeQuery(page, SQL)
  await page.keyboard.press('Control+Enter')
  await until('the query is there', () => connector.pages.bodies.length === 1)

  await page.keyboard.press('Escape')

  await shows(page, 'Cancelled.')
  await until('the connector has seen it', () => connector.pages.cancelled === 1)
  assert.deepEqual(complaints, [])
})

test('leaving the page cancels the query that runs', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.pages.isAnswering = false
  const { page } = await openPage(t, `${connector.url}#/query?sql=from+line_1`)
  await page.getByRole('button', { name: 'Run' }).click()
  await until('the query is there', () => connector.pages.bodies.length === 1)

  await page.getByRole('link', { name: 'Ledger' }).click()

  await until('the connector has seen it', () => connector.pages.cancelled === 1)
})

test('an error shows the place in the query', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.pages.queryError = 'no table lin\n\nLINE 1: select * from lin\n                      ^'
  const { page } = await openPage(t, `${connector.url}#/query?sql=select+*+from+lin`)

  await page.getByRole('button', { name: 'Run' }).click()

  const text = await page.getByRole('alert').locator('pre').textContent()
  assert.equal(text, 'no table lin\n\nLINE 1: select * from lin\n                      ^')
})

test('tables and columns are completed while typing', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/query`)
  await typeQuery(page, 'select 1')
  await page.getByText('line_1').first().waitFor()

  // Over a selection, because a browser would keep the look of what was there.
  await page.keyboard.press('Control+a')
  await page.keyboard.type('select line_1.te')

  await page.locator('.cm-completionLabel', { hasText: 'temp' }).first().waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.cm-tooltip-autocomplete').waitFor({ state: 'detached' })
  await isAccessible(page)
  assert.deepEqual(complaints, [])
})

test('columns that the connector has not listed come when their table is named', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/query`)
  await page.locator('.tables summary', { hasText: 'daily_means' }).waitFor()
  await typeQuery(page, 'select from daily_means')

  await page.locator('.tables summary', { hasText: 'daily_means' }).click()

  await page.getByRole('button', { name: 'mean_temp' }).click()
  await page.locator('.cm-content', { hasText: 'mean_temp' }).waitFor()
  assert.deepEqual(connector.pages.bodies, [])
  assert.deepEqual(complaints, [])
})

test('the times of a result are plotted against its numbers', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(
    t,
    `${connector.url}#/query?sql=from+line_1&view=plot`,
  )

  await page.getByRole('button', { name: 'Run' }).click()

  await page.locator('.plot canvas').waitFor()
  await page.getByRole('img', { name: 'temp, rpm, big by minute' }).waitFor()
  await isAccessible(page)
  assert.deepEqual(complaints, [])
})

test('a result is downloaded as a file', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/query?sql=from+line_1`)
  await page.getByRole('button', { name: 'Run' }).click()

  const downloaded = page.waitForEvent('download')
  await page.getByRole('button', { name: 'CSV' }).click()

  const file = await downloaded
  assert.equal(file.suggestedFilename(), 'query.csv')
  assert.equal(await readFile(await file.path(), 'utf8'), 'minute,temp\r\n1,2\r\n')
  assert.deepEqual(
    complaints.filter((one) => !one.startsWith('request: blob:')),
    [],
  )
})

test('queries are remembered in the browser, and can be forgotten', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page } = await openPage(t, `${connector.url}#/query`)
  await typeQuery(page, 'select 1')
  await page.keyboard.press('Control+Enter')
  await page.locator('.result').waitFor()
  await page.reload()

  await page.getByText('History').click()

  await page.getByRole('button', { name: 'select 1' }).waitFor()
  await page.getByRole('button', { name: 'Forget all' }).click()
  await page.getByText('History').waitFor({ state: 'detached' })
})

test('values of rows are text, whatever they contain', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const hostile = { '<b>"x': '<img src=x onerror=alert(1)>\u202e', nested: { a: ['}', '"'] } }
  connector.pages.rows = [JSON.stringify(hostile)]
  const { page, complaints } = await openPage(t, `${connector.url}#/query?sql=from+line_1`)

  await page.getByRole('button', { name: 'Run' }).click()

  await shows(page, '<img src=x onerror=alert(1)>')
  await shows(page, '<b>"x')
  await shows(page, String.raw`{"a":["}","\""]}`)
  assert.equal(await page.locator('img').count(), 0)
  assert.deepEqual(complaints, [])
})
