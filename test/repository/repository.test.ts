/** Checks what the pages of this repository say: links, dependencies, versions, sizes. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { VERSION } from '../../src/version.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const manifest = JSON.parse(textOf('package.json'))
const PAGES = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...['docs', 'bench', 'examples'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
]

function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

test('every relative link leads somewhere, headings included', () => {
  const broken = PAGES.flatMap((page) =>
    [...textOf(page).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !leadsSomewhere(page, target))
      .map((target) => `${page}: ${target}`),
  )

  assert.deepEqual(broken, [])
})

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(root, file))) return false
  return anchor === undefined || anchorsOf(file).includes(anchor)
}

/** The anchors that GitHub makes of headings. */
function anchorsOf(file: string): string[] {
  return [...textOf(file).matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('every file that ARCHITECTURE.md names exists', () => {
  const files = ['src', 'test', 'dashboard'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
      (name) => `/${folder}/${name}`,
    ),
  )
  const named = textOf('ARCHITECTURE.md').matchAll(/`([\w./-]+\.ts)`/g)
  const missing = [...named]
    .map((match) => match[1] ?? '')
    .filter((name) => !files.some((file) => file.endsWith(`/${name}`)))

  assert.deepEqual(missing, [])
})

test('ARCHITECTURE.md gives a reason for each dependency, and for no other', () => {
  const table = textOf('ARCHITECTURE.md').split('## Dependencies')[1] ?? ''
  const rows = [...table.matchAll(/^\| (`[^|]+`) \|/gm)]
  const listed = rows.flatMap(([, cell = '']) => cell.replaceAll('`', '').split(', '))
  const { dependencies, optionalDependencies, peerDependencies } = manifest
  const packages = { ...dependencies, ...optionalDependencies, ...peerDependencies }

  assert.deepEqual(listed.sort(), Object.keys(packages).sort())
})

test('the version is the package’s', () => {
  assert.equal(VERSION, manifest.version)
  assert.match(textOf('CHANGELOG.md'), /^## /m)
})

test('the lock file names no registry, so that any can be used', () => {
  const lock = textOf('package-lock.json')

  assert.doesNotMatch(lock, /"resolved"|https?:\/\/[^"]*registry/)
  assert.equal(JSON.parse(lock).version, manifest.version)
})

test('the lock file has the checksum of every package, also of those for other platforms', () => {
  const { packages } = JSON.parse(textOf('package-lock.json'))
  const unchecked = Object.entries<{ integrity?: string }>(packages)
    .filter(([path, { integrity }]) => path !== '' && !integrity?.startsWith('sha512-'))
    .map(([path]) => path)

  assert.deepEqual(unchecked, [])
})

/** Whether a range such as `>=18`, `^20.9.0 || >=22` has 20.19. */
function hasNode20(range: string): boolean {
  return range.split('||').some((part) => {
    const [, operator = '', major = '0', minor = '0'] =
      /(>=|\^|~|=)?\s*v?(\d+)(?:\.(\d+))?/.exec(part) ?? []
    if (Number(major) === 20) return Number(minor) <= 19
    return operator === '>=' && Number(major) < 20
  })
}

test('nothing that is installed with the package needs a newer Node than the package', () => {
  const { packages } = JSON.parse(textOf('package-lock.json'))
  const installed = Object.entries<{ dev?: true; engines?: { node?: string } }>(packages)
  const tooNew = installed
    .filter(([path, { dev, engines }]) => path !== '' && !dev && !hasNode20(engines?.node ?? '>=0'))
    .map(([path, { engines }]) => `${path}: ${engines?.node}`)

  assert.deepEqual(tooNew, [])
  // They would count in a clone only, not for those who install the package.
  assert.equal(manifest.overrides, undefined)
})

test('README.md is at most 165 lines, and everything the package promises to ship is there', () => {
  assert.ok(textOf('README.md').split('\n').length <= 165)
  for (const path of manifest.files) {
    assert.ok(/^!?dist/.test(path) || existsSync(join(root, path)), path)
  }
})

test('no page mentions who wrote it or where', () => {
  const telling = PAGES.filter((page) => /\/work\/|\/tmp\/|\bissue \d/i.test(textOf(page)))

  assert.deepEqual(telling, [])
})
