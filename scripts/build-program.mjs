// Bundles the program into one folder, dist/program unless another is named. The library is not
// bundled: tsc compiles it. Why: docs/decisions/0004-the-program-is-a-bundle.md.
//   node scripts/build-program.mjs [directory]
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const directory = resolve(process.argv[2] ?? join(root, 'dist', 'program'))

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/cli/main.ts'],
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
  // Parts of fastify that it loads when a route has a schema, or for `inject`: never, here.
  external: ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request'],
  // CommonJS packages ask for Node's modules with it.
  banner: {
    js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
  },
})

writeFileSync(join(directory, 'LICENSES.txt'), licensesOf(Object.keys(metafile.inputs)))
removeAllBut(new Set(['LICENSES.txt', ...Object.keys(metafile.outputs).map(nameOf)]))

/** The licences of all packages that the bundle holds a part of, each text once. */
function licensesOf(inputs) {
  const folders = inputs.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [])
  const names = new Map()
  for (const folder of [...new Set(folders)].sort()) {
    const text = licenseIn(join(root, folder)).trim()
    names.set(text, [...(names.get(text) ?? []), folder.replace(/^.*node_modules\//, '')])
  }
  return [...names].map(([text, held]) => `${held.join(', ')}\n\n${text}\n`).join('\n\n\n')
}

function licenseIn(folder) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  if (file !== undefined) return readFileSync(join(folder, file), 'utf8')
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).license
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
