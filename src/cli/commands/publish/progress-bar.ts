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
    format: '{bar} {value}/{total}  {duration_formatted}, {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
  })
  bar.start(total, 0)
  return { update: (count) => bar.update(count), stop: () => bar.stop() }
}
