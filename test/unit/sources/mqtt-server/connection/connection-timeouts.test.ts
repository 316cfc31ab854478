/** When a connection has exceeded one of its time limits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionTimeouts } from '../../../../../src/sources/mqtt-server/connection/connection-timeouts.ts'

const CONNECT_MS = 5_000
const KEEP_ALIVE_MS = 10_000
/** One and a half times the interval, and how late a sweep may be. */
const SILENT_MS = 1.5 * KEEP_ALIVE_MS + 1_000

function admitted(keepAliveMs = KEEP_ALIVE_MS): ConnectionTimeouts {
  const timeouts = new ConnectionTimeouts(0, CONNECT_MS)
  timeouts.admitted(0, keepAliveMs)
  return timeouts
}

test('a connection has a limited time for CONNECT, and bytes that arrive do not prolong it', () => {
  const timeouts = new ConnectionTimeouts(0, CONNECT_MS)

  timeouts.heard(CONNECT_MS - 1)

  assert.equal(timeouts.verdict(CONNECT_MS, true), 'fine')
  assert.equal(timeouts.verdict(CONNECT_MS + 1, true), 'no CONNECT')
})

test('the time for CONNECT also passes while the socket is not read', () => {
  const timeouts = new ConnectionTimeouts(0, CONNECT_MS)

  assert.equal(timeouts.verdict(CONNECT_MS + 1, false), 'no CONNECT')
})

test('a client is silent after one and a half keep-alive intervals, counted from its last bytes', () => {
  const timeouts = admitted()

  timeouts.heard(4_000)

  assert.equal(timeouts.verdict(4_000 + SILENT_MS, true), 'fine')
  assert.equal(timeouts.verdict(4_000 + SILENT_MS + 1, true), 'silent')
})

test('a client that the server does not read is not silent', () => {
  const timeouts = admitted()

  assert.equal(timeouts.verdict(10 * SILENT_MS, false), 'fine')
})

test('with a keep-alive of 0 a client may be silent indefinitely', () => {
  const timeouts = admitted(0)

  assert.equal(timeouts.verdict(Number.MAX_SAFE_INTEGER, true), 'fine')
})

test('a client that reads nothing for 30 s is stalled, also if it keeps sending', () => {
  const timeouts = admitted()

  timeouts.unread(1_000, true, 0)
  timeouts.unread(20_000, true, 0)
  timeouts.heard(31_000)

  assert.equal(timeouts.verdict(31_000, true), 'fine')
  assert.equal(timeouts.verdict(31_001, true), 'stalled')
})

test('a client that has read what waited for it is not stalled any more', () => {
  const timeouts = admitted(0)
  timeouts.unread(0, true, 0)

  timeouts.unread(29_000, false, 1)

  assert.equal(timeouts.verdict(60_000, true), 'fine')
})

test('a client that reads slowly but steadily is not stalled, however much waits for it', () => {
  const timeouts = admitted(0)

  for (let second = 0; second < 600; second++) {
    timeouts.unread(second * 1_000, true, Math.floor(second / 25))
    assert.equal(timeouts.verdict(second * 1_000, true), 'fine')
  }
})

test('a connection that has ended has 2 s to go, and no other limit', () => {
  const timeouts = admitted()
  timeouts.unread(0, true, 0)

  timeouts.ended(40_000)

  assert.equal(timeouts.verdict(42_000, true), 'fine')
  assert.equal(timeouts.verdict(42_001, true), 'not gone')
})
