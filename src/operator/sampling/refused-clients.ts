/** Who was refused lately, and why. Repeats are counted; the newest are kept. */
import type { Clock } from '../../clock.ts'
import type { RefusedClient } from '../../observer.ts'
import { cut, printable } from '../../shown-text.ts'

const MAX_KEPT = 50
const MAX_WHO = 200
const MAX_REASON = 500

export interface Refused {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly who: string
  readonly reason: string
  readonly times: number
}

export class RefusedClients {
  readonly #clock: Clock
  /** By who and why, the one that was refused last at the end. */
  readonly #kept = new Map<string, Refused>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param remote address and port: each connection has another port, which is left out */
  note(source: string, remote: string, reason: string, client?: RefusedClient): void {
    const who = printable(cut(whoIs(source, remote, client), MAX_WHO))
    const text = printable(cut(reason, MAX_REASON))
    const key = `${who}\n${text}`
    const { times = 0 } = this.#kept.get(key) ?? {}
    this.#kept.delete(key)
    this.#kept.set(key, { at: this.#clock.now(), who, reason: text, times: times + 1 })
    if (this.#kept.size <= MAX_KEPT) return
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest)
      return
    }
  }

  /** The newest first. */
  list(): Refused[] {
    return [...this.#kept.values()].reverse()
  }

  get newest(): Refused | undefined {
    return this.list()[0]
  }
}

function whoIs(source: string, remote: string, client: RefusedClient | undefined): string {
  const address = remote.replace(/:\d+$/, '')
  const at = source === 'http' ? `${address} (HTTP)` : address
  if (client === undefined || client.clientId === '') return at
  const user = client.userName === undefined ? '' : `, user ${client.userName}`
  return `${client.clientId}${user}, ${at}`
}
