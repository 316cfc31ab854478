/** docs/specification.md cites tests by name: they have to exist. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..', '..')
const page = readFileSync(join(root, 'docs', 'specification.md'), 'utf8')
const claims = [...page.matchAll(/`(test\/[^`]+\.test\.ts)`: “([^”]+)”/g)].map((match) => ({
  file: match[1] ?? '',
  name: match[2] ?? '',
}))

/** The names of a file's tests; `${…}` in a name stands for anything. */
function testNames(file: string): RegExp[] {
  const source = readFileSync(join(root, file), 'utf8')
  return [...source.matchAll(/\btest\(\s*(?:'((?:[^'\\]|\\.)*)'|`([^`]*)`)/g)].map((match) => {
    const name = match[1]?.replaceAll("\\'", "'") ?? match[2] ?? ''
    const literal = name
      .split(/\$\{[^}]*\}/)
      .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    return new RegExp(`^${literal.join('.+')}$`)
  })
}

test('every test that docs/specification.md names is there', () => {
  const missing = claims.filter(
    ({ file, name }) =>
      !existsSync(join(root, file)) || !testNames(file).some((known) => known.test(name)),
  )

  assert.deepEqual(missing, [])
  assert.ok(claims.length > 50)
})

test('every row of docs/specification.md names a test or says why there is none', () => {
  const rows = page.split('\n').filter((line) => /^\| (?!it says|---)/.test(line))
  const bare = rows.filter((row) => !/`test\/[^`]+`: “/.test(row) && !row.endsWith('| – |'))

  assert.deepEqual(bare, [])
})

test('the policy in docs/specification.md allows exactly BatchPutMessage on channels', () => {
  const text = /```json\n([^`]+)```/.exec(page)?.[1] ?? ''
  const { Statement } = JSON.parse(text)

  assert.deepEqual(Statement[0].Action, ['iotanalytics:BatchPutMessage'])
  assert.match(Statement[0].Resource[0], /^arn:aws:iotanalytics:region:account-id:channel\//)
})

test('every documented parameter has a row in docs/specification.md', () => {
  const definition = readFileSync(join(root, 'examples', 'connector-definition.json'), 'utf8')
  const names = Object.keys(JSON.parse(definition).Connectors[0].Parameters)

  assert.equal(names.length, 8)
  for (const name of names) assert.ok(page.includes(`| \`${name}\``), name)
})
