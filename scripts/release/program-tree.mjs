// The program as packages for machines have it, where nobody installs packages of npm beside it:
//   package.json      says that the files are modules
//   program/          the bundle with the clients of all destinations, without source maps
//   dashboard/        what the HTTP server serves
//   bundled-packages.txt   the licenses of what is in the bundle
import { chmodSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { name, reproducibly, root, run, version } from './released.mjs'

export function buildProgramTree(directory) {
  const program = join(directory, 'program')
  const script = (file) => join(root, 'scripts', file)
  run(process.execPath, [script('build-program.mjs'), program, '--with-clients'])
  for (const file of readdirSync(program)) {
    if (file.endsWith('.map')) rmSync(join(program, file))
  }
  chmodSync(join(program, 'main.js'), 0o755)
  renameSync(join(program, 'LICENSES.txt'), join(directory, 'bundled-packages.txt'))
  run(process.execPath, [script('build-dashboard.mjs'), join(directory, 'dashboard')])
  const about = { name, version, type: 'module', private: true }
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(about, null, 2)}\n`)
}

/** The commands' help, so the library must have been compiled. */
export function buildManPages(directory, from = 'dist') {
  const script = join(root, 'scripts', 'build-man-pages.mjs')
  run(process.execPath, [script, directory, '--from', from], { env: reproducibly() })
}
