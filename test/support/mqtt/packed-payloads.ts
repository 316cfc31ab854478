import type { PackedPayloads } from '../../../src/sources/source.ts'

/** Payloads back to back, as an outlet gets them. */
export function packed(...payloads: string[]): PackedPayloads {
  const buffers = payloads.map((payload) => Buffer.from(payload))
  let end = 0
  const ends = Uint32Array.from(buffers, ({ length }) => {
    end += length
    return end
  })
  return { count: payloads.length, bytes: Buffer.concat(buffers), ends }
}
