/** The ways to send a first message, run as they are copied from the page. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { MAIN } from '../support/processes/command-line.ts'
import { commandOf, type PeerName, skipWithout } from '../support/processes/real-peers.ts'
import { startConnector } from '../support/processes/running-connector.ts'
import { openPage, shows, WITHOUT_CHROMIUM } from './support/chromium.ts'

interface Way {
  readonly name: string
  readonly peer?: PeerName
  /** The program that takes the text, and its arguments. */
  readonly run: (text: string) => [string, string[]]
}

const WAYS: readonly Way[] = [
  { name: 'mosquitto', peer: 'mosquitto_pub', run: (text) => ['/bin/sh', ['-c', text]] },
  {
    name: 'our command',
    run: (text) => {
      const installed = `'${process.execPath}' '${MAIN}'`
      return ['/bin/sh', ['-c', text.replace('npx iot-analytics-connector', installed)]]
    },
  },
  { name: 'Python', peer: 'paho', run: (text) => [commandOf('paho'), ['-c', text]] },
]

for (const { name, peer, run } of WAYS) {
  const skip = WITHOUT_CHROMIUM || (peer !== undefined && skipWithout(peer))
  test(`the text of “${name}” sends the first message as it is copied`, { skip }, async (t) => {
    const connector = await startConnector(t, {})
    const { page } = await openPage(t, `${connector.describe().http}/`, {
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    await page.getByRole('button', { name, exact: true }).click()
    await page.getByRole('button', { name: 'Copy the command' }).click()
    await shows(page, 'Copied')
    const copied = await page.evaluate<string>('navigator.clipboard.readText()')

    await promisify(execFile)(...run(copied))

    await shows(page, 'The first message is here')
    const [row] = connector.ledger()
    assert.deepEqual([row?.channel, row?.received], ['my_channel', 1])
    await page.getByRole('link', { name: 'Open the channel' }).click()
    await page.goto(page.url().replace('my_channel', 'my_channel?from=earliest'))
    await shows(page, '{"temp":23.33}')
    await page.locator('.message summary').click()
    await shows(page, /id req123/)
  })
}
