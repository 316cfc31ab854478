/**
 * Opens a connection to an endpoint through an HTTP proxy, with CONNECT (RFC 9110, 9.3.6). The
 * proxy sees host and port; with TLS it sees nothing of the requests.
 *
 *     TCP to the proxy ─▶ CONNECT host:port ─▶ 2xx ─▶ the socket leads to the endpoint
 */
import { connect, type Socket } from 'node:net'
import { parseHead, protocolError } from './response-head.ts'

/** The same bound as for answers of the endpoint. */
const MAX_HEAD_BYTES = 16_384
const HEAD_END = '\r\n\r\n'

export class HttpProxy {
  readonly #host: string
  readonly #port: number
  readonly #authorization: string
  /** Host and port without user and password, for errors. */
  readonly shown: string

  readonly #setting: string

  /**
   * @param url http://[user:password@]host[:port]
   * @param setting the option that holds the URL, for errors
   */
  constructor(url: string, setting: string) {
    this.#setting = setting
    const { hostname, port, username, password } = new URL(url)
    this.#host = hostname.replace(/^\[(.*)\]$/, '$1')
    this.#port = port === '' ? 80 : Number(port)
    this.shown = `${hostname}:${this.#port}`
    const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    this.#authorization =
      user === ':'
        ? ''
        : `proxy-authorization: Basic ${Buffer.from(user, 'utf8').toString('base64')}\r\n`
  }

  /**
   * A socket on which the endpoint answers, without listeners of ours.
   * @param target host:port, IPv6 addresses in brackets
   * @param signal destroys the socket while it is being opened
   */
  open(target: string, signal: AbortSignal): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: this.#host, port: this.#port })
      let held: Buffer = Buffer.alloc(0)
      const settle = (error?: Error) => {
        signal.removeEventListener('abort', abort)
        socket.removeListener('data', take)
        socket.removeListener('close', closed)
        socket.removeListener('error', failed)
        if (error === undefined) return resolve(socket)
        // It may still fail while it closes.
        socket.on('error', () => {})
        socket.destroy()
        reject(error)
      }
      const abort = () => settle(new Error('the connection was given up'))
      const failed = (error: Error) => settle(this.#error(reasonOf(error), error))
      const closed = () => settle(this.#error('closed the connection without an answer'))
      const take = (bytes: Buffer) => {
        held = Buffer.concat([held, bytes])
        const end = held.indexOf(HEAD_END)
        if (end < 0 && held.length <= MAX_HEAD_BYTES) return
        try {
          this.#check(held, end, target)
          settle()
        } catch (thrown) {
          settle(thrown instanceof Error ? thrown : new Error(String(thrown)))
        }
      }
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort)
      socket.on('data', take).on('close', closed).on('error', failed)
      socket.once('connect', () => {
        socket.write(
          `CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${this.#authorization}\r\n`,
          'latin1',
        )
      })
    })
  }

  /** @throws {Error} unless the proxy has opened the tunnel */
  #check(bytes: Buffer, end: number, target: string): void {
    if (end < 0 || end > MAX_HEAD_BYTES) {
      throw this.#error(`sent header fields of more than ${MAX_HEAD_BYTES} bytes`)
    }
    const { status } = this.#parsed(bytes.toString('latin1', 0, end))
    if (status === 407) {
      throw this.#error(
        `asks for a user and password, or does not accept those it got (407). Set them in ${this.#setting} as http://user:password@host:port`,
      )
    }
    if (status < 200 || status > 299) {
      throw this.#error(`answered ${status} to CONNECT ${target}. Its rules must allow that target`)
    }
    // In a tunnel the client speaks first, so these bytes belong to no answer.
    if (bytes.length > end + HEAD_END.length) throw this.#error('sent more than its answer')
  }

  #parsed(text: string) {
    try {
      return parseHead(text)
    } catch (thrown) {
      const { message } = thrown instanceof Error ? thrown : protocolError('no status line')
      throw this.#error(`did not answer CONNECT as an HTTP proxy does: ${message}`)
    }
  }

  #error(what: string, cause?: Error): Error {
    return new Error(`the proxy ${this.shown} ${what}`, { cause })
  }
}

function reasonOf(error: Error): string {
  // With addresses of both families, Node's error has a text for each of them only.
  const code = 'code' in error ? String(error.code) : ''
  return `can't be used: ${error.message || code}`
}
