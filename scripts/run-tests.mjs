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
// The first reporter repeats the tests that failed at the end, where they are found among thousands.
const reporters = flags.some((flag) => flag.startsWith('--test-reporter'))
  ? []
  : [
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=./scripts/hung-files.mjs',
      '--test-reporter-destination=stderr',
    ]

/**
 * Runs the files, up to `atATime` at once; returns the exit code. A file that takes longer than
 * `limitS` is ended, and so is a test without a limit of its own.
 */
function run(files, { atATime, limitS }) {
  if (files.length === 0) return 0
  const options = ['--test', `--test-timeout=${limitS}000`, `--test-concurrency=${atATime}`]
  const { status } = spawnSync(
    process.execPath,
    ['--enable-source-maps', ...options, ...reporters, ...flags, ...files],
    { stdio: 'inherit', cwd: join(root, '..', '..') },
  )
  return status ?? 1
}

const filesBelow = (folder) =>
  files.filter((file) => file.startsWith(join('build', 'test', folder)))
const attacks = filesBelow('attacks')
const faults = filesBelow('faults')
const others = files.filter((file) => !attacks.includes(file) && !faults.includes(file))

// Most tests wait more than they compute.
const atATime = Math.max(2, availableParallelism())
// The attacks measure how long others wait meanwhile, so nothing runs beside them. On two cores that
// are busy with other things, the slowest file of the faults takes six minutes, and of the others 100
// seconds.
const attacked = run(attacks, { atATime: 1, limitS: 300 })
const codes = [
  attacked,
  run(others, { atATime, limitS: 300 }),
  run(faults, { atATime, limitS: 600 }),
]
if (attacked !== 0)
  console.error('tests under test/attacks failed: see the first list of failing tests')
process.exit(Math.max(...codes))
