/** Clients of the HTTP server that speak HTTPS, for tests. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { TestContext } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { HttpServerOptions } from '../../../src/http/http-server.ts'
import { type HttpOptions, httpOptions } from '../../../src/http/options.ts'
import { type Certificates, makeCertificates } from '../processes/certificates.ts'
import { serve } from './served-view.ts'

export interface SecureRequest {
  readonly headers?: Readonly<Record<string, string>>
  readonly tls?: ConnectionOptions
}

export interface SecureParts {
  readonly options?: Partial<HttpOptions>
  readonly tls?: object
  readonly others?: Omit<HttpServerOptions, 'options' | 'view'>
  readonly certificates?: Certificates
}

/** What a client trusts and, with a name, the certificate that it shows. */
export function clientTls(certificates: Certificates, name?: string): ConnectionOptions {
  return {
    ca: readFileSync(certificates.path('ca.crt')),
    ...(name !== undefined && {
      cert: readFileSync(certificates.path(`${name}.crt`)),
      key: readFileSync(certificates.path(`${name}.key`)),
    }),
  }
}

/** A server with the certificate `broker`, and requests to it. */
export async function serveHttps(t: TestContext, parts: SecureParts = {}) {
  const certificates = parts.certificates ?? makeCertificates(t)
  const { tls } = httpOptions.parse({
    tls: {
      cert: certificates.path('broker.crt'),
      key: certificates.path('broker.key'),
      ...parts.tls,
    },
  })
  const served = await serve(t, { ...parts.options, tls }, parts.others)
  const get = async (path: string, { headers = {}, tls = {} }: SecureRequest = {}) => {
    const asked = request(`https://127.0.0.1:${served.server.port}${path}`, {
      ...clientTls(certificates),
      headers,
      agent: false,
      ...tls,
    }).end()
    const [answer]: IncomingMessage[] = await once(asked, 'response')
    let text = ''
    for await (const chunk of answer ?? []) text += String(chunk)
    return { status: answer?.statusCode ?? 0, text, headers: answer?.headers ?? {} }
  }
  const secureSocket = async (tls: ConnectionOptions = {}): Promise<TLSSocket> => {
    const { port } = served.server
    const socket = connect({ port, host: '127.0.0.1', ...clientTls(certificates), ...tls })
    t.after(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }
  return { ...served, certificates, get, secureSocket }
}
