import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstData, type TopData } from '../../../../src/cli/commands/top/live-data.ts'
import {
  afterKey,
  FIRST_STATE,
  selectedIn,
  type TopState,
  visibleNames,
} from '../../../../src/cli/commands/top/top-state.ts'
import { channelRowOf, destinationOf, overviewOf } from '../../../support/http/fake-operator.ts'

function dataOf(rates: Readonly<Record<string, number>>): TopData {
  const channels = Object.entries(rates).map(([name, rate]) => channelRowOf(name, { in: rate }))
  return {
    ...firstData(overviewOf({ channels, channelCount: channels.length })),
    destinations: [destinationOf('aws'), destinationOf('archive')],
  }
}

const DATA = dataOf({ pumps: 5, alarms: 100, line: 20 })

function typed(keys: readonly string[], data: TopData = DATA, state = FIRST_STATE): TopState {
  return keys.reduce((before, key) => afterKey(before, key, key, data), state)
}

test('rows are in the order of their names until s sorts them by the next figure', () => {
  assert.deepEqual(visibleNames(FIRST_STATE, DATA), ['alarms', 'line', 'pumps'])
  const byRate = typed(['s'])

  assert.equal(byRate.sort.channels, 'in')
  assert.deepEqual(visibleNames(byRate, DATA), ['alarms', 'line', 'pumps'])
})

test('rows keep their places when figures change, new ones come last, r sorts again', () => {
  const byRate = typed(['s'])
  const later = dataOf({ pumps: 900, alarms: 1, line: 20, boilers: 2000 })

  assert.deepEqual(visibleNames(byRate, later), ['alarms', 'line', 'pumps', 'boilers'])
  assert.deepEqual(visibleNames(typed(['r'], later, byRate), later), [
    'boilers',
    'pumps',
    'line',
    'alarms',
  ])
})

test('s comes back to the names after the last figure', () => {
  const state = typed(['s', 's', 's', 's', 's'])

  assert.equal(state.sort.channels, 'name')
})

test('/ filters by a part of the name while it is typed, Esc shows all', () => {
  const typing = typed(['/', 'L', 'a'])

  assert.deepEqual(visibleNames(typing, DATA), ['alarms'])
  const kept = typed(['backspace', 'i', 'return'], DATA, typing)
  assert.deepEqual([kept.filter, kept.isTyping], ['Li', false])
  assert.deepEqual(visibleNames(typed(['escape'], DATA, kept), DATA).length, 3)
})

test('q in a filter is a letter', () => {
  assert.deepEqual(typed(['/', 'q']).filter, 'q')
  assert.equal(typed(['/', 'q']).hasEnded, false)
  assert.equal(typed(['q']).hasEnded, true)
})

test('the arrows choose a row and stay within the table', () => {
  assert.equal(selectedIn(FIRST_STATE, DATA), 'alarms')
  assert.equal(selectedIn(typed(['down']), DATA), 'line')
  assert.equal(selectedIn(typed(['down', 'down', 'down', 'down']), DATA), 'pumps')
  assert.equal(selectedIn(typed(['end', 'up']), DATA), 'line')
  assert.equal(selectedIn(typed(['end', 'home', 'up']), DATA), 'alarms')
})

test('a chosen row that has gone leaves the first one chosen', () => {
  const state = typed(['end'])

  assert.equal(selectedIn(state, dataOf({ alarms: 1 })), 'alarms')
  assert.equal(selectedIn(state, dataOf({})), undefined)
  assert.equal(typed(['down', 'return'], dataOf({})).tailed, undefined)
})

test('Tab goes round the pages, and Enter shows the messages of a channel until Esc', () => {
  assert.equal(typed(['tab']).page, 'destinations')
  assert.equal(typed(['tab', 'tab', 'tab']).page, 'channels')
  assert.equal(typed(['shift-tab']).page, 'clients')
  const tailing = typed(['down', 'return'])
  assert.equal(tailing.tailed, 'line')
  assert.equal(typed(['tab', 's'], DATA, tailing).page, 'channels')
  assert.equal(typed(['escape'], DATA, tailing).tailed, undefined)
  assert.equal(typed(['tab', 'return']).tailed, undefined)
})

test('p pauses and goes on', () => {
  assert.equal(typed(['p']).isPaused, true)
  assert.equal(typed(['p', 'p']).isPaused, false)
})
