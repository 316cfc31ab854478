// Builds the Debian package with debhelper. The same sources make the same bytes.
//   node scripts/build-deb.mjs [directory] [--from build/src]
// Needs dpkg-dev and debhelper, and the library compiled.
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildManPages, buildProgramTree } from './release/program-tree.mjs'
import { name, releaseSeconds, reproducibly, root, run, version } from './release/released.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { from: { type: 'string', default: 'dist' } },
})
const [given = join(root, 'dist', 'release')] = positionals
const target = resolve(given)
const packaging = join(root, 'packaging')

/** Debian orders `1.0~rc.1` before `1.0`. */
const debianVersion = version.replace('-', '~')

const work = mkdtempSync(join(tmpdir(), 'build-deb-'))
try {
  const sources = join(work, name)
  const debian = join(sources, 'debian')
  cpSync(join(packaging, 'debian'), debian, { recursive: true })
  cpSync(join(packaging, 'systemd', `${name}.service`), join(debian, `${name}.service`))
  for (const file of ['README.md', 'CHANGELOG.md', 'examples']) {
    cpSync(join(root, file), join(sources, file), { recursive: true })
  }
  buildProgramTree(sources)
  buildManPages(join(sources, 'man'), values.from)
  addCompletions(sources)
  writeFileSync(join(debian, 'changelog'), changelog())
  const options = ['--build=binary', '--no-sign', '--no-check-builddeps']
  run('dpkg-buildpackage', options, { cwd: sources, env: { ...reproducibly(), DH_VERBOSE: '' } })
  mkdirSync(target, { recursive: true })
  for (const file of readdirSync(work).filter((file) => file.endsWith('.deb'))) {
    cpSync(join(work, file), join(target, file))
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** Shells find a script by the name of the program, which has two. */
function addCompletions(sources) {
  const folders = {
    bash: ['usr/share/bash-completion/completions', ''],
    fish: ['usr/share/fish/vendor_completions.d', '.fish'],
  }
  for (const [shell, [folder, ending]] of Object.entries(folders)) {
    const program = join(sources, 'program', 'main.js')
    const script = execFileSync(process.execPath, [program, 'completion', shell])
    const path = join(sources, 'completions', shell)
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, `${name}${ending}`), script)
    const debian = join(sources, 'debian')
    const file = `${folder}/${name}${ending}`
    appendFileSync(join(debian, 'install'), `completions/${shell}/${name}${ending} ${folder}\n`)
    appendFileSync(join(debian, 'links'), `${file} ${folder}/iotac${ending}\n`)
  }
}

/** What dpkg needs of it: the version, and a time that follows from the sources. */
function changelog() {
  const date = new Date(releaseSeconds() * 1000).toUTCString().replace('GMT', '+0000')
  const by = 'The iot-analytics-connector maintainers <maintainers@iot-analytics-connector.invalid>'
  return `${name} (${debianVersion}) unstable; urgency=medium

  * Release ${version}: see CHANGELOG.md.

 -- ${by}  ${date}
`
}
