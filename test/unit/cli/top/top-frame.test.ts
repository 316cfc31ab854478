import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstData, type TopData, withEvent } from '../../../../src/cli/commands/top/live-data.ts'
import { topFrame } from '../../../../src/cli/commands/top/top-frame.ts'
import { afterKey, FIRST_STATE, type TopState } from '../../../../src/cli/commands/top/top-state.ts'
import { PLAIN, styleFor } from '../../../../src/cli/terminal/style.ts'
import { widthOf } from '../../../../src/cli/terminal/text-width.ts'
import {
  channelRowOf,
  NOW,
  overviewOf,
  troubledOverview,
} from '../../../support/http/fake-operator.ts'

const LOOK = { style: PLAIN, zone: 'utc', columns: 80 } as const
const SIZE = { rows: 24, columns: 80 }
const DATA = firstData(troubledOverview())

function frame(state: TopState = FIRST_STATE, data: TopData = DATA, size = SIZE): string[] {
  return topFrame(state, data, undefined, size, { ...LOOK, columns: size.columns })
}

test('a frame has the verdict, the figures, a table with the chosen row, and the keys', () => {
  assert.deepEqual(frame(), [
    'gateway-7  0.1.0, up 3 d 4 h',
    'ATTENTION  aws away for 2 h 10 min. Nothing is lost. 41 h left until',
    '  storage.maxBytes.',
    '  aws doesn’t take messages of 1 channel: connection refused.',
    '',
    'in            1,204/s   stored 1,204/s   delivered 0/s',
    'waiting       9.4 M, the oldest for 2 h 10 min; gone in about 6 min',
    'outage left   41 h until storage.maxBytes (line_1)',
    'lost          none in the last hour, 312 in all, most of them QueueFull',
    'dead letters  3',
    'disk          [####------] 1.9 of 4 GB, 1.1 GB of it history; 20 GB free',
    'memory        [#---------] 96 of 512 MB; process 210 MB',
    '',
    '[Channels 33]  Destinations 1   Clients 0   sorted by name',
    '  CHANNEL       IN  OUT  WAITING      OLDEST  OUTAGE LEFT  LOST',
    '> alarms       4/s  4/s        0           -            -     0',
    '  line_1   1,100/s  0/s    9.4 M  2 h 10 min         41 h   312',
    '',
    '',
    '',
    '',
    '',
    '',
    'Tab page   s sort   r sort again   / filter   Enter tail   p pause   q quit',
  ])
})

test('a frame fits whatever the size of the terminal', () => {
  const channels = Array.from({ length: 200 }, (_, index) => channelRowOf(`channel_${index}`))
  const data = firstData(overviewOf({ channels, channelCount: 200 }))

  for (const rows of [1, 2, 5, 10, 24, 60]) {
    for (const columns of [10, 40, 80, 200]) {
      const lines = frame(FIRST_STATE, data, { rows, columns })
      assert.equal(lines.length, rows)
    }
  }
})

test('the page with the chosen row is shown', () => {
  const channels = Array.from({ length: 50 }, (_, index) =>
    channelRowOf(`c${String(index).padStart(2, '0')}`),
  )
  const data = firstData(overviewOf({ channels, channelCount: 50 }))

  const first = frame(FIRST_STATE, data)
  const last = frame(afterKey(FIRST_STATE, 'end', '', data), data)

  assert.ok(first.some((line) => line.startsWith('> c00')))
  assert.ok(last.some((line) => line.startsWith('> c49')))
  assert.ok(!last.some((line) => line.includes('c00')))
})

test('a connector that does not answer is named with the time of its last answer', () => {
  const away = { since: Date.parse(NOW), reason: 'ECONNREFUSED' }
  const style = styleFor({ isTTY: true }, {})
  const [banner = '', next = ''] = topFrame(FIRST_STATE, DATA, away, SIZE, { ...LOOK, style })

  assert.match(banner, /No answer from gateway-7 since 09:31:07, trying again: ECONNREFUSED/)
  assert.ok(next.includes('[2m'), 'what was shown before is dim')
})

test('the messages of a channel are shown with how many were skipped, safely', () => {
  const tail = {
    channel: 'line_1',
    from: 0,
    next: 1082,
    skipped: 1080,
    messages: [
      {
        offset: 0,
        receivedAt: NOW,
        topic: 'a/b',
        messageId: 'm',
        payload: '{"a":"\u001B[2J\u202E"}',
      },
      { offset: 1081, receivedAt: NOW, topic: 'a/b', messageId: 'm', payloadBase64: 'AP8=' },
    ],
  }
  const data = withEvent(DATA, { name: 'tail', data: JSON.stringify(tail) })
  const lines = frame({ ...FIRST_STATE, tailed: 'line_1' }, data)

  assert.ok(lines.includes('line_1  1,080 skipped'))
  assert.ok(lines.includes('09:31:07.000  a/b  {"a":"\\u001b[2J\\u202e"}'))
  assert.ok(lines.includes('09:31:07.000  a/b  base64:AP8='))
})

test('an event that is not understood changes nothing', () => {
  for (const event of [
    { name: 'overview', data: '{"verdict":1}' },
    { name: 'channels', data: 'no JSON' },
    { name: 'unheard', data: '{}' },
  ]) {
    assert.equal(withEvent(DATA, event), DATA)
  }
})

test('an empty page says what would fill it', () => {
  const data = firstData(overviewOf())

  assert.ok(frame(FIRST_STATE, data).some((line) => line.includes('the first message creates one')))
  assert.ok(
    frame({ ...FIRST_STATE, filter: 'x' }, data).some((line) =>
      line.includes('Nothing matches /x'),
    ),
  )
})

test('no line is wider than the terminal where its columns have room', () => {
  for (const line of frame(FIRST_STATE, DATA, { rows: 30, columns: 70 }).slice(12, -1)) {
    assert.ok(widthOf(line) <= 70, line)
  }
})
