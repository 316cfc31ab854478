/** Resets a connection, so that its peer sees ECONNRESET. */
import type { Socket } from 'node:net'

/**
 * One that has begun to close is destroyed instead: resetting it would leave its handle open, and
 * Node 20 and 24 never exit then. See https://github.com/libp2p/js-libp2p/pull/3597.
 * @param socket null if it is closed, as in `ServerResponse`
 */
export function resetSocket(socket: Socket | null): void {
  if (socket?.writableEnded) socket.destroy()
  else socket?.resetAndDestroy()
}
