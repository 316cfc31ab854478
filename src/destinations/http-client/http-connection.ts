/**
 * One HTTP/1.1 connection. It sends one request at a time, and the next one only after the answer
 * to the last was complete and unambiguous. In every other case it is closed, because the bytes
 * that follow could belong to either request.
 *
 *     connecting ──▶ busy ──answer──▶ free ──send──▶ busy …
 *          └──────────┴── error, ambiguity, timeout ──▶ closed
 */

import type { Socket } from 'node:net'
import type { Answer, Exchange, ExchangeHolder, Request } from './http-exchange.ts'
import { fieldOf, keepAliveMsOf, type ResponseHead } from './response-head.ts'
import { ResponseParser } from './response-parser.ts'
import type { SocketOpener } from './socket-opener.ts'

/** An answer has at most 100 error entries; a much longer one does not come from the service. */
const MAX_ANSWER_BYTES = 1_048_576
/** How long an idle connection is kept unless the server says otherwise. */
const KEEP_ALIVE_MS = 20_000

export interface ConnectionOwner {
  /** The connection may be given another exchange within the next `keepAliveMs`. */
  connectionFree(connection: HttpConnection, keepAliveMs: number): void
  connectionClosed(connection: HttpConnection): void
  /** The peer has taken a piece of a body, so requests that wait behind it wait for good reason. */
  connectionProgressed(): void
}

export class HttpConnection implements ExchangeHolder {
  readonly #opener: SocketOpener
  readonly #owner: ConnectionOwner
  /** Aborted if the connection is closed before it has a socket. */
  readonly #opening = new AbortController()
  #socket: Socket | undefined
  #exchange: Exchange | undefined
  readonly #parser = new ResponseParser(MAX_ANSWER_BYTES)
  /** The request being written; undefined once the kernel has all of it. */
  #request: Request | undefined
  #isReady = false
  #error: Error | undefined

  constructor(opener: SocketOpener, owner: ConnectionOwner) {
    this.#opener = opener
    this.#owner = owner
  }

