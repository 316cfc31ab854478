/**
 * Node takes the memory of small buffers from a pool, and one small buffer that stays keeps the
 * whole pool. From Node 24 on a pool is 64 KiB instead of 8 KiB: a client that reads nothing could
 * then hold 64 KiB with one acknowledgement of 4 bytes, below any bound on what waits for it.
 */
const POOL_BYTES = 8_192

/** For the whole process, from the next pool on. A pool that is smaller already stays so. */
export function limitBufferPool(): void {
  Buffer.poolSize = Math.min(Buffer.poolSize, POOL_BYTES)
}
