/**
 * Checks two rules of docs/style.md: docs, code and comments use none of the words that it replaces,
 * and the lines of pages wrap.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..', '..')
/** Pages that may use the words: the list itself, past releases, and other programs' names. */
const EXEMPT = ['docs/style.md', 'CHANGELOG.md', 'docs/conformance.md']

interface Word {
  readonly pattern: RegExp
  readonly replacement: string
}

function wordsOfThePage(): Word[] {
  const page = readFileSync(join(root, 'docs', 'style.md'), 'utf8')
  const rows = page.slice(page.indexOf('| do not write |')).matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm)
  return [...rows]
    .filter(([, words]) => words !== 'do not write' && words !== '---')
    .flatMap(([, words = '', replacement = '']) =>
      words.split(', ').map((word) => ({
        pattern: patternOf(word),
        replacement,
      })),
    )
}

/** Finds a word also as a part of a name: `isWord`, `wordOf`, `WORD_OF`. `GitHub` is allowed. */
function patternOf(word: string): RegExp {
  const capital = word.charAt(0).toUpperCase() + word.slice(1)
  const spellings = [word, capital, word.toUpperCase()].join('|')
  const source = `(?<![A-Za-z])(?:${spellings})(?![a-z])|(?<=[a-z])(?<!Git)${capital}(?![a-z])`
  return new RegExp(source.replaceAll(' ', '\\s+'))
}

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => ending.test(file))
    .map((file) => join(folder, file))
}

function filesWithText(): string[] {
  const pages = readdirSync(root).filter((file) => file.endsWith('.md'))
  return [
    ...pages,
    ...filesBelow('docs', /\.(md|json)$/),
    ...filesBelow('examples', /\./),
    ...filesBelow('scripts', /\.mjs$/),
    ...['src', 'test', 'bench'].flatMap((folder) => filesBelow(folder, /\.(ts|md)$/)),
    ...filesBelow('dashboard', /\.(tsx?|css|html)$/),
  ].filter((file) => !EXEMPT.includes(file))
}

test('no file uses a word that docs/style.md replaces', () => {
  const words = wordsOfThePage()
  assert.ok(words.length > 20)
  const found = filesWithText().flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        words
          .filter(({ pattern }) => pattern.test(line))
          .map(({ pattern, replacement }) => {
            const word = pattern.exec(line)?.[0]
            return `${file}:${index + 1}: "${word}", write: ${replacement}`
          }),
      ),
  )

  assert.deepEqual(found, [])
})

const MAX_COLUMNS = 100

/** Lines of prose: not in a code block, a table or a heading, and without a link that cannot be split. */
function proseOf(page: string): { text: string; number: number }[] {
  let isCode = false
  return page.split('\n').flatMap((text, index) => {
    const isFence = /^\s*```/.test(text)
    if (isFence) isCode = !isCode
    const isProse = !(isFence || isCode || /^(?:\s*\||#| {4}|<!--)/.test(text))
    return isProse && !/\]\(|https?:/.test(text) ? [{ text, number: index + 1 }] : []
  })
}

test('lines of prose on every page wrap at 100 characters', () => {
  const pages = [...filesWithText(), ...EXEMPT].filter((file) => file.endsWith('.md'))
  const long = pages.flatMap((file) =>
    proseOf(readFileSync(join(root, file), 'utf8'))
      .filter(({ text }) => text.length > MAX_COLUMNS)
      .map(({ number }) => `${file}:${number}`),
  )

  assert.ok(pages.length > 20)
  assert.deepEqual(long, [])
})
