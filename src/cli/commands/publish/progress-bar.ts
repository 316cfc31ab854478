/** A progress bar for people: on a terminal, and only where there is progress to watch. */

export interface ProgressBar {
  readonly update: (count: number) => void
  readonly stop: () => void
}

const HIDDEN: ProgressBar = { update() {}, stop() {} }

/** `total` 0: not known. */
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
