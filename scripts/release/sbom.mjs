// The software bill of materials, as CycloneDX: what is installed with the npm package, and what is
// bundled. Its bytes follow from the packages; npm itself would write the time and a random number.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildProgramTree } from './program-tree.mjs'
import { name, releaseSeconds, root } from './released.mjs'

export function sbom() {
  const bundled = bundledNames()
  const document = componentsOf([])
  const installed = new Set(componentsOf(['--omit=dev']).components.map((one) => one['bom-ref']))
  const isShipped = (one) => installed.has(one['bom-ref']) || bundled.has(nameOf(one))
  const components = document.components.filter(isShipped)
  const shipped = new Set([document.metadata.component, ...components].map((one) => one['bom-ref']))
  const dependencies = document.dependencies
    .filter(({ ref }) => shipped.has(ref))
    .map(({ ref, dependsOn = [] }) => ({
      ref,
      dependsOn: dependsOn.filter((one) => shipped.has(one)),
    }))
  return written({ ...document, components, dependencies })
}

function componentsOf(options) {
  const args = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only', ...options]
  return JSON.parse(execFileSync('npm', args, { cwd: root, maxBuffer: 1 << 27 }))
}

/** With its scope: `@aws-sdk/core`. */
function nameOf({ group, name }) {
  return group === undefined || group === '' ? name : `${group}/${name}`
}

/** The lists of licenses say what is bundled. */
function bundledNames() {
  const work = mkdtempSync(join(tmpdir(), 'sbom-'))
  try {
    buildProgramTree(work)
    const lists = [join(work, 'bundled-packages.txt'), join(work, 'dashboard', 'LICENSES.txt')]
    return new Set(lists.flatMap(namesIn))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** The first line of each licence names the packages that have it. */
function namesIn(file) {
  const blocks = readFileSync(file, 'utf8').split('\n\n\n')
  return blocks.flatMap((block) => (block.trimStart().split('\n')[0] ?? '').split(', '))
}

function written({ serialNumber: _, ...rest }) {
  const timestamp = new Date(releaseSeconds() * 1000).toISOString()
  // npm takes the name of the folder.
  const component = { ...rest.metadata.component, name }
  const document = { ...rest, metadata: { ...rest.metadata, timestamp, component } }
  const digest = createHash('sha256').update(JSON.stringify(document)).digest('hex')
  const serialNumber = `urn:uuid:${uuidOf(digest)}`
  return `${JSON.stringify({ serialNumber, ...document }, null, 2)}\n`
}

/** In the form of RFC 9562, version 8: made from other data. */
function uuidOf(hex) {
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
  ]
  return [...parts, hex.slice(20, 32)].join('-')
}
