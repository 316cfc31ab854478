/** Numbers the connections of a server, and keeps none of them in memory. */
import type { Socket } from 'node:net'

export class ConnectionNumbers {
  readonly #numbers = new WeakMap<Socket, number>()
  #next = 0

  of(socket: Socket): number {
    const known = this.#numbers.get(socket)
    if (known !== undefined) return known
    const number = this.#next++
    this.#numbers.set(socket, number)
    return number
  }
}
