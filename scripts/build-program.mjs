// Bundles the program into one folder, dist/program unless another is named. The library is not
// bundled: tsc compiles it. Why: docs/decisions/0004-the-program-is-a-bundle.md.
//   node scripts/build-program.mjs [directory] [--with-clients]
// With --with-clients it also has the clients of single destinations, for places where nobody can
// install packages beside it.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { licensesOf } from './licenses.mjs'
import { NOT_BUNDLED, REPLACED } from './not-bundled.mjs'

const root = join(import.meta.dirname, '..')
const [given = join(root, 'dist', 'program')] = process.argv
  .slice(2)
  .filter((argument) => !argument.startsWith('-'))
const hasClients = process.argv.includes('--with-clients')
const directory = resolve(given)
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

// CommonJS packages ask for Node's modules with it. The name is one that no package has.
const REQUIRE =
  "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);"

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    main: 'src/cli/main.ts',
    // Programs of their own: processes, and a thread in one.
    'analytics-worker': 'src/analytics/analytics-worker.ts',
    'row-reader': 'src/analytics/rows/row-reader.ts',
    'function-program': 'src/analytics/pipelines/functions/function-program.ts',
  },
  outdir: directory,
  bundle: true,
  splitting: true, // what is imported when it is needed stays a file of its own
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true, // names stay, for stacks
  sourcemap: 'linked',
  sourcesContent: false,
  metafile: true,
  external: [
    ...NOT_BUNDLED,
    // The clients of single destinations, which are loaded only if they are configured.
    ...(hasClients
      ? []
      : Object.keys({ ...manifest.optionalDependencies, ...manifest.peerDependencies })),
  ],
  alias: REPLACED,
  banner: { js: REQUIRE },
})

for (const output of Object.keys(metafile.outputs)) removeUnusedRequire(join(root, output))
writeFileSync(join(directory, 'LICENSES.txt'), licensesOf(Object.keys(metafile.inputs)))
removeAllBut(new Set(['LICENSES.txt', ...Object.keys(metafile.outputs).map(nameOf)]))

/** esbuild writes the banner into each file, and few of them need it. The lines stay where they are. */
function removeUnusedRequire(file) {
  const text = readFileSync(file, 'utf8')
  const own = text.replace(REQUIRE, '')
  if (file.endsWith('.js') && !/\brequire\b/.test(own)) writeFileSync(file, own)
}

/** After the new files are there: a connector that runs from here may yet load one that has not changed. */
function removeAllBut(made) {
  for (const name of readdirSync(directory)) {
    if (!made.has(name)) rmSync(join(directory, name), { recursive: true })
  }
}

function nameOf(output) {
  return output.split('/').at(-1)
}
