/** Posting over TLS: with an authority of one's own, and with a client certificate. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { type TestContext, test } from 'node:test'
import { makeBatch } from '../../../support/channels/batch-maker.ts'
import { errorOf, never } from '../../../support/destinations/destination-under-test.ts'
import { destinationAt } from '../../../support/destinations/http-destination.ts'
import { makeCertificates, skipWithoutOpenssl } from '../../../support/processes/certificates.ts'

const options = { skip: skipWithoutOpenssl }

async function setUp(t: TestContext) {
  const certificates = makeCertificates(t)
  let stored = 0
  const key = readFileSync(certificates.path('broker.key'))
  const cert = readFileSync(certificates.path('broker.crt'))
  const server = createServer({ key, cert }, (request, response) => {
    stored++
    request.resume().on('end', () => response.writeHead(204).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { certificates, url: `https://127.0.0.1:${address.port}/`, count: () => stored }
}

test('a certificate of an authority that the settings name is trusted', options, async (t) => {
  const { certificates, url, count } = await setUp(t)
  const destination = destinationAt(url, { tls: { ca: certificates.path('ca.crt') } })
  await destination.open()
  t.after(() => destination.close())

  await destination.send(makeBatch('c', 2), never)

  assert.equal(count(), 1)
})

test('any other is refused, and the error names the setting', options, async (t) => {
  const { url, count } = await setUp(t)
  const destination = destinationAt(url, { maxAttempts: 1 })
  await destination.open()
  t.after(() => destination.close())

  const error = await errorOf(destination.send(makeBatch('c', 2), never))

  assert.equal(error.code, 'DestinationUnavailable')
  assert.match(error.message, /destinations\[0\]\.http\.tls\.ca/)
  assert.equal(count(), 0)
})
