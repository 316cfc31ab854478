/** NATS with JetStream, as a process of its own: its own protocol, and MQTT on another port. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { untilListening } from './broker-process.ts'
import { freePort, pinned, stopped } from './connector-process.ts'
import type { PeerServer } from './keeper.ts'
import { onPath } from './server-version.ts'

export const NATS_SERVER = process.env['NATS_SERVER'] ?? onPath('nats-server')

export async function startNats(
  core: number,
  directory: string,
  protocol: 'nats' | 'mqtt',
  settings: readonly string[],
): Promise<PeerServer> {
  if (NATS_SERVER === undefined) throw new Error('no nats-server')
  const ports = { nats: await freePort(), mqtt: await freePort() }
  const jetstream = [`store_dir: "${directory}"`, 'max_file_store: 1500000000', ...settings]
  const file = join(directory, 'nats.conf')
  await writeFile(
    file,
    [
      'server_name: bench',
      `listen: "127.0.0.1:${ports.nats}"`,
      `jetstream { ${jetstream.join(', ')} }`,
      `mqtt { listen: "127.0.0.1:${ports.mqtt}", max_ack_pending: 1000 }`,
      'log_file: "/dev/null"',
      '',
    ].join('\n'),
  )
  const child = pinned(core, NATS_SERVER, ['-c', file])
  child.stdout?.resume()
  await untilListening(ports[protocol], child)
  return {
    port: ports[protocol],
    pid: child.pid ?? 0,
    stop: (signal = 'SIGTERM') => stopped(child, signal),
  }
}
