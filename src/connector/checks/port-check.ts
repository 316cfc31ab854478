/** Whether the connector could listen on its addresses. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { hostForUrl } from '../../addresses.ts'
import { ConnectorError, messageOf, systemCodeOf } from '../../errors.ts'

export interface Address {
  readonly host: string
  /** 0: a free one, which is always available. */
  readonly port: number
  /** The section of the configuration with `host` and `port`. */
  readonly setting: string
}

/**
 * Listens on each of them for a moment. A client that connects just then is disconnected before it
 * has an answer, as if nobody listened; it has sent nothing that was acknowledged.
 */
export async function problemsOfAddresses(
  addresses: readonly Address[],
): Promise<ConnectorError[]> {
  const problems = problemsOfSamePorts(addresses)
  // A port that two settings name would look as if another program used it.
  if (problems.length > 0) return problems
  const servers: Server[] = []
  for (const address of addresses) {
    const server = createServer((socket) => socket.destroy())
    try {
      server.listen({ host: address.host, port: address.port })
      await once(server, 'listening')
      servers.push(server)
    } catch (thrown) {
      problems.push(problemOf(address, thrown))
    }
  }
  await Promise.all(servers.map((server) => closed(server)))
  return problems
}

function problemsOfSamePorts(addresses: readonly Address[]): ConnectorError[] {
  return addresses.flatMap((address, index) => {
    const other = addresses.slice(0, index).find((earlier) => overlap(earlier, address))
    if (other === undefined) return []
    const text = `${other.setting}.port and ${address.setting}.port are both ${address.port}; give each a port of its own`
    return [new ConnectorError('InvalidConfiguration', text)]
  })
}

function overlap(one: Address, other: Address): boolean {
  if (one.port !== other.port || one.port === 0) return false
  return one.host === other.host || isEveryAddress(one.host) || isEveryAddress(other.host)
}

function isEveryAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function problemOf({ host, port, setting }: Address, thrown: unknown): ConnectorError {
  return new ConnectorError(
    'AddressInUse',
    `cannot listen on ${hostForUrl(host)}:${port}: ${hintFor(systemCodeOf(thrown), setting) ?? messageOf(thrown)}`,
    { cause: thrown },
  )
}

function hintFor(code: string | undefined, setting: string): string | undefined {
  if (code === 'EADDRINUSE') {
    return `it is in use: stop what listens there (another connector or MQTT broker?) or set another port in ${setting}.port`
  }
  if (code === 'EACCES') {
    return `permission denied: ports below 1024 need the capability CAP_NET_BIND_SERVICE; give it, or set another port in ${setting}.port`
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `this machine has no such address; set another one in ${setting}.host`
  }
  return undefined
}

async function closed(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
