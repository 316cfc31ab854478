/** The unit of systemd: that it is valid, and how much it leaves to the program. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ran, repository } from '../support/processes/package-sources.ts'
import { commandOf, skipWithout } from '../support/processes/real-peers.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

const UNIT = 'iot-analytics-connector.service'
const text = readFileSync(join(repository, 'packaging', 'systemd', UNIT), 'utf8')
const skip = skipWithout('systemd-analyze')
/** In tenths; systemd calls up to 2.0 "OK". */
const MAX_EXPOSURE = 20

/** The unit on a machine where the program and its manual page are not installed. */
async function unitFile(t: TestContext): Promise<string> {
  const file = join(await temporaryDirectory(t), UNIT)
  const known = text
    .replace('/usr/bin/iot-analytics-connector', '/usr/bin/true')
    .replace(/^Documentation=.*\n/m, '')
  writeFileSync(file, known)
  return file
}

test('systemd finds nothing wrong with the unit', { skip }, async (t) => {
  const { code, output } = ran(commandOf('systemd-analyze'), ['verify', await unitFile(t)])

  assert.deepEqual({ code, output }, { code: 0, output: '' })
})

test('the unit leaves the program little: systemd measures an exposure of at most 2.0', {
  skip,
}, async (t) => {
  const args = ['security', '--offline=true', `--threshold=${MAX_EXPOSURE}`, await unitFile(t)]
  const { code, output } = ran(commandOf('systemd-analyze'), args)

  const exposure = /exposure level for \S+: (\d\.\d)/.exec(output)?.[1]
  t.diagnostic(`exposure ${exposure}`)
  assert.equal(code, 0, output)
})

test('the unit lets the JavaScript engine work, and reports with systemd-notify', () => {
  const settings = text.split('\n').filter((line) => !line.startsWith('#'))

  assert.ok(!settings.some((line) => /^(MemoryDenyWriteExecute|ProcSubset)=/.test(line)))
  assert.ok(settings.includes('Type=notify') && settings.includes('NotifyAccess=all'))
  assert.ok(settings.includes('WatchdogSec=60'))
})
