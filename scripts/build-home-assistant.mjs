// Makes the folder of the Home Assistant add-on, with the program in it, as an archive to be unpacked
// in /addons.
//   node scripts/build-home-assistant.mjs [directory] [--unpacked]
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { archive } from './release/archive.mjs'
import { buildProgramTree } from './release/program-tree.mjs'
import { name, root, version } from './release/released.mjs'

const ADD_ON = 'iot_analytics_connector'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { unpacked: { type: 'boolean' } },
})
const [given = join(root, 'dist', 'release')] = positionals
const target = resolve(given)

const work = mkdtempSync(join(tmpdir(), 'build-home-assistant-'))
try {
  const folder = join(work, ADD_ON)
  cpSync(join(root, 'packaging', 'home-assistant', ADD_ON), folder, { recursive: true })
  buildProgramTree(folder)
  // The Dockerfile copies it, also from sources without a dashboard.
  if (!existsSync(join(folder, 'dashboard'))) mkdirSync(join(folder, 'dashboard'))
  mkdirSync(target, { recursive: true })
  if (values.unpacked) cpSync(folder, join(target, ADD_ON), { recursive: true })
  else archive(folder, join(target, `${name}-${version}-home-assistant.tar.xz`))
} finally {
  rmSync(work, { recursive: true, force: true })
}
