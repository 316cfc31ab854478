/**
 * Thousands of power cuts and kills within one process: a store of small slots on a simulated disk,
 * beside plain lists of what it must hold. Each trial is a disk on which the store is opened
 * several times and ends at any call of the disk: while it opens, commits, settles, or stops.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { DiskLogStore, DiskLogStoreOptions } from '../../src/channels/disk/disk-log-store.ts'
import { exportMessages } from '../../src/channels/disk/doctor/export-messages.ts'
import { inspectDirectory } from '../../src/channels/disk/doctor/inspect.ts'
import { readJournal } from '../../src/channels/disk/journal/journal-reading.ts'
import { type ChannelLog, CommitError } from '../../src/channels/log/channel-log.ts'
import { MemoryBudget } from '../../src/channels/log/memory-budget.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import type { Message } from '../../src/message.ts'
import { silentObserver } from '../../src/observer.ts'
import { diskStore } from '../support/disk/disk-stores.ts'
import { SimulatedDisk, seededRandom } from '../support/disk/simulated-disk.ts'
import { ChannelModel } from './channel-model.ts'
import { type FileTimes, KillableFiles } from './killable-files.ts'

const LIVES = 12
const MOST_CALLS = 500
const DIRECTORY = '/data'
/** One channel is read at once, some late, one never, and one has a message now and then. */
const BACKLOGS = { quick: 0, late: 4, later: 30, stuck: Number.POSITIVE_INFINITY, rare: 1 }

export interface CutFigures {
  powerCuts: number
  kills: number
  cleanStops: number
  commits: number
  commitsRefused: number
  messages: number
  /** Segments found at starts, which shows that slots had been settled. */
  segments: number
}

export function newCutFigures(): CutFigures {
  return {
    powerCuts: 0,
    kills: 0,
    cleanStops: 0,
    commits: 0,
    commitsRefused: 0,
    messages: 0,
    segments: 0,
  }
}

/**
 * Runs trials with one seed after the other until `rounds` power cuts and kills have happened.
 * @throws when anything is lost or altered; the error names the seed
 */
export async function cutStores(
  seed: number,
  rounds: number,
  progress: (done: number) => void = () => undefined,
): Promise<CutFigures> {
  const figures = newCutFigures()
  for (let next = seed; figures.powerCuts + figures.kills < rounds; next++) {
    await cutStore(next, figures)
    // Timers of closed stores end only when the event loop turns; until then they hold memory.
    await nextTurn()
    progress(figures.powerCuts + figures.kills)
  }
  return figures
}

export async function cutStore(seed: number, figures: CutFigures): Promise<void> {
  const trial = new Trial(seed, figures)
  for (let life = 0; life < LIVES; life++) {
    try {
      await trial.live()
    } catch (error) {
      const what = error instanceof Error ? error.message : error
      throw new Error(`seed ${seed}, life ${life} (${trial.what}): ${what}`, { cause: error })
    }
  }
}

class Trial {
  /** What ends the present life, and its faults. */
  what = ''
  #disk: SimulatedDisk
  #files: KillableFiles
  #store: DiskLogStore
  #logs = new Map<string, ChannelLog>()
  readonly #random: () => number
  /** For faults of single files, which came later: seeds keep their meaning for the others. */
  readonly #randomOfFiles: () => number
  readonly #figures: CutFigures
  readonly #options: Partial<DiskLogStoreOptions>
  readonly #models = Object.keys(BACKLOGS).map((channel) => new ChannelModel(channel))
  readonly #damage: string[] = []
  #hasFailures = false
  #isBroken = true
  #isFull = true
  #time = 1e12
  readonly #clock: Clock = { ...systemClock, now: () => this.#time++ }
  readonly #times: FileTimes = { now: this.#clock.now, writtenAt: new Map() }

  constructor(seed: number, figures: CutFigures) {
    this.#random = seededRandom(seed)
    this.#randomOfFiles = seededRandom(~seed)
    this.#figures = figures
    this.#options = this.#chooseOptions()
    this.#disk = new SimulatedDisk(this.#random)
    this.#files = new KillableFiles(this.#disk, this.#random, this.#times)
    this.#store = this.#newStore()
  }

