/** What can call the nucleus: one connection, or the client that connects again. */
import type { IpcError } from './ipc-error.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export interface IpcCaller {
  /**
   * Calls an operation that is answered once. The caller bounds the number of calls under way.
   * @param operation its name without `aws.greengrass#`
   * @throws {IpcError}
   */
  request(operation: string, payload: JsonObject): Promise<JsonObject>
  /**
   * Calls an operation that streams events. Resolves when the nucleus confirms it.
   * @throws {IpcError}
   */
  subscribe(operation: string, payload: JsonObject, handler: EventHandler): Promise<Subscription>
}

/** Neither method may throw. */
export interface EventHandler {
  /**
   * Both nuclei may send an event before they confirm the subscription, so this may be called
   * before `subscribe` resolves. Returns false if the event does not have the expected form.
   */
  event(payload: JsonObject): boolean
  /** Called once after the confirmation, unless this side ends the subscription. */
  ended(error: IpcError): void
}

export interface Subscription {
  /** Ends the subscription: no event is handed over from here on. */
  close(): void
}

/** Its time, so that tests can set it. */
export interface IpcClock {
  monotonic(): number
  after(delayMs: number, call: () => void): IpcTimer
}

export interface IpcTimer {
  cancel(): void
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
