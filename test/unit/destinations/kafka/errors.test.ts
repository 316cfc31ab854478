/** What each error of the brokers means for messages. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuthenticationError, NetworkError, ResponseError } from '@platformatic/kafka'
import { peerAt } from '../../../../src/connection-errors/peer.ts'
import {
  asKafkaError,
  errorOfCode,
  KafkaError,
  mayBeStored,
  nameOfCode,
  type Reaction,
  reactionTo,
} from '../../../../src/destinations/kafka/protocol/errors.ts'

const peer = peerAt('broker', 'destinations[0].kafka.tls')

const REACTIONS: readonly (readonly [codes: readonly number[], reactions: readonly Reaction[]])[] =
  [
    [
      [2, 3, 5, 6, 7, 13, 14, 15, 16, 19, 20, 51, 56, 89],
      ['retry', 'stale'],
    ],
    [[29, 30, 31, 53, 58], ['denied']],
    [[10, 18, 87], ['content']],
    [[45, 47, 59, 90], ['producer']],
  ]

test('each code is retried, held, divided, or needs another producer', () => {
  for (const [codes, reactions] of REACTIONS) {
    for (const code of codes) {
      assert.ok(reactions.includes(reactionTo(code)), `${code}: ${reactionTo(code)}`)
      assert.match(nameOfCode(code), /^[A-Z_]+$/)
    }
  }
})

test('no code that the table does not know rejects a message', () => {
  for (let code = -1; code < 200; code++) {
    const { effect } = errorOfCode(code, 'writing')
    assert.equal(effect, 'retry', String(code))
  }
  assert.equal(reactionTo(199), 'retry')
  assert.equal(nameOfCode(199), 'error 199')
})

test('only some errors leave open whether the records are stored', () => {
  assert.ok([7, 13, 20].every(mayBeStored))
  assert.ok(![3, 5, 6, 10, 19, 29, 45, 87].some(mayBeStored))
})

test('an answer with an error is reported by its code, with what helps', () => {
  const answer = new ResponseError(0, 11, { '/': [29, 'no'] }, {})

  const error = asKafkaError(answer, 'writing to topic t', peer)

  assert.equal(error.code, 'DestinationDenied')
  assert.match(error.message, /writing to topic t: TOPIC_AUTHORIZATION_FAILED \(no\)\. .*Write/)
})

test('a login that fails is held', () => {
  const cause = new AuthenticationError('SASL authentication failed.')
  const thrown = new NetworkError('Connection to b:1 failed.', { cause })

  const error = asKafkaError(thrown, 'connecting to b:1', peer)

  assert.equal(error.code, 'DestinationDenied')
  assert.match(error.message, /sasl\.username/)
})

test('errors of the network and of TLS name the cause and the setting', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), {
    code: 'ECONNREFUSED',
  })
  const thrown = new NetworkError('Connection to 127.0.0.1:1 failed.', { cause: refused })
  assert.match(
    asKafkaError(thrown, 'connecting', peer).message,
    /^connecting: connect ECONNREFUSED 127\.0\.0\.1:1$/,
  )
  const selfSigned = Object.assign(new Error('self-signed certificate'), {
    code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  })
  const untrusted = new NetworkError('Connection failed.', { cause: selfSigned })
  const error = asKafkaError(untrusted, 'connecting', peer)
  assert.ok(error instanceof KafkaError)
  assert.equal(error.code, 'DestinationUnavailable')
  assert.match(error.message, /set destinations\[0\]\.kafka\.tls\.ca/)
})
