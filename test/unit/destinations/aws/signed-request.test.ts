/** Requests of any method have the signature that AWS's own signer gives them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SignatureV4 } from '@smithy/signature-v4'
import { percentEncoded } from '../../../../src/destinations/aws/signature.ts'
import {
  type RequestParts,
  SignedRequests,
} from '../../../../src/destinations/aws/signed-request.ts'
import { NodeSha256 } from '../../../support/destinations/node-sha256.ts'

const IDENTITY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' }
const AT = Date.parse('2026-03-01T12:00:00Z')
const ATTEMPT = { identity: IDENTITY, atMs: AT, invocationId: 'one', progress: 'attempt=1; max=3' }
const HOST = 'bucket.s3.eu-central-1.amazonaws.com'

function written(parts: RequestParts): { head: string; body: string } {
  const requests = new SignedRequests('s3', 'eu-central-1', HOST)
  const text = requests.write(parts, ATTEMPT).bytes.toString('latin1')
  const [head = '', body = ''] = text.split('\r\n\r\n')
  return { head, body }
}

function fieldsOf(head: string): Record<string, string> {
  const lines = head.split('\r\n').slice(1)
  return Object.fromEntries(
    lines.map((line) => [line.split(': ', 1)[0] ?? '', line.slice(line.indexOf(': ') + 2)]),
  )
}

const PATH = `/${['lake', 'channel=press 1', 'dt=2026-03-01', 'a+b(1)!.gz'].map(percentEncoded).join('/')}`

for (const parts of [
  { method: 'PUT', path: PATH, headers: { 'if-none-match': '*' }, body: Buffer.from('rows') },
  { method: 'HEAD', path: PATH },
  { method: 'POST', path: PATH, query: 'uploads=' },
  { method: 'GET', path: '/', query: 'list-type=2&prefix=lake%2F' },
  {
    method: 'POST',
    path: '/',
    headers: { 'x-amz-target': 'Kinesis_20131202.PutRecords' },
    body: Buffer.from('{}'),
  },
] satisfies RequestParts[]) {
  test(`${parts.method} ${'query' in parts ? parts.query : ''} is signed as AWS signs it`, async () => {
    const { head, body } = written(parts)
    const { authorization, ...fields } = fieldsOf(head)
    const query = Object.fromEntries(new URLSearchParams('query' in parts ? parts.query : ''))
    const signer = new SignatureV4({
      service: 's3',
      region: 'eu-central-1',
      credentials: IDENTITY,
      sha256: NodeSha256,
      uriEscapePath: false,
    })
    const { connection: _connection, 'content-length': _length, ...signed } = fields
    const expected = await signer.sign(
      {
        method: parts.method,
        protocol: 'https:',
        hostname: HOST,
        path: parts.path,
        query,
        headers: signed,
        body,
      },
      { signingDate: new Date(AT) },
    )

    assert.equal(authorization, expected.headers['authorization'])
    assert.equal(fields['content-length'], String(body.length))
  })
}

test('a service that signs the path encoded once more gets that signature', async () => {
  const host = 'iot.eu-central-1.amazonaws.com'
  const path = '/things/press%3A1'
  const requests = new SignedRequests('iot', 'eu-central-1', host)
  const parts = { method: 'GET', path, signedPath: '/things/press%253A1' } as const
  const [head = ''] = requests.write(parts, ATTEMPT).bytes.toString('latin1').split('\r\n\r\n')
  const { authorization, connection, 'content-length': length, ...headers } = fieldsOf(head)
  const credentials = IDENTITY
  const signer = new SignatureV4({
    ...{ service: 'iot', region: 'eu-central-1' },
    credentials,
    sha256: NodeSha256,
  })
  const request = { method: 'GET', protocol: 'https:', hostname: host, path, headers }

  const expected = await signer.sign(request, { signingDate: new Date(AT) })

  assert.equal(authorization, expected.headers['authorization'])
  assert.match(head, /^GET \/things\/press%3A1 HTTP/)
  assert.deepEqual([connection, length], ['keep-alive', '0'])
})

test('a body that is too large for memory follows its head, with its own hash', () => {
  async function* pieces() {
    yield Buffer.from('piece')
  }
  const requests = new SignedRequests('s3', 'eu-central-1', HOST)
  const streamed = { bytes: 5, sha256: 'ab'.repeat(32), read: pieces }

  const { bytes, rest } = requests.write({ method: 'PUT', path: '/key', streamed }, ATTEMPT)

  const head = bytes.toString('latin1')
  assert.match(head, /^x-amz-content-sha256: (ab){32}\r$/m)
  assert.match(head, /content-length: 5\r\n\r\n$/)
  assert.notEqual(rest, undefined)
})

test('requests without an identity have no signature', () => {
  const requests = new SignedRequests('s3', 'eu-central-1', HOST)
  const attempt = { ...ATTEMPT, identity: undefined }

  const text = requests.write({ method: 'GET', path: '/' }, attempt).bytes.toString('latin1')

  assert.doesNotMatch(text, /authorization|x-amz-date/)
})
