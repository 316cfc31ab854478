// Runs the compiled tests: all of them, or those whose path contains one of the arguments.
// Node 20's --test takes no globs, so the files are listed here.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', 'build', 'test')
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'))

const files = readdirSync(root, { recursive: true })
  .filter((file) => file.endsWith('.test.js'))
  // What was compiled from a file that is gone is no test any more.
  .filter((file) => existsSync(join(root, '..', '..', 'test', file.replace(/js$/, 'ts'))))
  .map((file) => join('build', 'test', file))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()

if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(', ')}`)
  process.exit(2)
}
// This reporter repeats the tests that failed at the end, where they are found among thousands.
const reporter = flags.some((flag) => flag.startsWith('--test-reporter'))
  ? []
  : ['--test-reporter=spec']

/** Runs the files, up to `atATime` at once; returns the exit code. */
function run(files, atATime) {
  if (files.length === 0) return 0
  const options = ['--test', '--test-timeout=600000', `--test-concurrency=${atATime}`]
  const { status } = spawnSync(
    process.execPath,
    ['--enable-source-maps', ...options, ...reporter, ...flags, ...files],
    { stdio: 'inherit', cwd: join(root, '..', '..') },
  )
  return status ?? 1
}

// The attacks measure how long others wait meanwhile, so nothing runs beside them. The other tests
// wait more than they compute.
const isAttack = (file) => file.startsWith(join('build', 'test', 'attacks'))
const alone = run(files.filter(isAttack), 1)
const together = run(
  files.filter((file) => !isAttack(file)),
  Math.max(2, availableParallelism()),
)
if (alone !== 0)
  console.error('tests under test/attacks failed: see the first list of failing tests')
process.exit(alone || together)
