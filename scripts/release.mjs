// Makes everything that is released, in dist/release unless another directory is named: the npm
// package, the Debian package, the executables for both kinds of machines, the Home Assistant add-on
// and the Greengrass component, with a software bill of materials (CycloneDX) and SHA256SUMS.
//   npm run release [-- directory]

import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { archive } from './release/archive.mjs'
import { name, reproducibly, root, run, version } from './release/released.mjs'
import { sbom } from './release/sbom.mjs'

const [given = join(root, 'dist', 'release')] = process.argv.slice(2)
const target = resolve(given)
const env = reproducibly()
const script = (file, ...args) =>
  run(process.execPath, [join(root, 'scripts', file), ...args], { env, cwd: root })

// The library and the pages come from a build of their own, without what an older one has left.
rmSync(join(root, 'dist'), { recursive: true, force: true })
rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })

run('npm', ['run', '--silent', 'build'], { env, cwd: root })
run('npm', ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', target], {
  env,
  cwd: root,
})
script('build-deb.mjs', target)
for (const kind of ['x64', 'arm64']) script('build-executable.mjs', target, '--kind', kind)
script('build-home-assistant.mjs', target)
greengrass()
writeFileSync(join(target, `${name}-${version}.sbom.json`), sbom())
writeFileSync(join(target, 'SHA256SUMS'), checksums())

function greengrass() {
  const work = mkdtempSync(join(tmpdir(), 'release-'))
  try {
    const folder = join(work, 'greengrass-build')
    script('build-greengrass.mjs', folder)
    archive(folder, join(target, `${name}-${version}-greengrass.tar.xz`))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function checksums() {
  const lines = readdirSync(target)
    .sort()
    .map((file) => {
      const sum = createHash('sha256')
        .update(readFileSync(join(target, file)))
        .digest('hex')
      return `${sum}  ${file}\n`
    })
  return lines.join('')
}
