/** Requests to S3 on the wire, as AWS's own signer signs them, and where they go. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import { SignatureV4 } from '@smithy/signature-v4'
import { systemClock } from '../../../../src/clock.ts'
import { s3Options } from '../../../../src/destinations/s3/options.ts'
import { S3Client } from '../../../../src/destinations/s3/s3-client.ts'
import { NodeSha256 } from '../../../support/destinations/node-sha256.ts'

const idle = new AbortController().signal
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' }

function clientOf(given: Record<string, unknown>): S3Client {
  const options = s3Options.parse({
    bucket: 'my-bucket',
    region: 'eu-west-1',
    credentials,
    ...given,
  })
  return new S3Client({ options, place: 'destinations[0].s3', clock: systemClock, random: () => 0 })
}

async function received(
  t: TestContext,
  call: (client: S3Client) => Promise<unknown>,
): Promise<IncomingMessage> {
  let seen: IncomingMessage | undefined
  const server = createServer((request, response) => {
    seen = request
    request.resume().on('end', () => response.end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const client = clientOf({ endpoint: `http://127.0.0.1:${port}` })
  await client.open()
  t.after(() => client.close())
  await call(client)
  assert.ok(seen)
  return seen
}

async function assertSigned(request: IncomingMessage): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://host')
  const authorization = request.headers.authorization ?? ''
  const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? []
  const time = request.headers['x-amz-date']?.toString() ?? ''
  const date = time.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5')
  const signer = new SignatureV4({
    service: 's3',
    region: 'eu-west-1',
    credentials,
    sha256: NodeSha256,
    uriEscapePath: false,
  })
  const signed = await signer.sign(
    {
      method: request.method ?? '',
      protocol: 'http:',
      hostname: request.headers.host ?? '',
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: Object.fromEntries(names.map((name) => [name, String(request.headers[name])])),
    },
    { signingDate: new Date(date), signableHeaders: new Set(names) },
  )
  const signatureIn = (text: string | undefined) => /Signature=(\w+)/.exec(text ?? '')?.[1]
  assert.equal(signatureIn(authorization), signatureIn(signed.headers['authorization']))
}

test('an object’s request is signed as AWS signs it', async (t) => {
  const key = "raw/a!_.*'()=-/channel=c/dt=2026-11-29/x-0a1b-0.parquet"
  const bytes = Buffer.from('content')
  const request = await received(t, (client) =>
    client.call(
      {
        doing: 'storing',
        method: 'PUT',
        key,
        headers: { 'if-none-match': '*', 'x-amz-meta-log-id': '0a1b' },
        streamed: {
          bytes: bytes.length,
          sha256: createHash('sha256').update(bytes).digest('hex'),
          async *read() {
            yield bytes
          },
        },
      },
      idle,
    ),
  )
  assert.equal(decodeURIComponent(request.url ?? ''), `/my-bucket/${key}`)
  assert.equal(request.headers['content-length'], '7')
  await assertSigned(request)
})

test('a request with a query is signed as AWS signs it', async (t) => {
  const query = { uploads: '', prefix: 'raw/channel=c/a b' }
  const request = await received(t, (client) =>
    client.call({ doing: 'listing', method: 'GET', key: '', query }, idle),
  )
  assert.equal(request.url, '/my-bucket/?prefix=raw%2Fchannel%3Dc%2Fa%20b&uploads=')
  await assertSigned(request)
})

test('the bucket is in the host name at AWS, and in the path elsewhere', () => {
  assert.equal(clientOf({}).origin, 'https://my-bucket.s3.eu-west-1.amazonaws.com')
  assert.equal(
    clientOf({ region: 'cn-north-1' }).origin,
    'https://my-bucket.s3.cn-north-1.amazonaws.com.cn',
  )
  assert.equal(clientOf({ bucket: 'a.b.c' }).origin, 'https://s3.eu-west-1.amazonaws.com')
  assert.equal(clientOf({ pathStyle: true }).origin, 'https://s3.eu-west-1.amazonaws.com')
  assert.equal(
    clientOf({ endpoint: 'https://minio.example:9000' }).origin,
    'https://minio.example:9000',
  )
  const given = { endpoint: 'https://r2.example', pathStyle: false }
  assert.equal(clientOf(given).origin, 'https://my-bucket.r2.example')
})

test('settings that fit no object are refused', () => {
  const refused: readonly Record<string, unknown>[] = [
    { bucket: 'Upper' },
    { bucket: 'a/b' },
    { prefix: '/raw' },
    { prefix: 'raw/' },
    { prefix: 'a//b' },
    { prefix: '../up' },
    { prefix: 'a\nb' },
    { columns: 'auto' },
    { compression: 'snappy' },
    { endpoint: 'https://host/path' },
    { encryption: { type: 'AES256', keyId: 'a' } },
    { compressionLevel: 0 },
  ]
  for (const given of refused) {
    const options = { bucket: 'my-bucket', ...given }
    assert.equal(s3Options.safeParse(options).success, false, JSON.stringify(given))
  }
  const fitting = { bucket: 'my-bucket', format: 'parquet', compression: 'snappy', columns: ['a'] }
  assert.ok(s3Options.safeParse(fitting).success)
})
