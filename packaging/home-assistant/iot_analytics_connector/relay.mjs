// Lets Home Assistant's ingress ask the connector, and nobody else. Home Assistant has checked who
// the user is, and its requests get both rights by the token that only this add-on knows.
import { createServer, request } from 'node:http'

/** The address of every Supervisor's ingress. */
export const INGRESS = '172.30.32.2'
/** They belong to one connection. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer']

/**
 * @param {{connector: {host: string, port: number}, token: string, allowed?: string}} options
 */
export function createRelay({ connector, token, allowed = INGRESS }) {
  const authority = `${connector.host}:${connector.port}`
  const relay = createServer((incoming, answer) => {
    const { headers, method, url } = incoming
    const outgoing = request({
      ...connector,
      method,
      path: url,
      headers: { ...headersFor(headers, authority), authorization: `Bearer ${token}` },
    })
    outgoing.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, withoutHops(response.headers))
      answer.flushHeaders()
      response.pipe(answer)
      response.on('error', () => answer.destroy())
    })
    outgoing.on('error', (error) => {
      if (answer.headersSent) answer.destroy()
      else answer.writeHead(502).end(`The connector does not answer: ${error.message}\n`)
    })
    answer.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  })
  relay.on('connection', (socket) => {
    if (socket.remoteAddress?.replace(/^::ffff:/, '') !== allowed) socket.destroy()
  })
  return relay
}

/**
 * The connector compares Origin with Host. A request from the page that Home Assistant has served
 * has them equal, and keeps that; any other keeps its Origin and is refused.
 */
function headersFor(headers, authority) {
  const { host, origin } = headers
  const isSame = origin !== undefined && host !== undefined && hostOf(origin) === host
  return {
    ...withoutHops(headers),
    host: authority,
    ...(isSame ? { origin: `http://${authority}` } : {}),
  }
}

function hostOf(origin) {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

function withoutHops(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)))
}
