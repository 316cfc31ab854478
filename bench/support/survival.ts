/**
 * How many acknowledged messages a server still has after kill -9 and after a power cut, both at
 * the instant of the last acknowledgement of the same run.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from './backlog.ts'
import type { PeerServer } from './keeper.ts'
import { publishPaced } from './numbered-publisher.ts'
import type { Peer } from './peers.ts'
import { PowerCutDisk } from './power-cut.ts'
import { type SyncOrder, syncOrder } from './sync-order.ts'

/** The numbers are also the packet ids, so all of them must stay below 65,536. */
const PROBED = { first: 1, count: 20 }

export interface Survival {
  readonly acknowledged: number
  readonly keptAfterKill: number
  /** Undefined if it could not be simulated; a text if the server did not start again after it. */
  readonly keptAfterPowerCut?: number | string | undefined
  /** Undefined without strace. */
  readonly syncOrder?: SyncOrder | undefined
}

export interface SurvivalOptions {
  readonly messages: number
  readonly perSecond: number
  readonly withPowerCut: boolean
}

export async function survivalOf(peer: Peer, options: SurvivalOptions): Promise<Survival> {
  const root = await temporaryDirectory()
  const disk = options.withPowerCut ? await PowerCutDisk.make(root) : undefined
  const directory = disk?.directory ?? (await mkdtemp(join(root, 'files-')))
  const servers: PeerServer[] = []
  const start = async (endpointPort?: number) => {
    const server = await peer.start(directory, endpointPort)
    servers.push(server)
    return server
  }
  try {
    const server = await start()
    await peer.keeper.prepare(server.port)
    // A real queue or stream exists long before a crash: only its messages are tested.
    disk?.settle()
    const publisher = await peer.keeper.open(server.port)
    const order = await syncOrder(server.pid, publisher, PROBED, join(root, 'trace'))
    const { acknowledged } = await publishPaced(publisher, {
      first: PROBED.first + PROBED.count,
      count: options.messages,
      perSecond: options.perSecond,
    })
    await server.stop('SIGKILL')
    disk?.cut()
    publisher.close()
    const kept = async () => {
      const numbers = await peer.keeper.collect(start)
      return [...acknowledged].filter((number) => numbers.has(number)).length
    }
    const keptAfterKill = await kept()
    disk?.returnAfterCut()
    return {
      acknowledged: acknowledged.size,
      keptAfterKill,
      keptAfterPowerCut: disk === undefined ? undefined : await kept().catch(reasonOf),
      syncOrder: order,
    }
  } finally {
    for (const server of servers) await server.stop('SIGKILL')
    await disk?.remove()
    await rm(root, { recursive: true, force: true })
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Why a power cut cannot be simulated here; undefined when it can. */
export async function powerCutObstacle(): Promise<string | undefined> {
  const root = await temporaryDirectory()
  try {
    const disk = await PowerCutDisk.make(root)
    await disk.remove()
    return undefined
  } catch (error) {
    return reasonOf(error)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}
