/** What PostgreSQL's errors mean for a batch. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { peerAt } from '../../../../src/connection-errors/peer.ts'
import { failureOf, meaningOf } from '../../../../src/destinations/postgres/failure.ts'
import { ConnectorError, type ErrorCode } from '../../../../src/errors.ts'

const peer = peerAt('server', 'destinations[0].postgres.tls')

const STATES: Readonly<Record<string, ErrorCode>> = {
  // Connections, resources, an operator's intervention.
  '08000': 'DestinationUnavailable',
  '08006': 'DestinationUnavailable',
  '53000': 'DestinationUnavailable',
  '53100': 'DestinationUnavailable',
  '53200': 'DestinationUnavailable',
  '53300': 'DestinationUnavailable',
  '57P01': 'DestinationUnavailable',
  '57P02': 'DestinationUnavailable',
  '57P03': 'DestinationUnavailable',
  '57014': 'DestinationUnavailable',
  '40001': 'DestinationUnavailable',
  '40P01': 'DestinationUnavailable',
  '55P03': 'DestinationUnavailable',
  '25006': 'DestinationUnavailable',
  // Not known to the table: another version, an extension, a user's trigger.
  P0001: 'DestinationUnavailable',
  XX000: 'DestinationUnavailable',
  '42601': 'DestinationUnavailable',
  '54001': 'DestinationUnavailable',
  '54011': 'DestinationUnavailable',
  '54023': 'DestinationUnavailable',
  // Somebody has to change something.
  '28000': 'DestinationDenied',
  '28P01': 'DestinationDenied',
  '42501': 'DestinationDenied',
  '42P01': 'DestinationMissing',
  '42703': 'DestinationMissing',
  '42804': 'DestinationMissing',
  '42P10': 'DestinationMissing',
  '3D000': 'DestinationMissing',
  '3F000': 'DestinationMissing',
  // A message.
  '22001': 'ContentRefused',
  '22021': 'ContentRefused',
  '22P02': 'ContentRefused',
  '22P05': 'ContentRefused',
  '23502': 'ContentRefused',
  '23505': 'ContentRefused',
  '23514': 'ContentRefused',
  '54000': 'ContentRefused',
}

describe('errors of PostgreSQL', () => {
  for (const [state, code] of Object.entries(STATES)) {
    test(`${state} is ${code}`, () => {
      assert.equal(meaningOf(state).code, code)
    })
  }

  test('the text has what was tried, the server’s words, the code, and what to do', () => {
    const said = Object.assign(new Error('no such table'), { severity: 'ERROR', code: '42P01' })

    const failure = failureOf(said, 'storing 3 messages', peer)

    assert.equal(failure.code, 'DestinationMissing')
    assert.equal(
      failure.message,
      'storing 3 messages: no such table (SQLSTATE 42P01); create the table, or set create: true',
    )
  })

  test('codes of the network are not taken for the server’s', () => {
    const reset = Object.assign(new Error('broken'), { code: 'EPIPE' })

    assert.equal(failureOf(reset, 'storing', peer).code, 'DestinationUnavailable')
  })

  test('a server without TLS, and a login that needs a password, are said in words', () => {
    const noTls = failureOf(new Error('The server does not support SSL connections'), 'x', peer)
    const noPassword = failureOf(
      new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'),
      'x',
      peer,
    )

    assert.match(noTls.message, /Remove tls/)
    assert.match(noPassword.message, /Set passwordFile/)
  })

  test('an error of the connector passes unchanged', () => {
    const own = new ConnectorError('Stopping', 'closed')

    assert.equal(failureOf(own, 'storing', peer), own)
  })
})
