/**
 * What a channel's log must hold, as a plain list: what was acknowledged, and what may be there
 * too.
 */
import assert from 'node:assert/strict'
import type { ChannelLog, ChannelState } from '../../src/channels/log/channel-log.ts'
import type { Draft, Message } from '../../src/message.ts'
import { draftOf } from '../support/channels/log-drafts.ts'

const READ_MESSAGES = 50
const READ_BYTES = 64 * 1024

export class ChannelModel {
  readonly channel: string
  /** Payloads by offset: acknowledged, or found after a crash. */
  readonly kept: string[] = []
  /** Appended, and in no commit yet. */
  #staged: string[] = []
  /** In the commit under way. */
  #writing: string[] = []
  /** From commits that failed since the last successful one: a crash may bring one of them back. */
  #refused: string[][] = []
  /** Messages below were given up, perhaps not durably. */
  #released = 0
  /** States are numbered: the last one noted, in the commit under way (0: none), and durable. */
  #notedState = 0
  #writingState = 0
  #savedState = 0
  #isStateStaged = false
  #id: string | undefined
  #count = 0

  constructor(channel: string) {
    this.channel = channel
  }

  /** Makes the next message, of about this number of bytes. */
  append(bytes: number): Draft {
    const text = `${this.channel} ${this.#count++} `
    const payload = text.padEnd(bytes, text)
    this.#staged.push(payload)
    return draftOf(payload, { topic: `line/${this.#count % 3}`, receivedAt: 1e12 + this.#count })
  }

  /** Gives up all but the newest `keep` messages; returns what is to be noted. */
  release(keep: number): { readonly state: ChannelState; readonly released: number } {
    this.#released = Math.max(this.#released, this.kept.length - keep)
    this.#notedState += 1
    this.#isStateStaged = true
    const state: ChannelState = { version: 1, cursors: {}, refused: { n: this.#notedState } }
    return { state, released: this.#released }
  }

  /** Returns whether it has anything for the commit. */
  commitBegins(): boolean {
    this.#writing = this.#staged
    this.#staged = []
    this.#writingState = this.#isStateStaged ? this.#notedState : 0
    this.#isStateStaged = false
    return this.#writing.length > 0 || this.#writingState > 0
  }

  /** Once anything is written, no message refused before it can come back. */
  commitSucceeded(isWritten: boolean): void {
    this.kept.push(...this.#writing)
    this.#savedState = Math.max(this.#savedState, this.#writingState)
    this.#writing = []
    if (isWritten) this.#refused = []
  }

  commitFailed(discarded: readonly Message[]): void {
    const texts = discarded.map((message) => message.payload.toString())
    assert.deepEqual(texts, this.#writing, `${this.channel}: others were discarded`)
    if (this.#writing.length > 0) this.#refused.push(this.#writing)
    this.#writing = []
  }

  /** While the log is in use. */
  async checkReads(log: ChannelLog, from: number, count: number): Promise<void> {
    const at = Math.max(from, log.start)
    const messages = await log.read(at, count, READ_BYTES)
    // Messages kept only for replay may have been removed meanwhile.
    let expected = Math.max(at, Math.min(log.start, messages[0]?.offset ?? at))
    for (const { offset, payload } of messages) {
      // That can happen within one read too: then the message lies below the start by now.
      if (offset !== expected) {
        assert.ok(
          offset > expected && offset <= log.start,
          `${this.channel} has a gap at ${expected}`,
        )
      }
      expected = offset + 1
      this.#checkText(offset, payload.toString())
    }
  }

  /** After a crash of the process or the machine: the messages found are the log from now on. */
  async checkFound(log: ChannelLog): Promise<void> {
    const { channel, kept } = this
    const damaged = [...log.damaged].filter(({ to }) => to > log.start)
    assert.deepEqual(damaged, [], `${channel} has damage`)
    this.#id ??= log.id
    assert.equal(log.id, this.#id, `${channel} has another id`)
    assert.ok(log.start <= this.#released, `${channel} begins at ${log.start}`)
    assert.ok(log.committed >= kept.length, `${channel}: ${log.committed} of ${kept.length}`)
    const found = await this.#readAll(log)
    this.#adopt(found)
    const state = (await log.loadState())?.refused['n'] ?? 0
    assert.ok(state >= this.#savedState, `${channel}: state ${state} of ${this.#savedState}`)
    assert.ok(state <= this.#notedState, `${channel}: state ${state} of ${this.#notedState}`)
    this.#savedState = state
    this.#notedState = state
    this.#forgetRest()
  }

  /** No log was found, and none was acknowledged. */
  checkNotFound(): void {
    assert.equal(this.kept.length, 0, `${this.channel} is gone`)
    this.#forgetRest()
  }

  #forgetRest(): void {
    this.#isStateStaged = false
    this.#staged = []
    this.#writing = []
    this.#refused = []
  }

  /** What an inspection finds: all messages that are not given up, in order. */
  checkExported(messages: readonly Message[]): void {
    const { channel, kept } = this
    const found = new Map(messages.map(({ offset, payload }) => [offset, payload.toString()]))
    assert.equal(found.size, messages.length, `${channel} has messages twice`)
    for (let offset = this.#released; offset < kept.length; offset++) {
      assert.ok(found.get(offset) === kept[offset], `${channel} ${offset} is not exported`)
    }
  }

  #checkText(offset: number, text: string): void {
    const expected = this.kept[offset]?.slice(0, 20)
    const found = text.slice(0, 20)
    assert.ok(
      text === this.kept[offset],
      `${this.channel} ${offset}: expected '${expected}', got '${found}'`,
    )
  }

  async #readAll(log: ChannelLog): Promise<Map<number, string>> {
    const found = new Map<number, string>()
    let at = log.start
    while (at < log.committed) {
      const messages = await log.read(at, READ_MESSAGES, READ_BYTES)
      assert.ok(messages.length > 0, `${this.channel} can't be read at ${at}`)
      for (const { offset, payload } of messages) {
        assert.equal(offset, at, `${this.channel} has a gap at ${at}`)
        found.set(at++, payload.toString())
      }
    }
    return found
  }

  /** A prefix of the messages that were not acknowledged, or were refused last, may be there. */
  #adopt(found: ReadonlyMap<number, string>): void {
    const more: string[] = []
    for (const [offset, text] of found) {
      if (offset >= this.kept.length) more.push(text)
      else this.#checkText(offset, text)
    }
    const isKnown = (group: string[]) => more.every((text, index) => text === group[index])
    assert.ok(
      [this.#writing, ...this.#refused].some(isKnown),
      `${this.channel} has ${more.length} messages more that it can't have`,
    )
    this.kept.push(...more)
  }
}
