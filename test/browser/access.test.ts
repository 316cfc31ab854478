/** Getting in: tokens, codes, rights, and any path in front. */
import assert from 'node:assert/strict'
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { until } from '../support/until.ts'
import { isAccessible, openPage, shows, WITHOUT_CHROMIUM } from './support/chromium.ts'
import { SampleConnector } from './support/sample-connector.ts'

const skip = WITHOUT_CHROMIUM

/** Chromium reports each answer of 4xx; the page has asked on purpose. */
function withoutRefusals(complaints: readonly string[]): string[] {
  return complaints.filter((one) => !/status of 40[13]/.test(one))
}

test('a connector that wants a token asks for it, and the page opens with the right one', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.token = 'secret'
  const { page, complaints } = await openPage(t, connector.url)
  const field = page.getByLabel('Token')
  await field.waitFor()
  await isAccessible(page)

  await field.fill('wrong')
  await page.getByRole('button', { name: 'Log in' }).click()

  await shows(page, 'The token is not known.')
  await field.fill('secret')
  await page.keyboard.press('Enter')
  await shows(page, '9.41 M')
  await page.getByRole('button', { name: 'Log out' }).waitFor()
  assert.deepEqual(withoutRefusals(complaints), [])
})

test('the code of the command leaves the address before anything else happens', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.codes.add('once-123')
  connector.token = 'secret'
  const { page, complaints } = await openPage(t, `${connector.url}#code=once-123`)

  await shows(page, '9.41 M')

  assert.equal(new URL(page.url()).hash, '#/overview')
  await page.goBack()
  assert.doesNotMatch(page.url(), /code=/)
  assert.ok(connector.asked.every((one) => !one.includes('once-123')))
  assert.deepEqual(withoutRefusals(complaints), [])
})

test('a code that is over is explained, and what may be seen is shown', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page } = await openPage(t, `${connector.url}#code=old`)

  await shows(page, 'The code is not known.')

  await shows(page, '9.41 M')
})

test('without the right to operate, nothing can be tried, and the page says what gives it', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  connector.rights = ['view']
  const { page, complaints } = await openPage(t, `${connector.url}#/destinations`)

  await shows(page, 'Run iot-analytics-connector dashboard.')

  assert.ok(await page.getByRole('button', { name: 'Try now' }).isDisabled())
  assert.deepEqual(complaints, [])
})

test('trying now asks the connector, and says so', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/destinations/aws`)

  await page.getByRole('button', { name: 'Try now' }).click()

  await shows(page, 'Trying now.')
  assert.ok(connector.asked.includes('POST /api/v1/destinations/aws/retry'))
  assert.deepEqual(complaints, [])
})

test('below a path of a proxy, everything works and nothing is asked outside of it', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const target = new URL(connector.url)
  const outside: string[] = []
  const proxy = createServer((request, response) => {
    const path = /^\/some\/where(\/.*)$/.exec(request.url ?? '')?.[1]
    if (path === undefined) {
      outside.push(request.url ?? '')
      response.writeHead(404).end()
      return
    }
    const { method, headers } = request
    const onward = forward(new URL(path, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  const { port } = proxy.address() as AddressInfo
  const { page, complaints } = await openPage(t, `http://127.0.0.1:${port}/some/where/`)

  await shows(page, '9.41 M')
  await page.getByRole('link', { name: 'Channels', exact: true }).click()
  await shows(page, 'office_climate')
  await page.getByRole('link', { name: 'line_1' }).click()
  await shows(page, 'an even sample')

  assert.deepEqual(outside, [])
  assert.deepEqual(complaints, [])
})

test('keys lead everywhere: to the content, the search, the help and back', {
  skip,
}, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/channels`)
  await shows(page, 'office_climate')

  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')

  await until('the content has the focus', async () =>
    page.evaluate<boolean>('document.activeElement.id === "main"'),
  )
  await until('the address names the page again', () => page.url().endsWith('#/channels'))
  await page.keyboard.press('/')
  await page.keyboard.type('line_2')
  await until(
    'one row is left',
    async () => (await page.locator('.data-table tbody tr').count()) === 1,
  )
  await page.keyboard.press('Tab')
  await page.keyboard.press('?')
  await page.getByRole('dialog').waitFor()
  await isAccessible(page)
  await page.keyboard.press('Escape')
  await until('the help is closed', async () => (await page.getByRole('dialog').count()) === 0)
  assert.deepEqual(complaints, [])
})

test('colours and the zone of times are remembered', { skip }, async (t) => {
  const connector = await SampleConnector.started(t)
  const { page, complaints } = await openPage(t, `${connector.url}#/destinations`, {
    timezoneId: 'Asia/Kolkata',
  })
  await shows(page, 'UTC+05:30')

  await page.getByTitle('Times in the zone').click()
  await page.getByTitle('Colours').click()
  await page.getByTitle('Colours').click()
  await page.reload()

  await page.getByRole('button', { name: 'dark colours' }).waitFor()
  assert.equal(await page.evaluate('document.documentElement.dataset.theme'), 'dark')
  assert.equal(await page.getByTitle('Times in the zone').textContent(), 'UTC')
  assert.deepEqual(complaints, [])
})
