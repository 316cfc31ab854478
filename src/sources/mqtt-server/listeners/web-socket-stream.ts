/**
 * A WebSocket as a stream of bytes. Its messages must be binary [MQTT-6.0.0-1]; packets may begin
 * and end anywhere in them [MQTT-6.0.0-2].
 */
import { Duplex } from 'node:stream'
import type { RawData, WebSocket } from 'ws'

const UNSUPPORTED_DATA = 1003
const NORMAL_CLOSURE = 1000

export class WebSocketStream extends Duplex {
  readonly #webSocket: WebSocket

  constructor(webSocket: WebSocket) {
    super()
    this.#webSocket = webSocket
    webSocket.on('message', (data, isBinary) => this.#received(data, isBinary))
    webSocket.on('error', (error) => this.destroy(error))
    webSocket.on('close', () => this.#closed())
  }

  override _read(): void {
    this.#webSocket.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.send(chunk, done)
    else done()
  }

  override _final(done: () => void): void {
    this.#webSocket.close(NORMAL_CLOSURE)
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#webSocket.terminate()
    done(error)
  }

  #received(data: RawData, isBinary: boolean): void {
    if (!isBinary || !Buffer.isBuffer(data)) {
      this.#webSocket.close(UNSUPPORTED_DATA, 'MQTT is binary')
      return
    }
    if (data.length > 0 && !this.push(data)) this.#webSocket.pause()
  }

  #closed(): void {
    if (this.destroyed) return
    this.push(null)
    this.destroy()
  }
}
