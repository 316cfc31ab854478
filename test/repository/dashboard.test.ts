/** Holds what the dashboard may use of the connector. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..', '..')
const MAX_FILES = 15
const MAX_LINES = 400

interface Import {
  readonly file: string
  readonly target: string
  readonly isType: boolean
}

const files = readdirSync(join(root, 'dashboard'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(tsx?|css)$/.test(file))
  .map((file) => join('dashboard', file))

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(import type |import )([^;']*?)from '(\.[^']+)'/g)].map(
    ([, keyword = '', , path = '']) => ({
      file,
      target: relative(root, resolve(root, dirname(file), path)),
      isType: keyword === 'import type ',
    }),
  )
}

test('the dashboard uses the types of the API’s shapes and the formats, and nothing else of the connector', () => {
  const imports = files.flatMap(importsOf).filter(({ target }) => !target.startsWith('dashboard/'))
  const wrong = imports.filter(
    ({ target, isType }) =>
      !(target.startsWith('src/format/') || (isType && target.startsWith('src/http/api/shapes/'))),
  )

  assert.ok(imports.length > 10)
  assert.deepEqual(wrong, [])
})

test('the connector uses nothing of the dashboard', () => {
  const using = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .filter((file) =>
      /from '[^']*\/dashboard\//.test(readFileSync(join(root, 'src', file), 'utf8')),
    )

  assert.deepEqual(using, [])
})

test('files and folders of the dashboard are small', () => {
  const long = files.filter(
    (file) => readFileSync(join(root, file), 'utf8').split('\n').length > MAX_LINES,
  )
  const folders = new Set(files.map((file) => dirname(file)))
  const full = [...folders].filter(
    (folder) => files.filter((file) => dirname(file) === folder).length > MAX_FILES,
  )

  assert.deepEqual(long, [])
  assert.deepEqual(full, [])
})
