/** Functions of lambda activities, in processes of their own. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  type FunctionOptions,
  LocalFunctions,
} from '../../../../src/analytics/pipelines/functions/local-functions.ts'
import { parseJson } from '../../../../src/analytics/pipelines/json/exact-json.ts'
import { type Clock, systemClock } from '../../../../src/clock.ts'
import { temporaryFile } from '../../../support/disk/temporary-file.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { isRunning } from '../../../support/processes/is-running.ts'
import { until } from '../../../support/until.ts'

/** A module with the text, and functions that call it by the name `f`. */
async function moduleOf(t: TestContext, text: string, handler?: string) {
  const module = await temporaryFile(t, 'module.mjs', text)
  return functionsOf(t, handler === undefined ? { module } : { module, handler })
}

function functionsOf(t: TestContext, f: FunctionOptions, clock: Clock = systemClock) {
  const log: string[] = []
  const onLog = (_name: string, line: string) => log.push(line)
  const functions = new LocalFunctions({ functions: { f }, clock, onLog })
  // The clock's timers do not keep the process, and between two starts there is nothing else.
  const keeper = setInterval(() => undefined, 1_000)
  t.after(async () => {
    await functions.close()
    clearInterval(keeper)
  })
  return { functions, log, invoke: (event: unknown[]) => functions.invoke('f', valuesOf(event)) }
}

function valuesOf(event: unknown[]) {
  const values = parseJson(Buffer.from(JSON.stringify(event)))
  assert.ok(Array.isArray(values))
  return values
}

/** A command that runs the text as a program of Node. */
const node = (program: string): [string, ...string[]] => [process.execPath, '-e', program]

test('a module gets the messages and a context, in a process of its own', async (t) => {
  const { invoke } = await moduleOf(
    t,
    `export async function handler(event, context) {
       const { functionName } = context
       const hasTime = context.getRemainingTimeInMillis() > 0
       return event.map((message) => ({ ...message, functionName, hasTime, pid: process.pid }))
     }`,
  )

  const [first] = JSON.parse(JSON.stringify(await invoke([{ a: 1 }])))
  const [second] = JSON.parse(JSON.stringify(await invoke([{ a: 2 }])))

  assert.deepEqual(first, { a: 1, functionName: 'f', hasTime: true, pid: first.pid })
  assert.notEqual(first.pid, process.pid)
  assert.equal(second.pid, first.pid, 'the process stays')
})

test('what a module prints is logged, and no answer', async (t) => {
  const { invoke, log } = await moduleOf(
    t,
    `console.log('loaded')
     export const main = (event) => { console.log('called'); console.error('oops'); return event }`,
    'main',
  )

  assert.deepEqual(await invoke([{ text: 'line\u2028end\n' }]), [{ text: 'line\u2028end\n' }])

  await until('all lines are there', () => log.length === 3)
  assert.deepEqual(log, ['loaded', 'called', 'oops'])
})

test('an error that a module throws is the reason of the failure', async (t) => {
  const { invoke } = await moduleOf(
    t,
    `export const handler = (event) => {
       if (event[0].bad) throw new TypeError('bad message')
       return event
     }`,
  )

  await assert.rejects(invoke([{ bad: true }]), { message: 'TypeError: bad message' })
  assert.deepEqual(await invoke([{ bad: false }]), [{ bad: false }])
})

test('a module that cannot be loaded says why', async (t) => {
  const missing = functionsOf(t, { module: '/nowhere/module.mjs' })
  const without = await moduleOf(t, 'export const other = 1')

  await assert.rejects(missing.invoke([]), /it ended with exit code 1; its last line: .*/)
  await assert.rejects(without.invoke([]), /exit code 1/)
  assert.match(missing.log.join('\n'), /Cannot find module '\/nowhere\/module.mjs'/)
  assert.match(without.log.join('\n'), /to export a function handler/)
})

test('a command answers each line with a line, in the order of the calls', async (t) => {
  const program = `
    const lines = require('readline').createInterface({ input: process.stdin })
    lines.on('line', (line) => console.log(line.replace('[', '[{"first":true},')))`
  const { functions } = functionsOf(t, { command: node(program) })

  const answers = await Promise.all(
    [1n, 12345678901234567890n].map((n) => functions.invoke('f', [n])),
  )

  assert.deepEqual(answers, [
    [{ first: true }, 1],
    [{ first: true }, 12345678901234567890n],
  ])
})

