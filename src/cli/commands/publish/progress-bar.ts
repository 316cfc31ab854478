/** A progress bar on standard error; only on a terminal, and for more than one message. */

export interface ProgressBar {
  readonly update: (count: number) => void
  readonly stop: () => void
}

const HIDDEN: ProgressBar = { update() {}, stop() {} }

/** @param total 0 if it is not known */
export async function progressBar(output: NodeJS.WriteStream, total: number): Promise<ProgressBar> {
  if (!output.isTTY || total < 2) return HIDDEN
  const { default: progress } = await import('cli-progress')
  const bar = new progress.SingleBar({
    stream: output,
    format: '{bar} {value}/{total}  {duration_formatted}, {left} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
  })
  const startedAt = performance.now()
  bar.start(total, 0, { left: '-' })
  // By the mean rate since the start: the acknowledgements arrive in bursts.
  const left = (count: number): string => {
    const elapsedMs = performance.now() - startedAt
    return `${Math.ceil((elapsedMs * (total - count)) / Math.max(1, count) / 1000)}s`
  }
  return { update: (count) => bar.update(count, { left: left(count) }), stop: () => bar.stop() }
}
