/**
 * Whether a server syncs before it acknowledges, as its system calls show: messages one at a time,
 * and between the read of each and the write of its acknowledgement an fsync, an fdatasync, or a
 * write to a file opened with O_DSYNC or O_SYNC that began after the one and was done before the
 * other.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { NumberedPublisher } from './numbered-publisher.ts'
import { payloadOf } from './numbered-publisher.ts'

const STRACE = '/usr/bin/strace'
const O_DSYNC = 0o10000
const READS = 'read,readv,recvfrom,recvmsg'
const WRITES = 'write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2'
const SYNCS = 'fsync,fdatasync'
const CALLS = `${READS},${WRITES},${SYNCS},openat,close`
const DIGITS = 8
const BETWEEN_MS = 30
const PATIENCE_MS = 5000

export interface SyncOrder {
  readonly messages: number
  readonly syncedBefore: number
}

/** Undefined without strace, or if it may not trace the process. */
export async function syncOrder(
  pid: number,
  publisher: NumberedPublisher,
  numbers: { first: number; count: number },
  file: string,
): Promise<SyncOrder | undefined> {
  if (!existsSync(STRACE)) return undefined
  const args = ['-f', '-p', String(pid), '-s', '200', '-e', `trace=${CALLS}`, '-o', file]
  const strace = spawn(STRACE, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const exit = once(strace, 'exit')
  const [line] = (await once(strace.stderr, 'data')) as [Buffer]
  if (!line.includes('attached')) return undefined
  strace.stderr.resume()
  await setTimeout(500)
  const synchronous = synchronousFiles(pid)
  const numbersOf = Array.from({ length: numbers.count }, (_, index) => numbers.first + index)
  for (const number of numbersOf) {
    await acknowledged(publisher, number)
    await setTimeout(BETWEEN_MS)
  }
  strace.kill('SIGINT')
  await exit
  return countSynced(callsIn(readFileSync(file, 'latin1'), synchronous), numbersOf)
}

async function acknowledged(publisher: NumberedPublisher, number: number): Promise<void> {
  const timeout = new AbortController()
  const answer = new Promise<void>((resolve) => {
    publisher.onAcknowledged = () => resolve()
  })
  publisher.publish(number)
  const late = setTimeout(PATIENCE_MS, undefined, { signal: timeout.signal }).catch(() => undefined)
  await Promise.race([answer, late])
  timeout.abort()
}

function synchronousFiles(pid: number): Set<string> {
  const files = new Set<string>()
  for (const file of readdirSync(`/proc/${pid}/fdinfo`)) {
    const info = readFileSync(`/proc/${pid}/fdinfo/${file}`, 'utf8')
    const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? '0', 8)
    if ((flags & O_DSYNC) !== 0) files.add(file)
  }
  return files
}

interface Call {
  readonly kind: 'read' | 'write' | 'sync'
  readonly text: string
  /** Places in the trace. */
  readonly began: number
  readonly ended: number
}

const CALL = /^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\((\d+)?)(.*)$/

/** The syncs that were done, in the order in which they ended. */
function callsIn(trace: string, synchronous: Set<string>): Call[] {
  const unfinished = new Map<string, { began: number; text: string; file: string }>()
  const calls: Call[] = []
  trace.split('\n').forEach((line, place) => {
    const match = CALL.exec(line)
    if (match === null) return
    const [, thread = '', resumed, fresh, number = '', rest = ''] = match
    const name = resumed ?? fresh ?? ''
    const earlier = resumed === undefined ? undefined : unfinished.get(thread)
    const begun = {
      began: earlier?.began ?? place,
      text: `${earlier?.text ?? ''}${rest}`,
      file: earlier?.file ?? number,
    }
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(thread, begun)
      return
    }
    const outcome = /= (-?\d+)(?: .*)?$/.exec(rest)?.[1]
    if (outcome === undefined || Number(outcome) < 0) return
    if (name === 'openat') {
      if (/O_D?SYNC/.test(begun.text)) synchronous.add(outcome)
      else synchronous.delete(outcome)
    }
    const kind = kindOf(name, begun.file, synchronous)
    if (kind !== undefined) calls.push({ ...begun, kind, ended: place })
  })
  return calls
}

function kindOf(
  name: string,
  file: string,
  synchronous: ReadonlySet<string>,
): Call['kind'] | undefined {
  if (SYNCS.split(',').includes(name)) return 'sync'
  if (READS.split(',').includes(name)) return 'read'
  if (!WRITES.split(',').includes(name)) return undefined
  return synchronous.has(file) ? 'sync' : 'write'
}

function countSynced(calls: readonly Call[], numbers: readonly number[]): SyncOrder {
  const syncs = calls.filter(({ kind }) => kind === 'sync')
  let messages = 0
  let syncedBefore = 0
  for (const number of numbers) {
    const digits = payloadOf(number).toString('latin1', 0, DIGITS)
    const read = calls.find(({ kind, text }) => kind === 'read' && text.includes(digits))
    const ack = calls.find(
      ({ kind, text, began }) =>
        kind === 'write' && began > (read?.ended ?? Infinity) && isAcknowledgement(text, number),
    )
    if (read === undefined || ack === undefined) continue
    messages++
    if (syncs.some(({ began, ended }) => began > read.ended && ended < ack.began)) syncedBefore++
  }
  return { messages, syncedBefore }
}

/** A PUBACK as strace writes it, with octal bytes, or JetStream's answer. */
function isAcknowledgement(text: string, number: number): boolean {
  return text.includes('"@\\2') || text.includes(`acks.${number} `)
}
