/** The servers of the comparison, each as a process of its own on a core of its own. */
import type { ChildProcess } from 'node:child_process'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConnectorProcess, freePort, linesOf, pinned, stopped } from './connector-process.ts'

export type BrokerName = 'ours' | 'aedes' | 'mosquitto' | 'sockets'

/** A running server; `stop` also removes its files. */
export interface BrokerProcess {
  readonly name: BrokerName
  readonly port: number
  readonly pid: number
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** `MOSQUITTO=FILE` puts another build in place of the system's. */
export const MOSQUITTO = process.env['MOSQUITTO'] ?? '/usr/sbin/mosquitto'
const COLLECT_GARBAGE = ['--import', join(import.meta.dirname, 'collect-garbage.js')]

/** No bounds on messages in flight or waiting: those are not measured. */
const MOSQUITTO_CONFIG = [
  'allow_anonymous true',
  'max_inflight_messages 0',
  'max_queued_messages 0',
  'set_tcp_nodelay true',
  'log_type error',
]

export function isInstalled(name: BrokerName): boolean {
  return name !== 'mosquitto' || existsSync(MOSQUITTO)
}

export async function startBroker(name: BrokerName, core: number): Promise<BrokerProcess> {
  if (name === 'ours') return startOurs(core)
  if (name === 'mosquitto') return startMosquitto(core, ['persistence false'])
  const program = join(
    import.meta.dirname,
    name === 'aedes' ? 'aedes-server.js' : 'socket-server.js',
  )
  const child = pinned(core, process.execPath, [...COLLECT_GARBAGE, program])
  return running(name, Number(await linesOf(child)()), child, () => Promise.resolve())
}

async function startOurs(core: number): Promise<BrokerProcess> {
  const connector = await ConnectorProcess.start({ destinations: [] }, core, COLLECT_GARBAGE)
  return {
    name: 'ours',
    port: connector.port,
    pid: connector.pid,
    stop: (signal) => connector.stop(signal),
  }
}

export interface Mosquitto extends BrokerProcess {
  /** Where `persistence true` keeps its file. */
  readonly directory: string
}

/** If `directory` is given, it belongs to the caller and stays. */
export async function startMosquitto(
  core: number,
  config: readonly string[],
  directory?: string,
): Promise<Mosquitto> {
  const root =
    directory ?? (await mkdtemp(join(process.env['BENCH_DIRECTORY'] ?? tmpdir(), 'bench-')))
  const port = await freePort()
  const lines = [
    // As root mosquitto would become a user who can't write the directory.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    `listener ${port} 127.0.0.1`,
    `persistence_location ${root}/`,
    ...MOSQUITTO_CONFIG,
    ...config,
  ]
  const file = join(root, 'mosquitto.conf')
  await writeFile(file, `${lines.join('\n')}\n`)
  const child = pinned(core, MOSQUITTO, ['-c', file])
  await untilListening(port, child)
  const remove = async () => {
    if (directory === undefined) await rm(root, { recursive: true, force: true })
  }
  return { ...running('mosquitto', port, child, remove), directory: root }
}

function running(
  name: BrokerName,
  port: number,
  child: ChildProcess,
  remove: () => Promise<void>,
): BrokerProcess {
  return {
    name,
    port,
    pid: child.pid ?? 0,
    async stop(signal = 'SIGTERM') {
      await stopped(child, signal)
      await remove()
    },
  }
}

export async function untilListening(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
    const isListening = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' }, () => resolve(true))
      socket.on('connect', () => socket.destroy())
      socket.on('error', () => resolve(false))
    })
    if (isListening) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** For the report: which versions were compared. */
export function versions(): Record<string, string> {
  const manifest = join(
    import.meta.dirname,
    '..',
    '..',
    '..',
    'node_modules',
    'aedes',
    'package.json',
  )
  const aedes = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  const mosquitto = existsSync(MOSQUITTO)
    ? spawnSync(MOSQUITTO, ['-h'], { encoding: 'utf8' }).stdout.split('\n')[0]
    : undefined
  return {
    node: process.version,
    aedes: aedes.version,
    mosquitto: mosquitto?.replace('mosquitto version ', '') ?? 'not installed',
  }
}
