/**
 * When the certificates of the MQTT server and the HTTP server end, for metrics. They are read when
 * the servers have read them: at the start, and after a reload that succeeded.
 */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ConnectorConfig } from '../../config/connector-config.ts'

interface CertificateEnd {
  /** The section of the configuration. */
  readonly part: string
  /** Milliseconds since 1970. */
  readonly endsAt: number
}

export class CertificateEnds {
  readonly #files: ReadonlyMap<string, string>
  #ends: readonly CertificateEnd[] = []

  constructor({ sources, http }: ConnectorConfig) {
    const sections = {
      'sources.mqttServer.tls': sources.mqttServer?.tls?.cert,
      'http.tls': http?.tls?.cert,
    }
    this.#files = new Map(
      Object.entries(sections).flatMap(([part, path]): [string, string][] =>
        path === undefined ? [] : [[part, path]],
      ),
    )
  }

  get all(): readonly CertificateEnd[] {
    return this.#ends
  }

  /** Never rejects. The servers report a certificate that can't be read; here it is left out. */
  async read(): Promise<void> {
    const reads = [...this.#files].map(async ([part, path]) => ({
      part,
      endsAt: await endOf(path),
    }))
    const results = await Promise.allSettled(reads)
    this.#ends = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
  }
}

/** The end of the first certificate in the file, which is the server's own. */
async function endOf(path: string): Promise<number> {
  const { validTo } = new X509Certificate(await readFile(path))
  return Date.parse(validTo)
}
