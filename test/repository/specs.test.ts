/**
 * docs/specs/ cites a test for each promise, by file and the beginning of its title: they exist.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..', '..')
const specs = join(root, 'docs', 'specs')
const testFiles = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })

/** `file`: _title_, _title …_: for each file the titles that follow it. */
function citationsIn(page: string): { file: string; title: string }[] {
  const text = page.replaceAll(/\s+/g, ' ')
  return [...text.matchAll(/`([a-z0-9/-]+)`: ((?:_[^_]+_(?:,|;| and)? ?)+)/g)].flatMap(
    ([, file = '', titles = '']) =>
      [...titles.matchAll(/_([^_]+)_/g)].map(([, title = '']) => ({ file, title })),
  )
}

function sourcesOf(file: string): string[] {
  return testFiles
    .filter((path) => /\.(test|contract)\.ts$/.test(path))
    .filter((path) => `/${path.replace(/\.(test|contract)\.ts$/, '')}`.endsWith(`/${file}`))
    .map((path) => plain(readFileSync(join(root, 'test', path), 'utf8')))
}

/** With one kind of apostrophe. */
function plain(text: string): string {
  return text.replaceAll("\\'", "'").replaceAll('’', "'")
}

function isThere({ file, title }: { file: string; title: string }): boolean {
  const beginning = plain(title).replace(/[ ,]*…$/, '')
  return sourcesOf(file).some((source) =>
    ["'", '`', '"'].some((quote) => source.includes(quote + beginning)),
  )
}

for (const file of readdirSync(specs)) {
  test(`every test that docs/specs/${file} cites is there`, () => {
    const citations = citationsIn(readFileSync(join(specs, file), 'utf8'))

    assert.ok(citations.length > 5)
    assert.deepEqual(
      citations.filter((citation) => !isThere(citation)),
      [],
    )
  })
}
