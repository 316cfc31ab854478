// Bundles the dashboard into dist/dashboard, unless another directory is named: files whose names
// contain a hash of their content, each also compressed, and the page that loads them.
//   node scripts/build-dashboard.mjs [directory]
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { licensesOf } from './licenses.mjs'

const root = join(import.meta.dirname, '..')
const source = join(root, 'dashboard')
const [given = join(root, 'dist', 'dashboard')] = process.argv.slice(2)
const directory = resolve(given)

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: { main: 'dashboard/main.tsx', style: 'dashboard/styles/style.css' },
  outdir: directory,
  write: false,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true, // a page's code is loaded when the page is opened
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  legalComments: 'none', // they are in LICENSES.txt
  metafile: true,
})

const bundled = outputFiles.map(({ path, contents }) => ({ name: basename(path), contents }))
const favicon = readFileSync(join(source, 'favicon.svg'))
const icon = { name: `favicon-${hashOf(favicon)}.svg`, contents: favicon }
const licenses = Buffer.from(licensesOf(Object.keys(metafile.inputs)))
const hashed = [...bundled, icon].sort((a, b) => (a.name < b.name ? -1 : 1))
// Names have hashes, so this changes if any file does, or the page itself.
const template = readFileSync(join(source, 'index.html'), 'utf8')
const identity = hashOf(Buffer.from([template, ...hashed.map(({ name }) => name)].join('\n')))
const page = { name: 'index.html', contents: Buffer.from(filled(template)) }

mkdirSync(directory, { recursive: true })
const made = new Set()
for (const file of [page, ...hashed]) {
  write(file.name, file.contents)
  const { length } = file.contents
  const brotli = { [constants.BROTLI_PARAM_SIZE_HINT]: length }
  write(`${file.name}.br`, brotliCompressSync(file.contents, { params: brotli }))
  write(`${file.name}.gz`, gzipSync(file.contents, { level: 9 }))
}
write('LICENSES.txt', licenses)
for (const name of readdirSync(directory)) {
  if (!made.has(name)) rmSync(join(directory, name), { recursive: true })
}

function write(name, contents) {
  writeFileSync(join(directory, name), contents)
  made.add(name)
}

function filled(template) {
  const nameOf = (pattern) => `assets/${hashed.find(({ name }) => pattern.test(name)).name}`
  return template
    .replace('{build}', identity)
    .replace('{favicon}', nameOf(/^favicon-/))
    .replace('{style}', nameOf(/^style-.*\.css$/))
    .replace('{script}', nameOf(/^main-.*\.js$/))
}

function hashOf(contents) {
  return createHash('sha256').update(contents).digest('hex').slice(0, 8)
}
