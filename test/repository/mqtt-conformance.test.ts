/** Checks the tables of normative statements: complete, each statement once, each test there. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..', '..')

/** How many statements each section of appendix B has. */
const SECTIONS = {
  'mqtt-3.1.1.md':
    '1.5.3:3 2.2.2:2 2.3.1:7 3.1.0:2 3.1.2:24 3.1.3:11 3.1.4:5 3.2.0:1 3.2.2:6 3.3.1:12 3.3.2:3 3.3.4:1 3.3.5:2 3.6.1:1 3.8.1:1 3.8.3:4 3.8.4:6 3.9.3:2 3.10.1:1 3.10.3:2 3.10.4:6 3.12.4:1 3.14.1:1 3.14.4:3 4.1.0:2 4.3.1:1 4.3.2:2 4.3.3:2 4.4.0:1 4.5.0:2 4.6.0:6 4.7.1:3 4.7.2:1 4.7.3:4 4.8.0:2 6.0.0:4 7.0.0:2 7.1.1:1 7.1.2:1',
  'mqtt-5.md':
    '1.5.4:3 1.5.5:1 1.5.7:1 2.1.3:1 2.2.1:5 2.2.2:1 3.1.0:2 3.1.2:30 3.1.3:12 3.1.4:6 3.2.0:2 3.2.2:22 3.3.1:13 3.3.2:20 3.3.4:10 3.4.2:3 3.5.2:3 3.6.1:1 3.6.2:3 3.7.2:3 3.8.1:1 3.8.3:5 3.8.4:8 3.9.2:2 3.9.3:2 3.10.1:1 3.10.3:2 3.10.4:6 3.11.2:2 3.11.3:2 3.12.4:1 3.14.0:1 3.14.1:1 3.14.2:4 3.14.4:3 3.15.1:1 3.15.2:3 4.1.0:2 4.2.0:1 4.3.1:1 4.3.2:5 4.3.3:13 4.4.0:2 4.5.0:2 4.6.0:6 4.7.0:1 4.7.1:2 4.7.2:1 4.7.3:4 4.8.2:6 4.9.0:3 4.12.0:7 4.12.1:2 4.13.1:1 4.13.2:1 6.0.0:4',
} as const

const TEST_FILES = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })

interface Row {
  readonly number: string
  readonly shownBy: string
}

function rowsOf(text: string): Row[] {
  return [...text.matchAll(/^\| \[MQTT-([\d.-]+)\] \| [^|]+ \| ([^|]+) \|$/gm)].map((match) => ({
    number: match[1] ?? '',
    shownBy: match[2] ?? '',
  }))
}

/** `[MQTT-3-8.3-4]` is spelt so in the standard itself. */
function sectionOf(number: string): string {
  return number.replace(/-\d+$/, '').replace('-', '.')
}

function countBySection(rows: readonly Row[]): string {
  const counts = new Map<string, number>()
  for (const { number } of rows) {
    counts.set(sectionOf(number), (counts.get(sectionOf(number)) ?? 0) + 1)
  }
  return [...counts].map(([section, count]) => `${section}:${count}`).join(' ')
}

function assertIsThere(reference: string, number: string): void {
  const [, file, name] = /^`([a-z-]+\.test\.ts)`: (.+)$/.exec(reference) ?? []
  assert.ok(file !== undefined && name !== undefined, `${number}: ${reference}`)
  const sources = TEST_FILES.filter((path) => basename(path) === file).map((path) =>
    readFileSync(join(root, 'test', path), 'utf8'),
  )
  const isThere = sources.some((source) => source.includes(`'${name}'`))
  assert.ok(isThere, `${number}: no ${file} has a test «${name}»`)
}

for (const [file, sections] of Object.entries(SECTIONS)) {
  const text = readFileSync(join(root, 'docs', file), 'utf8')
  const rows = rowsOf(text)

  test(`${file} has every statement of its standard, and each once`, () => {
    assert.equal(new Set(rows.map((row) => row.number)).size, rows.length)
    assert.equal(countBySection(rows), sections)
  })

  test(`${file} names existing tests, and its counts are right`, () => {
    const tally = { shown: 0, notBinding: 0, open: 0 }
    for (const { number, shownBy } of rows) {
      if (shownBy.startsWith('– ')) tally.notBinding++
      else if (shownBy === '**no test yet**') tally.open++
      else {
        tally.shown++
        for (const reference of shownBy.split('<br>')) assertIsThere(reference, number)
      }
    }

    const [, total, shown, notBinding, open] =
      /Of (\d+) statements \*\*(\d+)\*\* have a test, \*\*(\d+)\*\* do not apply to this server and \*\*(\d+)\*\* have/.exec(
        text,
      ) ?? []
    assert.deepEqual([total, shown, notBinding, open].map(Number), [
      rows.length,
      tally.shown,
      tally.notBinding,
      tally.open,
    ])
  })
}
