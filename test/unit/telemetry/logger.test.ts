import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from '../../../src/telemetry/log/logger.ts'
import { prettyLine } from '../../../src/telemetry/log/pretty-line.ts'
import type { LogOptions } from '../../../src/telemetry/options.ts'

function logged(
  options: LogOptions,
  terminal: boolean,
  log: (l: ReturnType<typeof createLogger>) => void,
) {
  const lines: string[] = []
  log(createLogger(options, { write: (line) => lines.push(line), isTTY: terminal }))
  return lines
}

test('a log line is one JSON object with level and time by name', () => {
  const [line = ''] = logged({ level: 'info', format: 'json' }, true, (logger) =>
    logger.warn({ channel: 'pumps' }, 'batch will be sent again'),
  )

  const entry = JSON.parse(line)
  assert.equal(entry.level, 'warn')
  assert.equal(entry.msg, 'batch will be sent again')
  assert.equal(entry.channel, 'pumps')
  assert.equal(new Date(entry.time).toISOString(), entry.time)
  assert.ok(line.endsWith('\n'))
})

test('secrets are cut out at every level where settings have them', () => {
  const [line = ''] = logged({ level: 'info', format: 'json' }, false, (logger) =>
    logger.info({
      password: 'one',
      mqttClient: { password: 'two', username: 'pump' },
      sources: { mqttClient: { password: 'three' } },
      headers: { authorization: 'four' },
    }),
  )

  assert.doesNotMatch(line, /one|two|three|four/)
  assert.match(line, /"username":"pump"/)
})

test('auto writes for people on a terminal and JSON elsewhere', () => {
  const options: LogOptions = { level: 'info', format: 'auto' }

  const [onTerminal = ''] = logged(options, true, (logger) => logger.info({ n: 1 }, 'hello'))
  const [inPipe = ''] = logged(options, false, (logger) => logger.info({ n: 1 }, 'hello'))

  assert.match(onTerminal, /^\d\d:\d\d:\d\d info {2}hello {2}n=1\n$/)
  assert.equal(JSON.parse(inPipe).msg, 'hello')
})

test('a level holds back what is below it, silent everything', () => {
  const atWarn = logged({ level: 'warn', format: 'json' }, false, (logger) => logger.info('x'))
  const silent = logged({ level: 'silent', format: 'json' }, false, (logger) => logger.fatal('x'))

  assert.deepEqual(atWarn, [])
  assert.deepEqual(silent, [])
})

test('a line for people quotes what has spaces and leaves what is no JSON as it is', () => {
  const line = prettyLine('{"level":"warn","time":"x","msg":"m","a":"b c","o":{"p":1}}', false)

  assert.equal(line, '--:--:-- warn  m  a="b c" o={"p":1}\n')
  assert.equal(prettyLine('not json', true), 'not json')
})

test('a value from a device cannot steer the terminal', () => {
  const entry = {
    level: 'warn',
    time: 'x',
    msg: 'm',
    id: '\u001b[2J',
    c1: '\u009b2J',
    bidi: 'a\u202eb',
  }

  const line = prettyLine(JSON.stringify(entry), false)

  assert.equal(line, '--:--:-- warn  m  id="\\u001b[2J" c1="\\u009b2J" bidi="a\\u202eb"\n')
})

test('a log line in JSON has no character that steers a terminal', () => {
  const detail = 'a\u009b2J\u202eb'
  const [line = ''] = logged({ level: 'info', format: 'json' }, false, (logger) =>
    logger.warn({ detail }, 'message dropped'),
  )

  assert.doesNotMatch(line, /[\u0080-\u009f\u202e]/)
  assert.equal(JSON.parse(line).detail, detail)
})
