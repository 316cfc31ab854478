/** The worker's side: runs the jobs it is sent, and answers through the IPC channel. */
import { isOwnCode, messageOf } from '../../errors.ts'
import { type Job, JobError, type JobKind } from './job.ts'
import type { FromWorker, JobFailure, ToWorker } from './messages.ts'

/** Events of one job that may be on their way. */
const MAX_WAITING_EVENTS = 4

export type JobKinds = Readonly<Record<string, () => Promise<JobKind>>>

/** Serves the process that has started this one, and ends with it. */
export function serveJobs(kinds: JobKinds): void {
  const running = new Map<number, RunningJob>()
  process.on('message', (message: ToWorker) => {
    const { id } = message
    if (message.kind === 'taken') running.get(id)?.eventTaken()
    if (message.kind === 'cancel') running.get(id)?.cancel()
    if (message.kind !== 'run') return
    const job = new RunningJob(id)
    running.set(id, job)
    void run(kinds, message, job).then((answer) => {
      running.delete(id)
      send(answer)
    })
  })
  process.on('disconnect', () => process.exit())
  // A terminal sends them to every process of its group. The other process decides what they mean.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => {})
}

async function run(
  kinds: JobKinds,
  { id, job, request }: Extract<ToWorker, { kind: 'run' }>,
  running: RunningJob,
): Promise<FromWorker> {
  try {
    const kind = Object.hasOwn(kinds, job) ? await kinds[job]?.() : undefined
    if (kind === undefined) throw new Error(`no job is called ${job}`)
    return { kind: 'done', id, result: await kind.run(request, running) }
  } catch (error) {
    return { kind: 'failed', id, ...failureOf(error) }
  }
}

function failureOf(error: unknown): JobFailure {
  const code = (error as { code?: unknown } | undefined)?.code
  return {
    code: typeof code === 'string' && isOwnCode(code) ? code : undefined,
    message: messageOf(error),
    details: error instanceof JobError ? error.details : undefined,
  }
}

class RunningJob implements Job {
  readonly #id: number
  readonly #aborted = new AbortController()
  #waiting = 0
  #wake = () => {}

  constructor(id: number) {
    this.#id = id
  }

  get signal(): AbortSignal {
    return this.#aborted.signal
  }

  readonly emit = async (event: unknown): Promise<void> => {
    while (this.#waiting >= MAX_WAITING_EVENTS) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.signal.throwIfAborted()
    }
    this.#waiting++
    send({ kind: 'event', id: this.#id, event })
  }

  eventTaken(): void {
    this.#waiting--
    this.#wake()
  }

  cancel(): void {
    this.#aborted.abort()
    this.#wake()
  }
}

/** Sends a line for the connector's log. It is the caller who bounds them. */
export function sendLog(source: string, line: string): void {
  send({ kind: 'log', source, line })
}

function send(message: FromWorker): void {
  // The channel may close at any time; then this process ends.
  process.send?.(message, undefined, undefined, () => {})
}
