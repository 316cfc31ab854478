// Builds the Greengrass component: the program with all its clients in one zip, and its recipe, where
// the Greengrass Development Kit (gdk component build) looks for them.
//   node scripts/build-greengrass.mjs [directory] [--local-storage]
// With --local-storage the recipe is the one without the token exchange service.
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { zipArchive } from './zip-archive.mjs'

const root = join(import.meta.dirname, '..')
const packaging = join(root, 'packaging', 'greengrass')
const [given = join(packaging, 'greengrass-build')] = process.argv
  .slice(2)
  .filter((argument) => !argument.startsWith('-'))
const target = resolve(given)
const isLocal = process.argv.includes('--local-storage')

const recipe = join(packaging, isLocal ? 'recipe-local-storage.yaml' : 'recipe.yaml')
const { ComponentName: name, ComponentVersion: version } = parse(readFileSync(recipe, 'utf8'))
const recipes = join(target, 'recipes')
const artifacts = join(target, 'artifacts', name, version)

rmSync(target, { recursive: true, force: true })
mkdirSync(recipes, { recursive: true })
mkdirSync(artifacts, { recursive: true })
// Also the other recipe has these names. gdk publishes the one that is called as that of the project;
// nucleus lite deploys locally only what has the name and the version in its name.
for (const file of ['recipe.yaml', `${name}-${version}.yaml`]) {
  copyFileSync(recipe, join(recipes, file))
}
const archive = zipArchive([
  // Node would otherwise look for the kind of the modules in every folder above.
  { name: 'package.json', content: Buffer.from('{"type":"module"}\n') },
  { name: 'LICENSE', content: readFileSync(join(root, 'LICENSE')) },
  ...programFiles(),
])
writeFileSync(join(artifacts, 'connector.zip'), archive)

/** The bundle without its source maps, in the order of names. */
function programFiles() {
  return [
    ...builtBy('build-program.mjs', '--with-clients'),
    // In the folder of the program, where it looks for them too.
    ...builtBy('build-dashboard.mjs').map(({ name, content }) => ({
      name: `dashboard/${name}`,
      content,
    })),
  ]
}

function builtBy(script, ...flags) {
  const directory = mkdtempSync(join(tmpdir(), 'build-greengrass-'))
  try {
    const options = [join(import.meta.dirname, script), directory, ...flags]
    const { status } = spawnSync(process.execPath, options, { stdio: 'inherit' })
    if (status !== 0) process.exit(status ?? 1)
    const names = readdirSync(directory).filter((file) => !file.endsWith('.map'))
    return names
      .sort()
      .map((file) => ({ name: file, content: readFileSync(join(directory, file)) }))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
