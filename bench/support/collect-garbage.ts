/**
 * Loaded into a Node server with `--import`: on SIGUSR2 it collects garbage, so that the memory per
 * connection does not include garbage.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

process.on('SIGUSR2', () => {
  collect()
  collect()
})
