import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  asConnectorError,
  ConnectorError,
  ERROR_CATALOGUE,
  isNotNow,
  messageOf,
  systemCodeOf,
} from '../../src/errors.ts'

const root = join(import.meta.dirname, '..', '..', '..')

test('docs/errors.md is generated from the catalogue', () => {
  const check = spawnSync(
    process.execPath,
    ['scripts/docs/errors.mjs', '--check', '--from', 'build/src'],
    { cwd: root, encoding: 'utf8' },
  )

  assert.equal(check.stderr, '')
  assert.equal(check.status, 0)
})

test('every code is a name in capitals without spaces, with a meaning that is a sentence', () => {
  for (const [code, { effect, meaning }] of Object.entries(ERROR_CATALOGUE)) {
    assert.match(code, /^[A-Z][A-Za-z]+$/)
    assert.match(meaning, /^[A-Z].*\.$/, code)
    assert.ok(['retry', 'reject', 'fatal'].includes(effect), code)
  }
})

test('an error has its code, what may be done about it and its cause', () => {
  const cause = new Error('connection reset')

  const error = new ConnectorError('DestinationUnavailable', 'sending a batch', { cause })

  assert.equal(error.effect, 'retry')
  assert.equal(error.cause, cause)
  assert.equal(error.name, 'ConnectorError')
})

test('a foreign error is wrapped once and says during what it occurred', () => {
  const own = new ConnectorError('QueueFull', 'full')
  const foreign = Object.assign(new Error('no space left'), { code: 'ENOSPC' })

  assert.equal(asConnectorError(own, 'Unexpected', 'storing'), own)
  const wrapped = asConnectorError(foreign, 'StorageFailed', 'storing')
  assert.equal(wrapped.message, 'storing: no space left')
  assert.equal(wrapped.cause, foreign)
  assert.equal(systemCodeOf(foreign), 'ENOSPC')
  assert.equal(systemCodeOf('a string'), undefined)
  assert.equal(messageOf('a string'), 'a string')
})

test('errors say which messages may be stored later and which are refused for good', () => {
  const later = ['StorageFailed', 'StorageFull', 'ChannelLimit']
  const never = ['QueueFull', 'MemoryFull', 'ActiveChannelLimit', 'DuplicateMessageId']
  const senders = ['InvalidMessage', 'NotAuthorized', 'MessageTooLarge', 'toString', 'Throttling']

  assert.deepEqual(later.map(isNotNow), [true, true, true])
  assert.ok(![...never, ...senders].some(isNotNow))
})
