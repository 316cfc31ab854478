/** The manual page, which the npm package and the Debian package have. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createProgram } from '../../src/cli/program.ts'
import { VERSION } from '../../src/version.ts'
import { ran, repository } from '../support/processes/package-sources.ts'
import { commandOf, skipWithout } from '../support/processes/real-peers.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

const DAY = { SOURCE_DATE_EPOCH: String(Date.UTC(2026, 10, 30) / 1000) }

async function madePages(t: TestContext): Promise<string> {
  const directory = await temporaryDirectory(t)
  const script = join(repository, 'scripts', 'build-man-pages.mjs')
  const { code, output } = ran(process.execPath, [script, directory, '--from', 'build/src'], {
    env: DAY,
  })
  assert.equal(code, 0, output)
  return directory
}

test('the manual page has the version, the day of the release and every command', async (t) => {
  const page = readFileSync(join(await madePages(t), 'iot-analytics-connector.1'), 'utf8')

  const program = createProgram({
    process,
    loadConnector: () => Promise.reject(new Error('only names are asked for')),
    outputClosed: new AbortController().signal,
  })
  const start = `.TH IOT-ANALYTICS-CONNECTOR 1 2026-11-30 "iot-analytics-connector ${VERSION}"`
  assert.ok(page.startsWith(start), page.slice(0, 200))
  for (const command of program.commands) {
    assert.match(page, new RegExp(`^\\.SS "${command.name().replaceAll('-', '\\\\-')}[" ]`, 'm'))
  }
})

test('man shows the page without a warning, under both names', {
  skip: skipWithout('man'),
}, async (t) => {
  const directory = await madePages(t)
  // man looks for the second name's page below the folder of the section.
  const page = join(directory, 'iot-analytics-connector.1')
  const env = { LC_ALL: 'C.UTF-8', MANWIDTH: '80' }

  const { code, output } = ran(commandOf('man'), ['--warnings', '-E', 'UTF-8', '-l', page], { env })

  assert.equal(code, 0)
  assert.doesNotMatch(output, /warning|error:/i)
  assert.match(output, /^ {3}tail <channel>/m)
  assert.match(output, /\$ iot-analytics-connector run --config connector\.yaml/)
  assert.equal(
    readFileSync(join(directory, 'iotac.1'), 'utf8'),
    '.so man1/iot-analytics-connector.1\n',
  )
})
