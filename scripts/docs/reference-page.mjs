// Shared by the scripts that generate pages of docs/ from the code: loads the compiled code, and
// writes a page or, with --check, reports whether it is up to date.
//   node scripts/build-….mjs [--check] [--from build/src]
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..', '..')
const { values } = parseArgs({
  options: { check: { type: 'boolean' }, from: { type: 'string', default: 'dist' } },
})

/** The compiled module at `path` below src/, without extension. */
export function load(path) {
  return import(pathToFileURL(join(root, values.from, `${path}.js`)).href)
}

/** The paragraph, wrapped at 100 characters. */
export function wrapped(text) {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= 100) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines.join('\n')
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
