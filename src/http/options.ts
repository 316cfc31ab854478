import * as z from 'zod'

/** The HTTP server: health, metrics, the ledger and the stored messages. */
export const httpOptions = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    port: z
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(8090)
      .describe('TCP port; 0 takes a free one.'),
    allowAnonymous: z
      .boolean()
      .default(false)
      .describe(
        'Allows listening beyond loopback. HTTP has no users: anyone who can reach the port can read every message.',
      ),
  })
  .describe('Health, metrics, the ledger and the stored messages over HTTP.')

export type HttpOptions = z.infer<typeof httpOptions>
