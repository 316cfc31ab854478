/**
 * Shows what a connection costs in Node without MQTT: it accepts sockets, reads them, and answers
 * the first bytes of each with a CONNACK. Runs as a program and prints its port.
 */
import { createServer, type Socket } from 'node:net'

const CONNACK = Buffer.from([0x20, 2, 0, 0])
const sockets = new Set<Socket>()

const server = createServer({ noDelay: true }, (socket) => {
  sockets.add(socket)
  let isAnswered = false
  socket.on('data', () => {
    if (!isAnswered) socket.write(CONNACK)
    isAnswered = true
  })
  socket.on('drain', () => undefined)
  socket.on('error', () => undefined)
  socket.on('close', () => sockets.delete(socket))
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => {
  const address = server.address()
  if (typeof address === 'object' && address !== null) process.stdout.write(`${address.port}\n`)
})
