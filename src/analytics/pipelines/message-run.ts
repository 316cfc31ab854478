/**
 * A run of messages through activities. Activities that work on single messages are applied one
 * after the other to each message; one that works on a batch waits for all messages before it.
 */
import { isUtf8 } from 'node:buffer'
import { messageOf } from '../../errors.ts'
import {
  type Activity,
  ActivityFailure,
  type BatchActivity,
  type DropReason,
  type MessageActivity,
  type Outcome,
} from './activities/activity.ts'
import { JsonWriter, parseJson } from './json/exact-json.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './json/json-value.ts'

export interface PipelineInput {
  readonly payload: Buffer
}

export interface StoredMessage<Input> {
  /** The message that it comes from. */
  readonly input: Input
  /** 0, but for the further messages that a function has made of one. */
  readonly part: number
  /** That of the input, unchanged, if no activity changes messages; else compact JSON. */
  readonly payload: Buffer
}

export interface DroppedMessages {
  readonly activity: string
  readonly reason: DropReason
  count: number
}

export interface FailedMessage<Input> {
  readonly input: Input
  readonly activity: string
  readonly reason: string
}

export interface RunResult<Input> {
  /** In the order of the inputs. */
  readonly stored: readonly StoredMessage<Input>[]
  readonly dropped: readonly Readonly<DroppedMessages>[]
  /** Their inputs are to be kept. */
  readonly failed: readonly FailedMessage<Input>[]
}

/** A message on its way. */
interface Passing<Input> {
  readonly input: Input
  value: JsonValue
  /** Whether it may differ from the input's payload. */
  isChanged: boolean
}

/**
 * Every input is stored, dropped or failed; one that a function has divided may be several of them.
 * @throws {ConnectorError} ThingsUnavailable: all of them are to be processed again later
 * @param lastName the activity after all of these, which takes what passes them
 */
export async function runMessages<Input extends PipelineInput>(
  inputs: readonly Input[],
  activities: readonly Activity[],
  lastName: string,
): Promise<RunResult<Input>> {
  const run = new MessageRun<Input>(lastName)
  run.take(inputs, activities[0])
  await run.pass(activities)
  return run.result()
}

class MessageRun<Input extends PipelineInput> {
  readonly #lastName: string
  readonly #dropped: DroppedMessages[] = []
  readonly #failed: FailedMessage<Input>[] = []
  #passing: Passing<Input>[] = []

  constructor(lastName: string) {
    this.#lastName = lastName
  }

  take(inputs: readonly Input[], first: Activity | undefined): void {
    const takesAny = first?.kind === 'batch' && first.takesAnyPayload
    for (const input of inputs) {
      const value = parseJson(input.payload)
      if (takesAny) {
        this.#passing.push({ input, value: value ?? textOf(input.payload), isChanged: false })
      } else if (isJsonObject(value)) {
        this.#passing.push({ input, value, isChanged: false })
      } else {
        this.#drop(first?.name ?? this.#lastName, 'invalidJson')
      }
    }
  }

  async pass(activities: readonly Activity[]): Promise<void> {
    let singles: MessageActivity[] = []
    for (const activity of activities) {
      if (activity.kind === 'message') {
        singles.push(activity)
      } else {
        this.#passEach(singles)
        singles = []
        await this.#passBatch(activity)
      }
    }
    this.#passEach(singles)
  }

  result(): RunResult<Input> {
    const stored: StoredMessage<Input>[] = []
    const writer = new JsonWriter()
    for (const { input, value, isChanged } of this.#passing) {
      try {
        const payload = isChanged ? Buffer.from(writer.text(value)) : input.payload
        const before = stored.at(-1)
        stored.push({ input, part: before?.input === input ? before.part + 1 : 0, payload })
      } catch (thrown) {
        this.#fail(input, this.#lastName, thrown)
      }
    }
    return { stored, dropped: this.#dropped, failed: this.#failed }
  }

  #passEach(activities: readonly MessageActivity[]): void {
    if (activities.length === 0) return
    const changes = activities.some(({ changesMessages }) => changesMessages)
    const passed: Passing<Input>[] = []
    for (const passing of this.#passing) {
      const value = this.#transform(passing, activities)
      if (value === undefined) continue
      passing.value = value
      passing.isChanged ||= changes
      passed.push(passing)
    }
    this.#passing = passed
  }

  /** Undefined if the message goes no further. */
  #transform(
    { input, value }: Passing<Input>,
    activities: readonly MessageActivity[],
  ): JsonObject | undefined {
    if (!isJsonObject(value)) return undefined
    let message = value
    for (const activity of activities) {
      try {
        const next = activity.transform(message)
        if (next === undefined) return this.#drop(activity.name, activity.dropReason)
        message = next
      } catch (thrown) {
        return this.#fail(input, activity.name, thrown)
      }
    }
    return message
  }

  async #passBatch(activity: BatchActivity): Promise<void> {
    const before = this.#passing
    if (before.length === 0) return
    const outcomes = await activity.transformAll(before.map(({ value }) => value))
    this.#passing = []
    before.forEach(({ input }, i) => {
      this.#settle(input, activity.name, outcomes[i] ?? [])
    })
  }

  #settle(input: Input, activity: string, outcome: Outcome): void {
    if (outcome instanceof ActivityFailure) {
      this.#fail(input, activity, outcome)
    } else {
      if (outcome.length === 0) this.#drop(activity, 'removed')
      for (const value of outcome) this.#passing.push({ input, value, isChanged: true })
    }
  }

  #drop(activity: string, reason: DropReason): undefined {
    const known = this.#dropped.find((one) => one.activity === activity && one.reason === reason)
    if (known === undefined) this.#dropped.push({ activity, reason, count: 1 })
    else known.count++
  }

  #fail(input: Input, activity: string, thrown: unknown): undefined {
    this.#failed.push({ input, activity, reason: messageOf(thrown) })
  }
}

/**
 * What a function gets of a payload that is no JSON: its text, or base64 if it is none. So a
 * function that decodes base64 once can read raw bytes as well as text that a device has encoded.
 */
function textOf(payload: Buffer): string {
  return payload.toString(isUtf8(payload) ? 'utf8' : 'base64')
}