  /** Opens, works and ends; then the files that are left are checked. */
  async live(): Promise<void> {
    this.#plan()
    try {
      await this.#open()
      for (let step = 10 + this.#below(60); step > 0; step--) await this.#step()
      await this.#store.close()
      this.#figures.cleanStops += 1
      await this.#forgetJournalSometimes()
    } catch (error) {
      if (error instanceof assert.AssertionError || !this.#isOver) throw error
    }
    if (!this.#disk.hasPower) this.#figures.powerCuts += 1
    else if (this.#files.isDead) this.#figures.kills += 1
    // The cache may hold bytes that a failed write did not bring to the disk; they must not count.
    if (!this.#disk.hasPower || this.#hasFailures) this.#disk = this.#disk.afterPowerLoss()
    await this.#lookAtWhatIsLeft()
  }

  /** Power is gone, or the process. */
  get #isOver(): boolean {
    return !this.#disk.hasPower || this.#files.isDead
  }

  /** Chooses what will end this life, and its faults. */
  #plan(): void {
    const luck = this.#random()
    const call = Math.floor(this.#random() ** 2 * MOST_CALLS)
    this.#calm()
    this.#files = new KillableFiles(this.#disk, this.#random, this.#times)
    this.#hasFailures = false
    if (luck < 0.3) {
      this.what = 'kill'
      this.#files.killedAt = call
      return
    }
    this.what = luck < 0.9 ? 'power cut' : 'clean stop'
    if (luck < 0.9) this.#disk.powerLostAt = this.#disk.calls + call
    if (this.#random() < 0.3) this.#failSome()
    else if (this.#random() < 0.1) this.#fillDisk()
    else if (this.#randomOfFiles() < 0.3) this.#failFilesOfTwo()
  }

  #calm(): void {
    this.#disk.powerLostAt = Number.POSITIVE_INFINITY
    this.#disk.fail = () => undefined
    this.#disk.capacityBytes = Number.POSITIVE_INFINITY
  }

  #failSome(): void {
    this.what += ', calls fail'
    this.#hasFailures = true
    const share = this.#random() * 0.1
    this.#disk.fail = (operation) => {
      const isWriting = operation === 'write' || operation === 'sync' || operation === 'open'
      return isWriting && this.#random() < share ? 'EIO' : undefined
    }
  }

  /**
   * The files of one channel fail, which sets it aside, and those of another find no room, which all
   * channels wait for. Both work again now and then.
   */
  #failFilesOfTwo(): void {
    this.what += ', files of two channels fail'
    this.#hasFailures = true
    const [broken, full] = [this.#anyChannel(), this.#anyChannel()]
    this.#disk.fail = (operation, path) => {
      if (operation !== 'write' && operation !== 'sync') return undefined
      if (path.includes(`/${broken}/`) && this.#isBroken) return 'EIO'
      return path.includes(`/${full}/`) && this.#isFull ? 'ENOSPC' : undefined
    }
  }

  #anyChannel(): string {
    const index = Math.floor(this.#randomOfFiles() * this.#models.length)
    return this.#models[index]?.channel ?? ''
  }

  #fillDisk(): void {
    this.what += ', disk full'
    this.#hasFailures = true
    this.#disk.capacityBytes = this.#disk.bytes + this.#below(60_000)
  }

  async #open(): Promise<void> {
    this.#store = this.#newStore()
    try {
      this.#logs = new Map((await this.#store.open()).map((log) => [log.channel, log]))
    } catch (error) {
      // A start may fail on a failing disk.
      if (this.#isOver) throw error
      this.#calm()
      this.#store = this.#newStore()
      this.#logs = new Map((await this.#store.open()).map((log) => [log.channel, log]))
    }
  }

  async #step(): Promise<void> {
    const luck = this.#random()
    if (luck < 0.7) await this.#commit()
    else if (luck < 0.85) await this.#read()
    else if (luck < 0.9) await this.#store.probe().catch(() => undefined)
    else this.#release()
    if (this.#randomOfFiles() < 0.1) this.#isBroken = !this.#isBroken
    if (this.#randomOfFiles() < 0.1) this.#isFull = !this.#isFull
    if (this.#randomOfFiles() < 0.05) await this.#store.retryFaults()
  }

  async #commit(): Promise<void> {
    this.#append()
    const isWritten = this.#models.map((model) => model.commitBegins()).includes(true)
    const committing = this.#store.commit()
    if (this.#random() < 0.3) this.#append()
    if (this.#random() < 0.3) this.#release()
    try {
      await committing
      this.#figures.commits += 1
      for (const model of this.#models) model.commitSucceeded(isWritten)
    } catch (error) {
      if (!(error instanceof CommitError)) throw error
      if (this.#isOver) throw error
      this.#figures.commitsRefused += 1
      for (const model of this.#models) {
        model.commitFailed(error.discarded.get(model.channel) ?? [])
      }
    }
  }

  #append(): void {
    const setAside = this.#store.faults.map(({ channel }) => channel)
    for (const model of this.#models) {
      if (setAside.includes(model.channel)) continue
      if (model.channel === 'rare' ? this.#random() > 0.1 : this.#random() > 0.6) continue
      for (let count = 1 + this.#below(4); count > 0; count--) {
        const bytes = this.#messageBytes()
        if (!this.#store.makeRoom(bytes + 1_000)) break
        this.#logOf(model).append(model.append(bytes))
        this.#figures.messages += 1
      }
    }
  }

  /** Mostly small, sometimes none, sometimes larger than a slot. */
  #messageBytes(): number {
    const luck = this.#random()
    if (luck < 0.05) return 0
    if (luck < 0.06) return this.#below(40_000)
    return this.#below(luck < 0.3 ? 4_000 : 600)
  }

  #release(): void {
    const isFull = this.#store.bytes > this.#store.maxBytes * 0.7
    for (const model of this.#models) {
      const log = this.#logs.get(model.channel)
      const backlog = BACKLOGS[model.channel as keyof typeof BACKLOGS]
      const keep = isFull && backlog === Number.POSITIVE_INFINITY ? 20 : backlog
      if (log === undefined || keep >= model.kept.length || this.#random() < 0.3) continue
      const { state, released } = model.release(keep)
      log.noteState(state, released)
    }
  }

  async #read(): Promise<void> {
    for (const model of this.#models) {
      const log = this.#logs.get(model.channel)
      const from = this.#below(model.kept.length + 1)
      if (log === undefined) continue
      try {
        await model.checkReads(log, from, 1 + this.#below(30))
      } catch (error) {
        // A message that cannot be read now may be readable later.
        if (error instanceof Error && 'code' in error && error.code === 'StorageFailed') continue
        throw error
      }
    }
  }

  async #lookAtWhatIsLeft(): Promise<void> {
    this.#calm()
    this.#files = new KillableFiles(this.#disk, this.#random, this.#times)
    assert.ok(this.#disk.peakBytes <= this.#store.maxBytes, `${this.#disk.peakBytes} bytes`)
    if (this.#random() < 0.2) await this.#lookFromOutside()
    await this.#open()
    for (const model of this.#models) {
      const log = this.#logs.get(model.channel)
      if (log === undefined) model.checkNotFound()
      else await model.checkFound(log)
    }
    assert.deepEqual(this.#damage, [])
    // This is like a kill before the process wrote anything: the next life continues with the disk.
    this.#files.isDead = true
  }

  async #lookFromOutside(): Promise<void> {
    for (const model of this.#models) {
      const messages: Message[] = []
      const range = { channel: model.channel }
      for await (const one of exportMessages(DIRECTORY, range, this.#disk)) messages.push(one)
      model.checkExported(messages)
    }
    const { channels, journal } = await inspectDirectory(DIRECTORY, this.#disk)
    const findings = [...journal.findings, ...channels.flatMap((channel) => channel.findings)]
    assert.deepEqual(
      findings.filter((finding) => finding.severity === 'loss'),
      [],
    )
    this.#figures.segments += channels.reduce((sum, { segments }) => sum + segments, 0)
  }

  /**
   * After a clean stop the logs' directories hold everything, unless the disk refused the writes.
   */
  async #forgetJournalSometimes(): Promise<void> {
    if (this.#isOver) return
    this.#calm()
    const { isClean } = await readJournal(this.#disk, join(DIRECTORY, 'journal'))
    if (!isClean || this.#random() < 0.7) return
    // Files that were removed before must not come back with the next power cut.
    await this.#disk.syncDirectory(join(DIRECTORY, 'journal'))
    for (const path of this.#disk.files) if (path.endsWith('.jnl')) this.#disk.lose(path)
  }

  #logOf({ channel }: ChannelModel): ChannelLog {
    let log = this.#logs.get(channel)
    if (log === undefined) {
      log = this.#store.create(channel)
      this.#logs.set(channel, log)
    }
    return log
  }

  #chooseOptions(): Partial<DiskLogStoreOptions> {
    const choose = (...from: number[]) => from[this.#below(from.length)] ?? 0
    return {
      directory: DIRECTORY,
      maxBytes: choose(600_000, 1_500_000),
      slotBytes: choose(16_384, 20_480, 65_536),
      segmentBytes: choose(8_000, 64_000),
      historyBytes: choose(0, 50_000, 1_000_000),
      budget: new MemoryBudget(choose(0, 1_000_000)),
    }
  }

  #newStore(): DiskLogStore {
    return diskStore({
      ...this.#options,
      files: this.#files,
      clock: this.#clock,
      observer: {
        ...silentObserver,
        // A process that has ended sees nothing any more.
        damageFound: (channel, what) => {
          if (!this.#isOver) this.#damage.push(`${channel}: ${what}`)
        },
      },
    })
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}
