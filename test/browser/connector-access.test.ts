/** Logging in to a whole connector: with the address that `dashboard` prints, and with tokens. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { exception } from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { HttpCollector } from '../support/destinations/http-collector.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess, sendingTo } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'
import { openPage, shows, WITHOUT_CHROMIUM } from './support/chromium.ts'

const skip = WITHOUT_CHROMIUM

async function outputOf(t: TestContext, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(t, args)
  assert.equal(code, 0, stderr)
  return stdout.trim()
}

async function putMessage(t: TestContext, connector: ConnectorProcess): Promise<void> {
  const device = await MqttDevice.connect(t, connector.mqttUrl)
  await device.putMessage('line_1', 'req123', '{"temp":23.3}')
}

/** Ends the connector as a power cut does, and starts it at the same addresses. */
async function restarted(t: TestContext, before: ConnectorProcess, args: readonly string[]) {
  const { port } = new URL(before.httpUrl)
  await before.crash()
  const options = { withHttp: false }
  return await new ConnectorProcess(t, [...args, '--set', `http.port=${port}`], options).started()
}

function tryNow(page: Page) {
  return page.getByRole('button', { name: 'Try now' })
}

test('the address of `dashboard` lets a person try a destination that was away, and ends with the connector', {
  skip,
}, async (t) => {
  const service = await HttpCollector.start(t)
  service.always('closed')
  const data = await temporaryDirectory(t)
  const args = [...['--data', data], ...['--set', `destinations[0].http.url=${service.url}`]]
  const connector = await new ConnectorProcess(t, args).started()
  await putMessage(t, connector)

  const { page } = await openPage(t, await outputOf(t, 'dashboard', '--data', data))
  await page
    .getByRole('link', { name: /^Destinations/ })
    .first()
    .click()
  await shows(page, /next try in/)
  service.recover()
  await tryNow(page).click()

  await shows(page, 'Trying now.')
  await page.getByText('working', { exact: true }).waitFor()
  await until('the message is there', () => service.stored.length === 1)
  service.always('closed')
  const again = await restarted(t, connector, args)
  await page.getByRole('button', { name: 'Log out' }).waitFor({ state: 'detached' })
  await putMessage(t, again)
  await shows(page, /`iot-analytics-connector dashboard` prints an address/)
  assert.ok(await tryNow(page).isDisabled())
})

test('a token that may operate replays dead letters; a restart asks for it again, and logging out too', {
  skip,
}, async (t) => {
  const api = await FakeIotAnalytics.start(t)
  let isMissing = true
  api.answerWhile(() => isMissing, exception('ResourceNotFoundException'))
  const directory = await temporaryDirectory(t)
  const tokens = join(directory, 'tokens')
  const create = ['token', 'create', 'ops', '--rights', 'operate', '--file', tokens]
  const token = await outputOf(t, ...create)
  const args = [
    ...['--data', join(directory, 'data'), '--set', `http.tokens=${tokens}`],
    ...sendingTo(api, 'us-west-2'),
  ]
  const connector = await new ConnectorProcess(t, args).started()
  await putMessage(t, connector)

  const { page } = await openPage(t, `${connector.httpUrl}/#/messages`)
  await page.getByLabel('Token').fill(token)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.locator('.letter', { hasText: 'ResourceNotFoundException' }).waitFor()
  isMissing = false
  await restarted(t, connector, args)
  await shows(page, /The session has ended/)
  await page.getByLabel('Token').fill(token)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Replay all …' }).click()
  await page.getByRole('button', { name: 'Replay 1', exact: true }).click()

  await shows(page, '1 message sent again')
  await api.until(() => api.received('line_1').length === 1)
  await page.getByRole('button', { name: 'Close' }).last().click()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Token').waitFor()
  assert.equal(await page.getByText('The session has ended').count(), 0)
})

test('a token that may view has no effect, the page says what gives it, and revoking the token closes the page', {
  skip,
}, async (t) => {
  const service = await HttpCollector.start(t)
  service.always('closed')
  const directory = await temporaryDirectory(t)
  const tokens = join(directory, 'tokens')
  const token = await outputOf(t, 'token', 'create', 'wall', '--file', tokens)
  const connector = await new ConnectorProcess(t, [
    ...['--data', join(directory, 'data'), '--set', `http.tokens=${tokens}`],
    ...['--set', `destinations[0].http.url=${service.url}`],
  ]).started()
  await putMessage(t, connector)

  const { page } = await openPage(t, `${connector.httpUrl}/#/destinations`)
  await page.getByLabel('Token').fill(token)
  await page.keyboard.press('Enter')

  await shows(page, /token create <name> --rights operate/)
  assert.ok(await tryNow(page).isDisabled())
  const status = await page.evaluate<number>(
    `fetch('api/v1/destinations/retry', {
       method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}',
     }).then(({ status }) => status)`,
  )
  assert.equal(status, 403)
  await outputOf(t, 'token', 'revoke', 'wall', '--file', tokens)
  await shows(page, /the token was revoked/)
  await page.getByLabel('Token').fill(token)
  await page.keyboard.press('Enter')
  await shows(page, 'The token is wrong, or it was revoked.')
})