  /** Opens the socket and sends the first request. */
  start(exchange: Exchange): void {
    this.send(exchange)
    const opened = this.#opener.open({
      take: (bytes) => this.#take(bytes),
      ready: () => {
        this.#isReady = true
        if (this.#exchange !== undefined) this.#write(this.#exchange)
      },
      signal: this.#opening.signal,
    })
    if (opened instanceof Promise) void this.#await(opened)
    else this.#use(opened)
  }

  async #await(opened: Promise<Socket>): Promise<void> {
    const { signal } = this.#opening
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
    try {
      const socket = await Promise.race([opened, aborted])
      signal.throwIfAborted()
      if (socket.destroyed) throw this.#closedByPeer()
      this.#use(socket)
    } catch (thrown) {
      // A file may be read for longer than anybody waits: its socket comes too late.
      opened.then((socket) => socket.on('error', () => {}).destroy()).catch(() => {})
      this.#break(thrown)
      this.#owner.connectionClosed(this)
    }
  }

  #use(socket: Socket): void {
    this.#socket = socket
    socket.on('end', () => this.#end())
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('close', () => {
      this.#break(this.#error ?? this.#closedByPeer())
      this.#owner.connectionClosed(this)
    })
  }

  /** False once either side is closing it. */
  get isUsable(): boolean {
    return this.#socket?.writable === true
  }

  send(exchange: Exchange): void {
    this.#exchange = exchange
    exchange.holder = this
    if (!this.#isReady) return
    // Undoes the `unref` of an idle connection, which must not keep the process alive.
    this.#socket?.ref()
    this.#write(exchange)
  }

  /** The exchange has ended without its answer, so bytes that still come belong to no request. */
  drop(_exchange: Exchange): void {
    this.#exchange = undefined
    this.close()
  }

  close(): void {
    if (this.#socket === undefined) this.#opening.abort(this.#closedByPeer())
    else this.#socket.destroy()
  }

  #write(exchange: Exchange): void {
    let request: Request
    try {
      request = exchange.makeRequest()
    } catch (thrown) {
      exchange.fail(thrown)
      return
    }
    this.#request = request
    this.#parser.reset(request.isHead)
    if (request.rest !== undefined) void this.#writePieces(request, request.rest, exchange)
    else if (request.body !== undefined) this.#writeBoth(request.bytes, request.body)
    else this.#socket?.write(request.bytes, this.#written)
  }

  /** With one system call. */
  #writeBoth(head: Buffer, body: Buffer): void {
    this.#socket?.cork()
    this.#socket?.write(head)
    this.#socket?.write(body, this.#written)
    this.#socket?.uncork()
  }

  /** Until the peer has taken everything, or has answered without waiting for it. */
  async #writePieces(request: Request, rest: AsyncIterable<Buffer>, exchange: Exchange) {
    try {
      await this.#writePiece(request.bytes)
      for await (const piece of rest) {
        if (this.#exchange !== exchange) return
        await this.#writePiece(piece)
        exchange.progressed()
        this.#owner.connectionProgressed()
      }
      if (this.#request === request) this.#written(undefined)
    } catch (thrown) {
      if (this.#exchange !== exchange) return
      this.#break(this.#error ?? thrown)
      this.close()
    }
  }

  #writePiece(piece: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket?.write(piece, (error) => (error == null ? resolve() : reject(error)))
    })
  }

  readonly #written = (error: Error | null | undefined): void => {
    // After an error the kernel may still read the buffer, so it is not used again.
    if (error == null) this.#request?.release()
    this.#request = undefined
  }

  #take(bytes: Buffer): void {
    // Some servers send an answer such as 408 before they close an idle connection.
    if (this.#exchange === undefined) {
      this.close()
      return
    }
    const parser = this.#parser
    try {
      parser.take(bytes)
    } catch (thrown) {
      this.#break(thrown)
      this.close()
      return
    }
    if (parser.body.isTooLong) {
      this.#settle(answerOf(parser, true))
      this.close()
    } else if (parser.isComplete) {
      this.#complete()
    }
  }

  #end(): void {
    if (this.#exchange !== undefined && this.#parser.end())
      this.#settle(answerOf(this.#parser, false))
    else this.#break(this.#error ?? this.#closedByPeer())
    this.close()
  }

  #complete(): void {
    const { head, hasExcess } = this.#parser
    const keepAliveMs = head === undefined ? 0 : keepAliveMsOf(head, KEEP_ALIVE_MS)
    // If the answer came before the request was written, the server may close without reading the
    // rest.
    const isReusable = keepAliveMs > 0 && !hasExcess && this.#request === undefined
    this.#settle(answerOf(this.#parser, false))
    if (!isReusable) {
      this.close()
      return
    }
    this.#socket?.unref()
    this.#owner.connectionFree(this, keepAliveMs)
  }

  /** The answer will not be complete. An error status counts even if its body is cut off. */
  #break(reason: unknown): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    const { head } = this.#parser
    if (head !== undefined && head.status >= 300) {
      this.#settle(answerOf(this.#parser, true))
      return
    }
    this.#exchange = undefined
    exchange.holder = undefined
    exchange.fail(reason)
  }

  #settle(answer: Answer): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    this.#exchange = undefined
    exchange.holder = undefined
    exchange.answer(answer)
  }

  #closedByPeer(): Error {
    const when = this.#isReady ? 'before the answer was complete' : 'while connecting'
    return new Error(`the connection was closed ${when}`)
  }
}

const NO_HEAD: ResponseHead = { minorVersion: 1, status: 0, fields: [] }

function answerOf({ head = NO_HEAD, body }: ResponseParser, isCut: boolean): Answer {
  return {
    status: head.status,
    header: (name) => fieldOf(head.fields, name),
    body: body.text(),
    isCut,
  }
}
