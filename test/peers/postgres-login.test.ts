/** PostgreSQL with TLS and a password: the example runs, and what is wrong is named. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ConnectorError } from '../../src/errors.ts'
import { batchOf, makeMessage } from '../support/channels/batch-maker.ts'
import { openedPostgres } from '../support/destinations/postgres-destination.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import {
  type Certificates,
  makeCertificates,
  skipWithoutOpenssl,
} from '../support/processes/certificates.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { type Postgres, skipWithoutPostgres, startPostgres } from '../support/servers/postgres.ts'
import { serverDirectory } from '../support/servers/server-process.ts'
import { until } from '../support/until.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const never = new AbortController().signal

describe('postgres with TLS and a password', {
  skip: skipWithoutPostgres || skipWithoutOpenssl,
}, () => {
  let server: Postgres
  let certificates: Certificates
  const ends: (() => unknown)[] = []

  before(async () => {
    const cleanup = { after: (end: () => unknown) => ends.unshift(end) }
    certificates = makeCertificates(cleanup)
    server = await startPostgres(cleanup, {
      access: [
        'host all postgres 127.0.0.1/32 trust',
        'hostssl all connector 127.0.0.1/32 scram-sha-256',
      ],
      tls: { cert: certificates.path('broker.crt'), key: certificates.path('broker.key') },
    })
    await server.query(`create role connector login password 'p@ss'`)
    await server.query('create database plant owner connector')
  })
  after(async () => {
    for (const end of ends) await end()
  })

  const url = () => `postgres://connector@127.0.0.1:${server.port}/plant`

  test('what is wrong with the login or the certificate is named', async (t) => {
    const ca = certificates.path('ca.crt')
    const password = 'p@ss'
    const wrong: readonly [Readonly<Record<string, unknown>>, string, RegExp][] = [
      [
        { tls: { ca }, password: 'other' },
        'DestinationDenied',
        /password authentication failed.*28P01/,
      ],
      [{ tls: { ca } }, 'DestinationUnavailable', /Set passwordFile/],
      [{ password }, 'DestinationDenied', /pg_hba.conf/],
      [{ tls: {}, password }, 'DestinationUnavailable', /set destinations\[0\]\.postgres\.tls\.ca/],
      [
        { tls: { ca, servername: 'other.test' }, password },
        'DestinationUnavailable',
        /other\.test/,
      ],
    ]
    for (const [given, code, text] of wrong) {
      const destination = await openedPostgres(t, server.port, { url: url(), ...given })
      await assert.rejects(destination.check(never), (error: unknown) => {
        assert.ok(error instanceof ConnectorError)
        assert.match(error.message, text)
        assert.equal(error.code, code)
        return true
      })
    }
  })

  test('every mode of TLS works, and so does a password in the URL', async (t) => {
    const ca = certificates.path('ca.crt')
    const withPassword = `postgres://connector:p%40ss@127.0.0.1:${server.port}/plant`
    for (const tls of [
      { ca },
      { ca, servername: 'broker.test' },
      { ca, mode: 'verify-ca', servername: 'other.test' },
      { mode: 'require' },
    ]) {
      const destination = await openedPostgres(t, server.port, { url: withPassword, tls })
      await destination.check(never)
    }
  })

  test('a password file that is changed is used by the next connection', async (t) => {
    const file = join(serverDirectory(t, 'password'), 'password')
    writeFileSync(file, 'wrong\n')
    const tls = { ca: certificates.path('ca.crt') }
    const given = { url: url(), tls, passwordFile: file, table: 'changed' }
    const destination = await openedPostgres(t, server.port, given)
    const batch = batchOf('line', [makeMessage(0)])

    await assert.rejects(destination.send(batch, never), { code: 'DestinationDenied' })
    writeFileSync(file, 'p@ss\n')

    assert.deepEqual(await destination.send(batch, never), { rejected: [], kept: [] })
  })

  test('examples/postgres.yaml runs: a message becomes a row', async (t) => {
    const directory = serverDirectory(t, 'example')
    const file = join(directory, 'password')
    writeFileSync(file, 'p@ss\n', { mode: 0o600 })
    const settings = {
      host: '127.0.0.1',
      port: server.port,
      create: true,
      passwordFile: file,
      'tls.ca': certificates.path('ca.crt'),
    }
    const sets = Object.entries(settings).flatMap(([option, value]) => [
      '--set',
      `destinations[0].postgres.${option}=${value}`,
    ])
    const example = ['--config', join(root, 'examples', 'postgres.yaml'), '--data', directory]
    const connector = await new ConnectorProcess(t, [...example, ...sets]).started()

    const device = await MqttDevice.connect(t, connector.mqttUrl)
    await device.putMessage('my_channel', '{"temp":23.33}', 'req1')

    const rows = async () =>
      await server.query('select channel, payload from messages', [], 'plant').catch(() => [])
    await until('the row is there', async () => (await rows()).length > 0)
    assert.deepEqual(await rows(), [{ channel: 'my_channel', payload: { temp: 23.33 } }])
  })
})
