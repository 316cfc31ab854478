/** Takes a sample at regular times and keeps the last ones: what happened since is a difference. */
import type { Clock, Timer } from '../../clock.ts'

export interface SampleRingOptions<Sample> {
  readonly clock: Clock
  readonly intervalMs: number
  readonly maxSamples: number
  readonly take: () => Sample
}

export class SampleRing<Sample> {
  readonly #options: SampleRingOptions<Sample>
  readonly #samples: Sample[] = []
  #timer: Timer | undefined

  constructor(options: SampleRingOptions<Sample>) {
    this.#options = options
  }

  /** Undefined before `start`. */
  get oldest(): Sample | undefined {
    return this.#samples[0]
  }

  start(): void {
    const { clock, intervalMs, maxSamples, take } = this.#options
    this.#samples.push(take())
    if (this.#samples.length > maxSamples) this.#samples.shift()
    this.#timer = clock.after(intervalMs, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
