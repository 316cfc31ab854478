/**
 * Run with `fork`: connects, and publishes at QoS 1 as fast as the socket accepts, without waiting
 * for acknowledgements, until it is ended. Sends a message when it has begun.
 */
import { publishPacket } from './mqtt-wire.ts'
import { letIn } from './server-process.ts'

const BURST = 500
const topic = 'iotanalytics/channels/flood/messages/binary/put'
const payload = Buffer.alloc(100, 'x')
const burst = Buffer.concat(
  Array.from({ length: BURST }, (_, index) =>
    publishPacket({ topic, payload, qos: 1, id: index + 1 }),
  ),
)

function flood(socket: Awaited<ReturnType<typeof letIn>>): void {
  while (socket.write(burst));
}

const [port, connections] = process.argv.slice(2).map(Number)
for (let index = 0; index < (connections ?? 1); index++) {
  const socket = await letIn(port ?? 0, `flooder-${index}`)
  socket.resume()
  socket.on('drain', () => flood(socket))
  socket.on('error', () => process.exit(0))
  flood(socket)
}
process.on('disconnect', () => process.exit(0))
process.send?.('flooding')
