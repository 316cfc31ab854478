/** The header of the PROXY protocol: what it says, and what is no header. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readProxyHeader } from '../../../../../src/sources/mqtt-server/listeners/proxy-header.ts'

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

/** A header of version 2. */
function binary(command: number, family: number, body: Buffer, length = body.length): Buffer {
  const fixed = Buffer.from([command, family, length >> 8, length & 0xff])
  return Buffer.concat([SIGNATURE, fixed, body])
}

function faultOf(bytes: Buffer | string): string | undefined {
  const header = readProxyHeader(Buffer.from(bytes as string, 'latin1'))
  return typeof header === 'object' && 'fault' in header ? header.fault : undefined
}

const FOUR = Buffer.from('cb0071070a000001c35022b3', 'hex')

test('a line of version 1 names the client, and what follows it is not touched', () => {
  for (const [line, client] of [
    ['TCP4 203.0.113.7 10.0.0.1 50000 8883', { address: '203.0.113.7', port: 50_000 }],
    ['TCP6 2001:db8::7 ::1 1 65535', { address: '2001:db8::7', port: 1 }],
    ['UNKNOWN', undefined],
    ['UNKNOWN ffff:f...f:ffff 65535 65535', undefined],
  ] as const) {
    const header = `PROXY ${line}\r\n`

    assert.deepEqual(readProxyHeader(Buffer.from(`${header}\x10rest`)), {
      length: header.length,
      client,
    })
  }
})

test('a header of version 2 names the client; extensions are passed over', () => {
  const six = Buffer.from(`20010db8${'0'.repeat(22)}07${'0'.repeat(32)}c35022b3`, 'hex')
  const extended = Buffer.concat([FOUR, Buffer.from('04000100', 'hex')])

  assert.deepEqual(readProxyHeader(binary(0x21, 0x11, extended)), {
    length: 16 + extended.length,
    client: { address: '203.0.113.7', port: 50_000 },
  })
  assert.deepEqual(readProxyHeader(binary(0x21, 0x21, six)), {
    length: 52,
    client: { address: '2001:db8:0:0:0:0:0:7', port: 50_000 },
  })
  for (const own of [binary(0x20, 0x11, FOUR), binary(0x21, 0x00, Buffer.alloc(0))]) {
    assert.deepEqual(readProxyHeader(own), { length: own.length, client: undefined })
  }
})

test('what is no header, is too long or has no valid address is refused as soon as that is known', () => {
  for (const bytes of [
    '\x10',
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 203.0.113.7 10.0.0.1 50000\r\n',
    'PROXY TCP4 203.0.113.256 10.0.0.1 50000 1\r\n',
    'PROXY TCP4 ::1 10.0.0.1 50000 1\r\n',
    'PROXY TCP6 203.0.113.7 10.0.0.1 50000 1\r\n',
    'PROXY TCP4 203.0.113.7 10.0.0.1 65536 1\r\n',
    'PROXY TCP4 203.0.113.7 10.0.0.1 050 1\r\n',
    'PROXY TCP4 203.0.113.7  10.0.0.1 50 1\r\n',
    `PROXY UNKNOWN ${'x'.repeat(100)}`,
    binary(0x11, 0x11, FOUR),
    binary(0x22, 0x11, FOUR),
    binary(0x21, 0x31, Buffer.alloc(216)),
    binary(0x21, 0x12, FOUR),
    binary(0x21, 0x11, FOUR.subarray(1)),
    binary(0x21, 0x21, FOUR),
    binary(0x21, 0x11, FOUR, 521),
  ]) {
    assert.match(
      faultOf(bytes) ?? '',
      /^expected /,
      Buffer.from(bytes as string).toString('latin1'),
    )
  }
})

test('no beginning of a header is refused, and never more than its bytes are asked for', () => {
  const headers = [
    Buffer.from('PROXY TCP4 203.0.113.7 10.0.0.1 50000 8883\r\n'),
    binary(0x21, 0x11, FOUR),
    binary(0x20, 0x00, Buffer.alloc(520)),
  ]
  for (const header of headers) {
    for (let length = 0; length < header.length; length++) {
      assert.equal(readProxyHeader(header.subarray(0, length)), 'incomplete')
    }
    assert.ok(typeof readProxyHeader(header) === 'object')
  }
  const anyBytes = fc.uint8Array({ minLength: 536, maxLength: 600 })
  fc.assert(
    fc.property(
      fc.constantFrom('', 'PROXY ', SIGNATURE.toString('latin1')),
      anyBytes,
      (start, tail) => {
        const bytes = Buffer.concat([Buffer.from(start, 'latin1'), tail])
        assert.notEqual(readProxyHeader(bytes), 'incomplete')
      },
    ),
  )
})
