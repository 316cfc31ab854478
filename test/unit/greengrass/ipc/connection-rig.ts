/** A connection to a scripted nucleus, and what it reports. */
import type { TestContext } from 'node:test'
import { systemClock } from '../../../../src/clock.ts'
import type { EventHandler, JsonObject } from '../../../../src/greengrass/ipc/caller.ts'
import { type ConnectionOptions, IpcConnection } from '../../../../src/greengrass/ipc/connection.ts'
import type { IpcError } from '../../../../src/greengrass/ipc/ipc-error.ts'
import { TOKEN } from './known-frames.ts'
import { ScriptedNucleus, type ScriptedPeer } from './scripted-nucleus.ts'

export interface Rig {
  readonly nucleus: ScriptedNucleus
  readonly connection: IpcConnection
  readonly dropped: string[]
  readonly ended: IpcError[]
}

export async function rig(t: TestContext, changes: Partial<ConnectionOptions> = {}): Promise<Rig> {
  const nucleus = await ScriptedNucleus.start(t)
  const dropped: string[] = []
  const ended: IpcError[] = []
  const connection = new IpcConnection({
    socketPath: nucleus.socketPath,
    login: { authToken: TOKEN },
    clock: systemClock,
    operationDeadlineMs: 10_000,
    maxSentFrameBytes: () => 10_000,
    dropped: (reason) => dropped.push(reason),
    ended: (error) => ended.push(error),
    ...changes,
  })
  t.after(() => connection.abort())
  return { nucleus, connection, dropped, ended }
}

/** A connection that is accepted. */
export async function openRig(
  t: TestContext,
  changes: Partial<ConnectionOptions> = {},
): Promise<Rig & { readonly peer: ScriptedPeer }> {
  const made = await rig(t, changes)
  const opened = made.connection.open()
  const peer = await made.nucleus.login()
  peer.accept()
  await opened
  return { ...made, peer }
}

/** A handler that keeps what it gets. */
export function keepingHandler(isReadable = true) {
  const events: JsonObject[] = []
  const ended: string[] = []
  const handler: EventHandler = {
    event(payload) {
      events.push(payload)
      return isReadable
    },
    ended: ({ code }) => ended.push(code),
  }
  return { events, ended, handler }
}
