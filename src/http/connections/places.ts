/**
 * Places for requests that take memory or time. A request keeps its place until its work is done and
 * its answer is read, or its connection ends. Others wait for a short time: then the answer that is
 * being read for the longest time makes way, and without one they are asked to come again. Addresses
 * share the places, and the places to wait: one alone may hold half of them.
 */
import type { ServerResponse } from 'node:http'
import { addressGroup } from '../../sources/mqtt-server/limits/address.ts'
import type { LoopTurns } from '../../sources/mqtt-server/limits/loop-turns.ts'
import { WORK_OF_ALL_A_TURN } from '../../sources/mqtt-server/limits/work.ts'
import { RequestError } from '../requests/request-error.ts'
import { AddressShares } from './address-shares.ts'

const MAX_WAIT_MS = 2_000
const RETRY_AFTER_S = 2
/** An answer that is being read for less than this does not make way. */
const MIN_READING_MS = 1_000

export interface PlacesOptions {
  /** For the error: what all places are taken by. */
  readonly of: string
  readonly places: number
  readonly waiting: number
  /** Shared by all that work: in each turn of the event loop one of them goes on. */
  readonly turns: LoopTurns
  readonly maxWaitMs?: number
}

interface Served {
  readonly address: string
  /** When its work was done. */
  readonly since: number
}

interface Waiting {
  readonly address: string
  readonly enter: () => void
}

export class Places {
  readonly #options: PlacesOptions
  readonly #served: AddressShares
  readonly #waiting: AddressShares
  readonly #queue = new Set<Waiting>()
  /** Answers that are being read, the oldest first. */
  readonly #reading = new Map<ServerResponse, Served>()

  constructor(options: PlacesOptions) {
    this.#options = options
    const { places, waiting } = options
    this.#served = new AddressShares(places, Math.ceil(places / 2))
    this.#waiting = new AddressShares(waiting, Math.ceil(waiting / 2))
  }

  /**
   * Works in a turn of the event loop of its own; `work` gets a function that waits for another one.
   * If `keepsPlace` says no of the result, the place is free at once.
   * @throws {RequestError} 503 if no place is free in time.
   */
  async serve<Result>(
    response: ServerResponse,
    work: (nextTurn: () => Promise<void>) => Promise<Result>,
    keepsPlace: (result: Result) => boolean = () => true,
  ): Promise<Result> {
    const address = addressGroup(response.req.socket.remoteAddress ?? '')
    if (this.#served.allows(address)) this.#served.take(address)
    else await this.#wait(address, response)
    let isWorking = true
    let isSent = isOver(response)
    const closed = (): void => {
      isSent = true
      this.#reading.delete(response)
      if (!isWorking) this.#leave(address)
    }
    if (!isSent) response.once('close', closed)
    try {
      await this.#ownTurn()
      const result = await work(() => this.#ownTurn())
      if (!keepsPlace(result)) isSent = true
      return result
    } finally {
      isWorking = false
      if (isSent) {
        response.off('close', closed)
        this.#leave(address)
      } else {
        this.#reading.set(response, { address, since: performance.now() })
      }
    }
  }

  #ownTurn(): Promise<void> {
    const { turns } = this.#options
    return new Promise((resolve) => {
      turns.next(() => {
        turns.spend(WORK_OF_ALL_A_TURN)
        resolve()
      })
    })
  }

  async #wait(address: string, response: ServerResponse): Promise<void> {
    if (!this.#waiting.allows(address)) throw this.#refusal()
    this.#waiting.take(address)
    let end = (): void => {}
    try {
      await new Promise<void>((resolve, reject) => {
        const waiting = { address, enter: resolve }
        const leave = (): void => {
          this.#queue.delete(waiting)
          reject(this.#refusal())
        }
        const { maxWaitMs = MAX_WAIT_MS } = this.#options
        const timeout = setTimeout(leave, maxWaitMs)
        const impatience = setTimeout(() => this.#makeWay(address), maxWaitMs / 2)
        end = () => {
          clearTimeout(timeout)
          clearTimeout(impatience)
          response.off('close', leave)
        }
        this.#queue.add(waiting)
        response.once('close', leave)
        if (isOver(response)) leave()
      })
    } finally {
      end()
      this.#waiting.release(address)
    }
  }

  /** Ends the oldest answer of the address; if it has none, the oldest of all. */
  #makeWay(address: string): void {
    const old = [...this.#reading].filter(
      ([response, { since }]) =>
        response.headersSent && performance.now() - since >= MIN_READING_MS,
    )
    const [victim] = old.find(([, served]) => served.address === address) ?? old[0] ?? []
    victim?.req.socket.destroy()
  }

  /** The place goes to the first that waits and may have it. */
  #leave(address: string): void {
    this.#served.release(address)
    for (const waiting of this.#queue) {
      if (!this.#served.allows(waiting.address)) continue
      this.#served.take(waiting.address)
      this.#queue.delete(waiting)
      waiting.enter()
      return
    }
  }

  #refusal(): RequestError {
    const message = `All places for ${this.#options.of} are taken. Try again in ${RETRY_AFTER_S} s.`
    return new RequestError(503, 'TooManyRequests', message, RETRY_AFTER_S)
  }
}

function isOver(response: ServerResponse): boolean {
  return response.closed || response.req.socket.destroyed
}
