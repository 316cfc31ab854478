// Builds the single executable for Linux: Node, the program and the dashboard in one file, and the
// licenses of all in another, packed into an archive. DuckDB, which is native code, is not part of it.
//   node scripts/build-executable.mjs [directory] [--kind x64|arm64] [--unpacked]
// With --unpacked the folder is made, and no archive.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { NOT_BUNDLED, REPLACED } from './not-bundled.mjs'
import { archive } from './release/archive.mjs'
import { fetchNode } from './release/executable-node.mjs'
import { name, root, run, version } from './release/released.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { kind: { type: 'string', default: arch() }, unpacked: { type: 'boolean' } },
})
const { kind } = values
const [given = join(root, 'dist', 'release')] = positionals
const target = resolve(given)
const packaging = join(root, 'packaging', 'executable')

/** Nothing is beside the executable: what looks for files or packages there finds none. */
const BANNER = `
const nowhere = 'file:///nowhere/program.js';
const findNothing = (name) => { throw new Error(name + ' is not in the executable') };
`

const embeddedFiles = {
  name: 'embedded-files',
  setup(build) {
    build.onResolve({ filter: /^node:fs\/promises$/ }, ({ importer }) =>
      importer.endsWith('/src/http/dashboard-files.ts')
        ? { path: join(packaging, 'embedded-files.mjs') }
        : undefined,
    )
  },
}

const work = mkdtempSync(join(tmpdir(), 'build-executable-'))
try {
  const folder = join(work, `${name}-${version}-linux-${kind}`)
  mkdirSync(folder)
  const main = join(work, 'main.js')
  await bundle(main)
  const node = fetchNode(kind)
  const executable = join(folder, name)
  const config = {
    // The executable has its path in it, which must not have the name of this build's directory.
    main: basename(main),
    output: executable,
    executable: join(node, 'bin', 'node'),
    disableExperimentalSEAWarning: true,
    assets: dashboardFiles(join(work, 'dashboard')),
  }
  writeFileSync(join(work, 'sea-config.json'), JSON.stringify(config))
  // The Node for this machine makes the executables for both.
  const builder = join(fetchNode(arch()), 'bin', 'node')
  run(builder, ['--build-sea', 'sea-config.json'], { cwd: work })
  chmodSync(executable, 0o755)
  writeFileSync(join(folder, 'LICENSE.txt'), licenses(node))
  mkdirSync(target, { recursive: true })
  if (values.unpacked) cpSync(folder, join(target, basename(folder)), { recursive: true })
  else archive(folder, join(target, `${basename(folder)}.tar.xz`))
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** Node takes one file, which is no module: modules in an executable cannot be divided yet. */
async function bundle(outfile) {
  await build({
    absWorkingDir: root,
    entryPoints: [join(packaging, 'main.mjs')],
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node26',
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: BANNER },
    define: {
      'import.meta.url': 'nowhere',
      'import.meta.dirname': '"/nowhere"',
      'import.meta.resolve': 'findNothing',
    },
    external: NOT_BUNDLED,
    alias: REPLACED,
    plugins: [embeddedFiles],
  })
}

/** The dashboard's files by name. */
function dashboardFiles(directory) {
  const script = join(root, 'scripts', 'build-dashboard.mjs')
  run(process.execPath, [script, directory])
  return Object.fromEntries(readdirSync(directory).map((file) => [file, join(directory, file)]))
}

function licenses(node) {
  const program = join(work, 'program')
  run(process.execPath, [join(root, 'scripts', 'build-program.mjs'), program, '--with-clients'])
  const files = [join(root, 'LICENSE'), join(node, 'LICENSE'), join(program, 'LICENSES.txt')]
  return files.map((file) => readFileSync(file, 'utf8').trim()).join(`\n\n${'='.repeat(80)}\n\n`)
}
