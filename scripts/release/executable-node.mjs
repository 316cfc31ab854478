// The Node in the single executables. It also makes them: only Node 25.5 and newer can.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const NODE_VERSION = '26.12.1'
/** Of the programs themselves: another file under the same version is not used. */
const SHA256 = {
  x64: '08f12d42fb304468e8ee86247fe686aae5b225836ea65e9d6566c11ae6ba2e8e',
  arm64: '7d32bda549eb24395c1d9830731470a0045781b15797d5943591c333a085b2da',
}

// test/packages/executable.test.ts looks for them there too.
const nodes =
  process.env['NODES_DIRECTORY'] ?? join(homedir(), '.cache', 'iot-analytics-connector', 'nodes')

/** The folder of a Node, with bin/node and LICENSE; it need not exist. */
export function nodeFolder(kind) {
  return join(nodes, NODE_VERSION, `node-linux-${kind}`)
}

export function fetchNode(kind) {
  const expected = SHA256[kind]
  if (expected === undefined) {
    throw new Error(`Expected ${Object.keys(SHA256).join(' or ')}, got "${kind}"`)
  }
  const folder = nodeFolder(kind)
  if (existsSync(folder)) return folder
  const part = `${folder}.part`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part, { recursive: true })
  const name = `node-linux-${kind}`
  // Packed, not installed: the other kind of machine is none that npm would install it on.
  const options = ['--json', '--loglevel=error', '--pack-destination', part]
  const stdout = execFileSync('npm', ['pack', ...options, `${name}@${NODE_VERSION}`])
  const [{ filename }] = JSON.parse(stdout)
  execFileSync('tar', ['-xzf', join(part, filename), '-C', part])
  const fetched = join(part, 'package')
  const found = createHash('sha256')
    .update(readFileSync(join(fetched, 'bin', 'node')))
    .digest('hex')
  if (found !== expected) {
    throw new Error(
      `Expected bin/node of ${name}@${NODE_VERSION} with SHA-256 ${expected}, got ${found}`,
    )
  }
  renameSync(fetched, folder)
  rmSync(part, { recursive: true, force: true })
  return folder
}
