/** The reporter of `npm test` that names files which do not end: `scripts/hung-files.mjs`. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

interface TestEvent {
  readonly type: string
  readonly data: {
    readonly name?: string
    readonly file?: string
    readonly details?: { readonly error?: { readonly failureType: string } }
  }
}

interface Reporter {
  default(events: readonly TestEvent[]): AsyncIterable<string>
}

const FILE = '/build/test/late.test.js'
const begun = (name: string): TestEvent => ({ type: 'test:dequeue', data: { name, file: FILE } })
const ended = (name: string): TestEvent => ({ type: 'test:complete', data: { name, file: FILE } })
const failed = (name: string, failureType: string): TestEvent => ({
  type: 'test:fail',
  data: { name, file: FILE, details: { error: { failureType } } },
})

async function reportOf(...events: readonly TestEvent[]): Promise<string> {
  const path = join(import.meta.dirname, '..', '..', '..', 'scripts', 'hung-files.mjs')
  const reporter: Reporter = await import(path)
  const lines: string[] = []
  for await (const line of reporter.default(events)) lines.push(line)
  return lines.join('')
}

test('a test file that does not end is named, with the test it was in', async () => {
  const inFile = [begun('group'), begun('ends'), ended('ends'), begun('waits')]
  // In this order where files run beside each other.
  const run = [begun(FILE), ended(FILE), ...inFile]

  assert.equal(
    await reportOf(...run, failed(FILE, 'testTimeoutFailure')),
    `${FILE} hung: “group › waits” did not end\n`,
  )
})

test('a test file that does not end after its tests is named', async () => {
  const run = [begun(FILE), begun('ends'), ended('ends')]

  assert.equal(
    await reportOf(...run, failed(FILE, 'testTimeoutFailure')),
    `${FILE} hung: no test was running, so a socket, a timer or a child keeps its process alive\n`,
  )
})

test('nothing is reported of test files that end, or of a test with a time limit of its own', async () => {
  const late = [begun('late'), ended('late'), failed('late', 'testTimeoutFailure')]
  const end = [ended(FILE), failed(FILE, 'subtestsFailed'), { type: 'test:plan', data: {} }]

  assert.equal(await reportOf(begun(FILE), ...late, ...end), '')
})
