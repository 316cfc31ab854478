import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dayOf, objectKey } from '../../../../src/destinations/s3/object-key.ts'
import {
  childrenOf,
  childText,
  escapedXml,
  parseXml,
  type XmlElement,
} from '../../../../src/destinations/s3/xml.ts'

const place = {
  prefix: 'raw/site_1',
  connectorId: 'gateway-1',
  channel: 'temperature',
  logId: '0a1b2c3d',
  day: dayOf(Date.UTC(2026, 10, 29, 23, 59, 59, 999)),
  from: 0,
  to: 1_000,
  ending: 'jsonl.gz',
}

test('the name of an object has the channel, the day, the log and the first and last offset', () => {
  assert.equal(
    objectKey(place),
    'raw/site_1/channel=temperature/dt=2026-11-29/gateway-1-0a1b2c3d-00000000000000000000-00000000000000000999.jsonl.gz',
  )
  assert.ok(objectKey({ ...place, prefix: '' }).startsWith('channel=temperature/dt='))
})

test('a day begins at midnight UTC', () => {
  assert.equal(dayOf(Date.UTC(2026, 10, 30)), place.day + 1)
  assert.equal(dayOf(Date.UTC(2026, 10, 29)), place.day)
})

test('messages that arrived before the clock was set are on the day 1970-01-01', () => {
  for (const time of [0, 86_400_000 * 3, Date.UTC(2019, 11, 31, 23, 59, 59), -1]) {
    assert.match(objectKey({ ...place, day: dayOf(time) }), /\/dt=1970-01-01\//)
  }
  assert.match(objectKey({ ...place, day: dayOf(Date.UTC(2020, 0, 1)) }), /\/dt=2020-01-01\//)
})

test('names sort in the order of offsets', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      const [keyA, keyB] = [a, b].map((from) => objectKey({ ...place, from, to: from + 1 }))
      assert.equal(Math.sign(a - b), keyA! < keyB! ? -1 : keyA === keyB ? 0 : 1)
    }),
  )
})

test('an error of S3 is read', () => {
  const error = parseXml(
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- x --><Error><Code>NoSuchBucket</Code><Message>The bucket &lt;a&gt; &amp; &#98; &#x63;</Message><Detail/></Error>\n',
  )
  assert.equal(error?.name, 'Error')
  assert.equal(childText(error, 'Code'), 'NoSuchBucket')
  assert.equal(childText(error, 'Message'), 'The bucket <a> & b c')
  assert.equal(childText(error, 'Detail'), '')
  assert.equal(childText(error, 'Region'), undefined)
})

test('a list is read, with the namespace that S3 writes', () => {
  const list = parseXml(
    '<ListResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Upload><Key>a</Key></Upload><Upload><Key>b</Key></Upload></ListResult>',
  )
  assert.deepEqual(
    childrenOf(list, 'Upload').map((upload) => childText(upload, 'Key')),
    ['a', 'b'],
  )
})

test('what is not plain XML is not read', () => {
  for (const text of [
    '',
    'no xml',
    '<a>',
    '<a></b>',
    '<a></a><b></b>',
    '</a>',
    '<a>&unknown;</a>',
    '<a>&amp</a>',
    '<a>& b</a>',
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    '<a><![CDATA[x]]></a>',
    `${'<a>'.repeat(17)}${'</a>'.repeat(17)}`,
    '<a>&#0;</a>',
    '<a>&#x110000;</a>',
    '<html><br></html>',
  ]) {
    assert.equal(parseXml(text), undefined, text)
  }
})

test('text of any content comes back as it was written', () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9]{0,8}$/)
  const text = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(name, fc.array(fc.tuple(name, text), { maxLength: 5 }), (root, members) => {
      const xml = members.map(([name, text]) => `<${name}>${escapedXml(text)}</${name}>`).join('')
      const parsed = parseXml(`<${root}>${xml}</${root}>`)
      const expected: XmlElement = {
        name: root,
        text: '',
        children: members.map(([name, text]) => ({ name, text, children: [] })),
      }
      assert.deepEqual(parsed, expected)
    }),
  )
})

test('no text makes the reader fail or take long', () => {
  const piece = fc.constantFrom('<', '>', '/', 'a', '&', ';', '"', '=', ' ', '<!--', '-->', '<?')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      parseXml(pieces.join(''))
    }),
  )
  const begun = performance.now()
  for (const text of ['<!--'.repeat(100_000), '<a '.repeat(100_000), '<a>&'.repeat(100_000)]) {
    assert.equal(parseXml(text), undefined)
  }
  assert.ok(performance.now() - begun < 1_000)
})
