/** The destination over TLS: it trusts the authorities that Node trusts, and no others. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import {
  drips,
  OK,
  ScriptedPeer,
  writes,
  writesAndEnds,
} from '../../../support/destinations/scripted-peer.ts'
import {
  type Certificates,
  makeCertificates,
  skipWithoutOpenssl,
} from '../../../support/processes/certificates.ts'

const run = promisify(execFile)
const SENDER = join(
  import.meta.dirname,
  '..',
  '..',
  '..',
  'support',
  'destinations',
  'batch-sender.js',
)
const ACCEPTED = { rejected: [], kept: [] }
const options = { skip: skipWithoutOpenssl }

async function setUp(t: TestContext) {
  const certificates = makeCertificates(t)
  const names: string[] = []
  const peer = await ScriptedPeer.start(t, {
    tls: {
      key: readFileSync(certificates.path('broker.key')),
      cert: readFileSync(certificates.path('broker.crt')),
      ALPNProtocols: ['h2', 'http/1.1'],
      SNICallback(name, done) {
        names.push(name)
        done(null)
      },
    },
  })
  return { certificates, peer, names }
}

/** What becomes of batches sent by a process of its own, which trusts our authority or does not. */
async function outcomesOf(url: string, count: number, trusted?: Certificates): Promise<unknown> {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
  const trust = trusted === undefined ? {} : { NODE_EXTRA_CA_CERTS: trusted.path('ca.crt') }
  const parameters = [SENDER, url, String(count)]
  const { stdout } = await run(process.execPath, parameters, { env: { ...env, ...trust } })
  return JSON.parse(stdout)
}

test(
  'with a trusted certificate batches arrive over one connection, in HTTP/1.1',
  options,
  async (t) => {
    const { certificates, peer, names } = await setUp(t)
    peer.next(drips(OK))

    const outcomes = await outcomesOf(peer.origin, 3, certificates)

    assert.deepEqual(outcomes, [ACCEPTED, ACCEPTED, ACCEPTED])
    assert.equal(peer.requests.length, 3)
    assert.deepEqual(
      peer.sockets.map((socket) => (socket as TLSSocket).alpnProtocol),
      ['http/1.1'],
    )
    // RFC 6066, 3: an IP address is not a server name.
    assert.deepEqual(names, [])
  },
)

test('an untrusted authority is refused before anything is sent', options, async (t) => {
  const { peer } = await setUp(t)

  const outcomes = await outcomesOf(peer.origin, 1)

  assert.match(String(outcomes), /unable to verify the first certificate/)
  assert.equal(peer.requests.length, 0)
})

test('a certificate for another name is refused before anything is sent', options, async (t) => {
  const { certificates, peer, names } = await setUp(t)

  const outcomes = await outcomesOf(`https://localhost:${peer.port}`, 1, certificates)

  assert.match(String(outcomes), /does not match certificate's altnames/)
  assert.equal(peer.requests.length, 0)
  assert.deepEqual(names, ['localhost'])
})

test('a second connection resumes the TLS session of the first', options, async (t) => {
  const { certificates, peer } = await setUp(t)
  const reused: boolean[] = []
  const closing = `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}`
  for (let call = 0; call < 3; call++) {
    peer.next((socket) => {
      reused.push((socket as TLSSocket).isSessionReused())
      writes(closing)(socket)
    })
  }

  const outcomes = await outcomesOf(peer.origin, 3, certificates)

  assert.deepEqual(outcomes, [ACCEPTED, ACCEPTED, ACCEPTED])
  assert.deepEqual(reused, [false, true, true])
})

test('a peer that closes within its answer causes an error', options, async (t) => {
  const { certificates, peer } = await setUp(t)
  peer.next(writesAndEnds('HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{}'))

  const outcomes = await outcomesOf(peer.origin, 2, certificates)

  assert.ok(Array.isArray(outcomes))
  assert.match(String(outcomes[0]), /the connection was closed before the answer was complete/)
  assert.deepEqual(outcomes[1], ACCEPTED)
})
