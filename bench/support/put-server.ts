/**
 * A BatchPutMessage endpoint in a process of its own, with and without TLS: reads requests by their
 * content-length and accepts each. Nothing is parsed, no signature checked.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'

export interface PutServerPorts {
  readonly http: number
  readonly https: number
}

/**
 * A key and a self-signed certificate for 127.0.0.1, in a directory that is removed at the end.
 */
export function makeCertificate(): { readonly key: string; readonly certificate: string } {
  const directory = mkdtempSync(join(tmpdir(), 'bench-certificate-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  const files = { key: join(directory, 'own.key'), certificate: join(directory, 'own.crt') }
  const { status, stderr } = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-days', '2', '-subj', '/CN=bench', '-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-keyout', files.key, '-out', files.certificate],
  ])
  if (status !== 0) throw new Error(`openssl req: ${stderr}`)
  return files
}

/** Listens on free ports, sends them to the parent process, and ends with it. */
export async function servePuts(files: { key: string; certificate: string }): Promise<void> {
  const plain = createServer({ noDelay: true }, serve)
  const secure = createTlsServer(
    { key: readFileSync(files.key), cert: readFileSync(files.certificate), noDelay: true },
    serve,
  )
  const listening = [plain, secure].map((server) => {
    return new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' ? (address?.port ?? 0) : 0)
      })
    })
  })
  const [http = 0, https = 0] = await Promise.all(listening)
  process.send?.({ http, https } satisfies PutServerPorts)
  process.on('disconnect', () => process.exit())
}

const BODY = '{"batchPutMessageErrorEntries":[]}'
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
)

function serve(socket: Socket): void {
  let held: Buffer = Buffer.alloc(0)
  let missing = 0
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    if (missing > chunk.length) {
      missing -= chunk.length
      return
    }
    let rest: Buffer = missing > 0 ? chunk.subarray(missing) : Buffer.concat([held, chunk])
    if (missing > 0) socket.write(ANSWER)
    missing = 0
    for (;;) {
      const end = rest.indexOf('\r\n\r\n')
      if (end < 0) break
      const head = rest.toString('latin1', 0, end)
      const total = end + 4 + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0)
      if (rest.length < total) {
        missing = total - rest.length
        rest = Buffer.alloc(0)
        break
      }
      socket.write(ANSWER)
      rest = rest.subarray(total)
    }
    held = rest
  })
}
