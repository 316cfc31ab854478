/** The commands of package.json in a clone that has not been built. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'

const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { bin: Record<string, string> }

test('npx finds the commands also before the first build, and they say what to do', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'clone-'))
  t.after(() => rmSync(folder, { recursive: true }))
  cpSync('package.json', join(folder, 'package.json'))

  for (const file of new Set(Object.values(bin))) {
    const kept = execFileSync('git', ['ls-files', '--stage', file], { encoding: 'utf8' })
    assert.match(kept, /^100755 /, `${file} is not an executable file of the repository`)
    cpSync(file, join(folder, file))
    const { status, stderr } = spawnSync(process.execPath, [join(folder, file), '--version'], {
      encoding: 'utf8',
    })
    assert.equal(status, 1)
    assert.match(
      stderr,
      /^error: this clone has not been built: run `npm ci && npm run build` .*\n$/,
    )
  }
})
