/** How far the import is: a bar on a terminal, a line every few seconds elsewhere. */
import { formatCount, megabytes } from './import-numbers.ts'

export interface ImportProgress {
  readonly read: (bytes: number) => void
  readonly imported: (rows: number) => void
  readonly stop: () => void
}

const LINE_MS = 10_000
const FORMAT = '{bar} {percentage}%  {done}{left} left'

/** @param now milliseconds of a monotonic clock */
export async function importProgress(
  output: NodeJS.WriteStream,
  totalBytes: number,
  now: () => number = () => performance.now(),
): Promise<ImportProgress> {
  const startedAt = now()
  let bytes = 0
  let rows = 0
  const figures = () => {
    const elapsedMs = Math.max(1, now() - startedAt)
    const leftMs = bytes === 0 ? undefined : (elapsedMs * (totalBytes - bytes)) / bytes
    const rate = Math.round((rows * 1_000) / elapsedMs)
    const left = leftMs === undefined ? '-' : `${Math.ceil(leftMs / 1_000)}s`
    // Rows are there when the first batch has ended.
    const done = rows === 0 ? '' : `${formatCount(rows)} rows, ${formatCount(rate)} rows/s, `
    return { done, left }
  }
  const show = output.isTTY === true ? await bar(output, totalBytes) : lines(output, now)
  return {
    read: (more) => {
      bytes += more
      show.update(bytes, totalBytes, figures())
    },
    imported: (more) => {
      rows += more
      show.update(bytes, totalBytes, figures())
    },
    stop: () => show.stop(),
  }
}

interface Display {
  readonly update: (bytes: number, total: number, figures: Figures) => void
  readonly stop: () => void
}

interface Figures {
  readonly done: string
  readonly left: string
}

async function bar(output: NodeJS.WriteStream, totalBytes: number): Promise<Display> {
  const { default: progress } = await import('cli-progress')
  const shown = new progress.SingleBar({
    stream: output,
    format: FORMAT,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
  })
  shown.start(Math.max(1, totalBytes), 0, { done: '', left: '-' })
  return {
    update: (bytes, _total, figures) => shown.update(bytes, { ...figures }),
    stop: () => shown.stop(),
  }
}

function lines(output: NodeJS.WriteStream, now: () => number): Display {
  let last = now()
  return {
    update: (bytes, total, { done, left }) => {
      if (now() - last < LINE_MS) return
      last = now()
      output.write(`${megabytes(bytes)} of ${megabytes(total)} read, ${done}${left} left\n`)
    },
    stop: () => {},
  }
}
