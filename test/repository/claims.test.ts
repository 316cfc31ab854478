/**
 * docs/claims.md lists every sentence, table row and code block of the README, with the tests or
 * measurements that show it: nothing is missing or left over, and all that it cites exists.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..', '..')
const [readme = ''] = textOf('README.md').split('\n## Documentation')
const page = textOf('docs/claims.md')
/** Rounds of each kind are one test, with the kind in its title. */
const ROUNDS = 'test/faults/destinations/test-rounds.ts'
const BLOCK = /^```\w*\n([\s\S]*?)^```$/gm

function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

/** Links lead elsewhere from docs/, so only their texts are compared. */
function withoutLinks(text: string): string {
  return text.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1')
}

/** Sentences of the prose, and rows of tables as `first cell: second; third`. */
function statements(): string[] {
  const paragraphs = readme
    .replaceAll(BLOCK, '')
    .replaceAll(/^!\[.*$/gm, '')
    .replaceAll(/^#.*$/gm, '\n')
    .replaceAll(/^\|.*\|\n\|[-| ]*\|$/gm, '')
    .split(/\n\n|\n(?=[-|])/)
    .map(plain)
    .filter((text) => text !== '')
  return paragraphs
    .flatMap((text) => (text.startsWith('|') ? [rowText(text)] : sentences(text)))
    .map(withoutLinks)
}

function rowText(row: string): string {
  const [first = '', ...others] = row.split('|').slice(1, -1).map(plain)
  return `${first}: ${others.join('; ')}`
}

function sentences(text: string): string[] {
  return text.replace(/^- /, '').split(/(?<=[.?!:]\**) (?=[A-Z*[])/)
}

/** The rows of the table below the heading: what the README says, and what shows it. */
function rowsBelow(heading: string): { claim: string; shownBy: string }[] {
  const [section = ''] = (page.split(`\n## ${heading}\n`)[1] ?? '').split('\n## ')
  const rows = [...section.matchAll(/^\| (.+) \| ([^|]+) \|$/gm)].slice(2)
  return rows.map(([, claim = '', shownBy = '']) => ({ claim: plain(claim), shownBy }))
}

/** The names of a file's tests; `${…}` in a name stands for anything. */
function hasTest(file: string, name: string): boolean {
  const own = textOf(file)
  const source = own.includes('testRounds(') ? own + textOf(ROUNDS) : own
  return [...source.matchAll(/\btest\(\s*(?:'((?:[^'\\]|\\.)*)'|`([^`]*)`)/g)].some((match) => {
    const title = match[1]?.replaceAll("\\'", "'") ?? match[2] ?? ''
    const literal = title
      .split(/\$\{[^}]*\}/)
      .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    return new RegExp(`^${literal.join('.*')}$`).test(name)
  })
}

/** What a row cites and what is not there. */
function faultsOf({ claim, shownBy }: { claim: string; shownBy: string }): string[] {
  const tests = [...shownBy.matchAll(/`(test\/[^`]+\.test\.ts)`: “([^”]+)”/g)]
  const measurements = [...shownBy.matchAll(/`(bench\/[^`]+\.bench\.ts)`/g)]
  const isReference = /^a reference/.test(shownBy)
  if (tests.length + measurements.length === 0 && !isReference) return [`${claim}: no test`]
  return [
    ...tests
      .filter(([, file = '', name = '']) => !existsSync(join(root, file)) || !hasTest(file, name))
      .map(([, file, name]) => `${file}: ${name}`),
    ...measurements.map(([, file = '']) => file).filter((file) => !existsSync(join(root, file))),
  ]
}

test('docs/claims.md has every sentence of the README, and no other', () => {
  const claims = rowsBelow('Sentences').map(({ claim }) => claim)

  assert.deepEqual(claims, statements())
})

test('docs/claims.md has every code block of the README, and no other', () => {
  const first = [...readme.matchAll(BLOCK)].map(([, text = '']) => plain(text.split('\n')[0] ?? ''))
  const claims = rowsBelow('Code blocks').map(({ claim }) => claim.replaceAll('`', ''))

  assert.deepEqual(claims, first)
})

test('every test and measurement that docs/claims.md cites is there', () => {
  const rows = [...rowsBelow('Sentences'), ...rowsBelow('Code blocks')]

  assert.ok(rows.length > 30)
  assert.deepEqual(rows.flatMap(faultsOf), [])
})
