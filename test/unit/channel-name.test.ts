import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isChannelName } from '../../src/channel-name.ts'

test('a channel name has 1 to 128 letters, digits and underscores, and does not begin with two', () => {
  for (const name of ['a', 'my_channel', '_a', '0', 'x'.repeat(128)]) {
    assert.equal(isChannelName(name), true, name)
  }
  for (const name of ['', '__a', 'a-b', 'a/b', 'ä', 'a\n', 'x'.repeat(129)]) {
    assert.equal(isChannelName(name), false, name)
  }
})
