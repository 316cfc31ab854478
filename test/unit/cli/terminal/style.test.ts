import assert from 'node:assert/strict'
import { test } from 'node:test'
import { styleFor } from '../../../../src/cli/terminal/style.ts'

const CASES: readonly (readonly [string, boolean, Record<string, string>, boolean])[] = [
  ['a terminal has colours', true, { TERM: 'xterm-256color' }, true],
  ['a pipe has none', false, { TERM: 'xterm-256color' }, false],
  ['a terminal that is dumb has none', true, { TERM: 'dumb' }, false],
  ['NO_COLOR takes them away', true, { TERM: 'xterm', NO_COLOR: '1' }, false],
  ['an empty NO_COLOR says nothing', true, { TERM: 'xterm', NO_COLOR: '' }, true],
  ['FORCE_COLOR brings them to a pipe', false, { FORCE_COLOR: '1' }, true],
  ['FORCE_COLOR=0 takes them away', true, { TERM: 'xterm', FORCE_COLOR: '0' }, false],
  ['FORCE_COLOR overrides NO_COLOR', false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
]

for (const [title, isTTY, env, expected] of CASES) {
  test(title, () => {
    assert.equal(styleFor({ isTTY }, env).hasColours, expected)
  })
}

test('a style never sets white, black or a background, and undoes what it sets', () => {
  const { bold, dim, red, green, yellow, cyan } = styleFor({ isTTY: true }, {})
  const text = [bold, dim, red, green, yellow, cyan].map((paint) => paint('x')).join('')

  const codes = [...text.matchAll(/\[(\d+)m/g)].map(([, code]) => Number(code))
  assert.deepEqual(codes, [1, 22, 2, 22, 31, 39, 32, 39, 33, 39, 36, 39])
})
