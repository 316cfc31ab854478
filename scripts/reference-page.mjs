// For the scripts that make pages of docs/ from the code: where the compiled code is, and writing a
// page or, with --check, telling whether it is up to date.
//   node scripts/build-….mjs [--check] [--from build/src]
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..')
const { values } = parseArgs({
  options: { check: { type: 'boolean' }, from: { type: 'string', default: 'dist' } },
})

/** The compiled module at `path` below src/, without extension. */
export function load(path) {
  return import(pathToFileURL(join(root, values.from, `${path}.js`)).href)
}

export function page(path, text) {
  const file = join(root, path)
  if (!values.check) {
    writeFileSync(file, text)
    return
  }
  if (readFileSync(file, 'utf8') === text) return
  console.error(`${path} is out of date: run npm run docs`)
  process.exitCode = 1
}
