/** What a test needs to measure memory that is held, without garbage. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Twice, because what waits for finalization is free only the second time. */
export function collectGarbage(): void {
  collect()
  collect()
}

/** Bytes that are held on the heap of V8. */
export function heldHeapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}
