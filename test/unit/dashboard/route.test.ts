import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linkTo, parseRoute } from '../../../dashboard/route.ts'

test('a link leads to its page, name and parameters', () => {
  const link = linkTo('channels', 'a/b c?%', { plot: 'temp,rpm', grep: '' })

  assert.equal(link, '#/channels/a%2Fb%20c%3F%25?plot=temp%2Crpm')
  assert.deepEqual(parseRoute(link), {
    page: 'channels',
    name: 'a/b c?%',
    query: { plot: 'temp,rpm' },
  })
})

test('an address that means nothing is the overview', () => {
  for (const hash of ['', '#', '#/', '#/nowhere', '#/__proto__', '#code=1']) {
    assert.deepEqual(parseRoute(hash), { page: 'overview', name: '', query: {} }, hash)
  }
})

test('a name with a percent sign that a person typed stays as it is', () => {
  assert.equal(parseRoute('#/messages/100%').name, '100%')
})
