// Writes the manual pages of the program, in dist/man unless another directory is named.
//   node scripts/build-man-pages.mjs [directory] [--from build/src]
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { manPage, manPageAlias } from './release/man-page.mjs'
import { releaseSeconds } from './release/released.mjs'

const root = join(import.meta.dirname, '..')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { from: { type: 'string', default: 'dist' } },
})
const [given = join(root, 'dist', 'man')] = positionals
const directory = resolve(given)

const load = (path) => import(pathToFileURL(join(resolve(root, values.from), path)).href)
const { createProgram } = await load('cli/program.js')
const { VERSION } = await load('version.js')
const program = createProgram({
  process,
  loadConnector: () => Promise.reject(new Error('only help is asked for')),
  outputClosed: new AbortController().signal,
})

const date = new Date(releaseSeconds() * 1000).toISOString().slice(0, 10)

mkdirSync(directory, { recursive: true })
writeFileSync(join(directory, `${program.name()}.1`), manPage(program, { version: VERSION, date }))
writeFileSync(join(directory, 'iotac.1'), manPageAlias(program.name()))