test('a command that cannot be started, or ends, fails the call and is started again', async (t) => {
  const none = functionsOf(t, { command: ['/nowhere/program'] })
  const program = `
    console.error('started')
    process.stdin.once('data', (line) => {
      if (String(line).includes('die')) process.exit(3)
      console.log('[]')
    })`
  const dying = functionsOf(t, { command: node(program) })

  await assert.rejects(none.invoke([]), /it can’t be started; its last line: .*not found/)
  await assert.rejects(dying.invoke(['die']), {
    message: 'it ended with exit code 3; its last line: started',
  })
  assert.deepEqual(await dying.invoke(['live']), [])
})

test('answers that are no JSON, too long or unasked for fail', async (t) => {
  const answering = (text: string) => {
    const program = `process.stdin.on('data', () => process.stdout.write(${text}))`
    return functionsOf(t, { command: node(program) }).invoke([])
  }

  await assert.rejects(answering("'no JSON\\n'"), { message: 'its answer is no JSON' })
  await assert.rejects(answering("'x'.repeat(7 * 1024 * 1024)"), /longer than 6291456 bytes/)
  await assert.rejects(answering(`'{"error":"my reason"}\\n'`), { message: 'my reason' })
})

test('a call that takes too long ends the process and all it has started', async (t) => {
  const program = `
    const { pid } = require('child_process').spawn('sleep', ['1000'], { stdio: 'inherit' })
    console.error(pid)
    process.stdin.on('data', (line) => { if (!String(line).includes('hang')) console.log('[]') })`
  const { invoke, log } = functionsOf(t, { command: node(program), timeoutMs: 2_000 })

  await assert.rejects(invoke(['hang']), { message: 'no answer within 2000 ms' })

  await until('what it has started is gone', () => !isRunning(Number(log[0])))
  assert.deepEqual(await invoke(['go']), [])
})

test('a trial may have less time than the function', async (t) => {
  const { functions } = functionsOf(t, { command: node('process.stdin.resume()') })

  await assert.rejects(functions.invoke('f', [], 50), { message: 'no answer within 50 ms' })
})

test('after a failure the next start waits, longer each time', async (t) => {
  const clock = new ManualClock()
  const { invoke, log } = functionsOf(t, { command: node('process.exit(1)') }, clock)
  await assert.rejects(invoke([]))

  for (const delayMs of [100, 200, 400]) {
    let hasFailed = false
    const call = invoke([]).catch(() => {
      hasFailed = true
    })
    await until('the call waits', () => clock.pendingCalls === 1)
    clock.advance(delayMs - 1)
    assert.equal(clock.pendingCalls, 1)
    assert.equal(hasFailed, false)
    clock.advance(1)
    await call
  }
  assert.deepEqual(log, [])
})

test('a process without calls ends, and the next call starts another', async (t) => {
  const clock = new ManualClock()
  const program = `
    process.stdin.on('data', () => console.log(JSON.stringify([{ pid: process.pid }])))
    process.stdin.on('end', () => console.error('ended'))`
  const { invoke, log } = functionsOf(t, { command: node(program) }, clock)
  const first = await invoke([])

  clock.advance(60_000)
  await until('it has ended', () => log.length === 1)
  const second = await invoke([])

  assert.notDeepEqual(second, first)
})

test('closing fails the call that is being made and those that wait', async (t) => {
  const { functions, invoke } = functionsOf(t, { command: node('process.stdin.resume()') })
  const calls = Promise.allSettled([invoke([]), invoke([])])
  await new Promise((resolve) => setImmediate(resolve))

  await functions.close()

  assert.deepEqual(
    (await calls).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  await assert.rejects(invoke([]), { message: 'the connector is stopping' })
})

test('an event that is too large for a function is refused', async (t) => {
  const { invoke } = functionsOf(t, { command: node('process.stdin.resume()') })

  await assert.rejects(invoke(['x'.repeat(6 * 1024 * 1024)]), /at most 6291456 bytes/)
})

test('an unknown name is reported with the names that are known', async (t) => {
  const { functions } = functionsOf(t, { command: node('') })

  await assert.rejects(functions.invoke('g', []), {
    message: 'the configuration has no function of this name; it has: f',
  })
})
