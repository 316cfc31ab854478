/** What goes with the packages of a release. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { VERSION } from '../../src/version.ts'
import { repository } from '../support/processes/package-sources.ts'

const { sbom } = await import(join(repository, 'scripts', 'release', 'sbom.mjs'))

test('the bill of materials names what is installed and what is bundled, and no tool of the build', () => {
  const { bomFormat, metadata, components, dependencies } = JSON.parse(sbom())

  const names: string[] = components.map(({ name }: { name: string }) => name)
  assert.equal(bomFormat, 'CycloneDX')
  assert.deepEqual(
    [metadata.component.name, metadata.component.version],
    ['iot-analytics-connector', VERSION],
  )
  for (const name of ['fastify', 'pg', '@platformatic/kafka', '@duckdb/node-api']) {
    assert.ok(names.includes(name), name)
  }
  for (const name of ['typescript', 'esbuild', '@biomejs/biome']) {
    assert.ok(!names.includes(name), name)
  }
  const known = new Set(components.map((one: { 'bom-ref': string }) => one['bom-ref']))
  for (const { dependsOn } of dependencies) {
    for (const one of dependsOn) assert.ok(known.has(one), one)
  }
})
