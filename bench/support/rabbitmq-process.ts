/**
 * RabbitMQ with its MQTT plugin: one node as a process of its own, with its own port mapper.
 */
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from './backlog.ts'
import { untilListening } from './broker-process.ts'
import { freePort, pinned, stopped } from './connector-process.ts'
import type { PeerServer } from './keeper.ts'
import { onPath } from './server-version.ts'

/** Debian's command on PATH changes to another user; this is the command that it runs. */
const DEBIAN = '/usr/lib/rabbitmq/bin/rabbitmq-server'

export const RABBITMQ_SERVER =
  process.env['RABBITMQ_SERVER'] ?? (existsSync(DEBIAN) ? DEBIAN : onPath('rabbitmq-server'))

export async function startRabbitMq(core: number, directory: string): Promise<PeerServer> {
  if (RABBITMQ_SERVER === undefined) throw new Error('no rabbitmq-server')
  const port = await freePort()
  const mapperPort = await freePort()
  const files = { config: join(directory, 'rabbitmq.conf'), plugins: join(directory, 'plugins') }
  await mkdir(directory, { recursive: true })
  await writeFile(files.plugins, '[rabbitmq_mqtt].\n')
  await writeFile(
    files.config,
    [
      'listeners.tcp = none',
      `mqtt.listeners.tcp.default = 127.0.0.1:${port}`,
      'mqtt.tcp_listen_options.nodelay = true',
      'mqtt.allow_anonymous = true',
      'mqtt.durable_queue_type = quorum',
      'mqtt.prefetch = 1000',
      'log.file.level = error',
      '',
    ].join('\n'),
  )
  const mapper = spawn('epmd', ['-port', String(mapperPort), '-address', '127.0.0.1'], {
    stdio: 'ignore',
  })
  await untilListening(mapperPort, mapper)
  // The cookie is made again at each start, so it stays off the disk that loses power.
  const home = await temporaryDirectory()
  const environment = {
    HOME: home,
    ERL_CRASH_DUMP_SECONDS: '0',
    // The script becomes the server, without a shell in between.
    RUNNING_UNDER_SYSTEMD: '1',
    ERL_EPMD_PORT: mapperPort,
    RABBITMQ_DIST_PORT: await freePort(),
    RABBITMQ_NODENAME: 'bench@localhost',
    RABBITMQ_MNESIA_BASE: join(directory, 'data'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_CONFIG_FILE: files.config,
    RABBITMQ_ENABLED_PLUGINS_FILE: files.plugins,
  }
  const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const child = pinned(core, '/usr/bin/env', [...assignments, RABBITMQ_SERVER])
  child.stdout?.resume()
  const stop = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') => {
    await stopped(child, signal)
    await stopped(mapper, 'SIGTERM')
    await rm(home, { recursive: true, force: true })
  }
  try {
    await untilListening(port, child)
  } catch (error) {
    await stop()
    throw error
  }
  return { port, pid: child.pid ?? 0, stop }
}

/** Only a running server reports its version, but the name of its directory contains it. */
export function rabbitMqVersion(): string | undefined {
  if (RABBITMQ_SERVER === undefined) return undefined
  return /rabbitmq_server-([^/]+)/.exec(realpathSync(RABBITMQ_SERVER))?.[1]
}
