import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  hostForUrl,
  isLocalName,
  isLoopback,
  shownUrl,
  withoutSecretsOf,
} from '../../src/addresses.ts'

test('loopback is a name, an IPv6 address, or IPv4, mapped or not', () => {
  for (const host of ['localhost', '::1', '127.0.0.1', '127.9.9.9', '::ffff:127.0.0.1']) {
    assert.equal(isLoopback(host), true, host)
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.example.com', '::ffff:10.0.0.1', '']) {
    assert.equal(isLoopback(host), false, host)
  }
})

test('a Host header is local if it is an address or a name of this machine', () => {
  for (const header of [
    'localhost:8090',
    '127.0.0.1',
    '[::1]:8090',
    '10.0.0.1:80',
    'a.localhost',
  ]) {
    assert.equal(isLocalName(header), true, header)
  }
  for (const header of ['example.com', 'localhost.example.com:80', '']) {
    assert.equal(isLocalName(header), false, header)
  }
})

test('an IPv6 address stands in brackets in a URL', () => {
  assert.deepEqual(['::1', '127.0.0.1'].map(hostForUrl), ['[::1]', '127.0.0.1'])
})

test('a URL is shown without passwords, tokens in its query, and its fragment', () => {
  const masked = [
    ['mqtt://device:a/b?c@d@broker:1883', 'mqtt://device:********@broker:1883'],
    ['https://token@host/path', 'https://********@host/path'],
    ['wss://broker/mqtt?X-Amz-Signature=ab&x=y', 'wss://broker/mqtt?********'],
    ['wss://broker/mqtt#token', 'wss://broker/mqtt#********'],
    ['mqtt://broker:1883', 'mqtt://broker:1883'],
    ['why? because', 'why? because'],
  ]

  for (const [url = '', shown] of masked) assert.equal(shownUrl(url), shown)
})

test('an error that quotes a URL is shown without the URL’s secrets', () => {
  const url = 'wss://broker/mqtt?token=abc'

  const text = withoutSecretsOf(url, `Invalid URL: ${url} (GET /mqtt?token=abc)`)

  assert.doesNotMatch(text, /abc/)
  assert.match(text, /Invalid URL: wss:\/\/broker\/mqtt/)
})
