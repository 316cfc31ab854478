/**
 * A BatchPutMessage endpoint that accepts everything at the lowest cost: it counts requests by
 * their Content-Length and answers each at once. Runs as a program that prints its port, and the
 * time of the first request in milliseconds since 1970.
 */
import { createServer } from 'node:net'

const ANSWER = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 34\r\n\r\n{"batchPutMessageErrorEntries":[]}',
)
const LENGTH = /\r\ncontent-length: *(\d+)/i

let isFirst = true

const server = createServer({ noDelay: true }, (socket) => {
  let head = ''
  let missing = 0
  socket.on('error', () => socket.destroy())
  socket.on('data', (bytes: Buffer) => {
    let at = 0
    while (at < bytes.length) {
      if (missing === 0) {
        const text = head + bytes.toString('latin1', at)
        const end = text.indexOf('\r\n\r\n')
        if (end < 0) {
          head = text
          return
        }
        at += end + 4 - head.length
        missing = Number(LENGTH.exec(text.slice(0, end))?.[1] ?? 0)
        head = ''
      }
      const taken = Math.min(missing, bytes.length - at)
      at += taken
      missing -= taken
      if (missing > 0) continue
      socket.write(ANSWER)
      if (isFirst) process.stdout.write(`${Date.now()}\n`)
      isFirst = false
    }
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address !== null) process.stdout.write(`${address.port}\n`)
})
