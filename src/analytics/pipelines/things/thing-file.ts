/**
 * What is known of things, from a local file, which is read again when it has changed. It may hold
 *
 * - an object whose members are named after things: `{"press_1": {…}}`
 * - an array of things, or the answer of `aws iot list-things`: `{"things": [{"thingName": …}]}`
 * - JSON lines, one thing in each
 *
 * A thing in an array or a line has its name in `thingName`. If it has `shadow`, that is what is
 * known of it; else all that stands there is.
 */
import type { Clock } from '../../../clock.ts'
import { ConnectorError, messageOf } from '../../../errors.ts'
import { FileWatch } from '../../../named-files/file-watch.ts'
import { readNamedFile } from '../../../named-files/named-file.ts'
import { parseJson } from '../json/exact-json.ts'
import { isJsonObject, type JsonObject, type JsonValue, kindOf } from '../json/json-value.ts'
import type { ThingDirectory } from './thing-directory.ts'

export interface ThingFileOptions {
  readonly path: string
  /** The option that holds the path, for errors. */
  readonly setting: string
  readonly clock: Clock
  /** Called if a changed file cannot be used. What was known before stays. */
  readonly onProblem: (problem: string) => void
}

const WATCH_MS = 1_000

export class ThingFile implements ThingDirectory {
  readonly #options: ThingFileOptions
  readonly #watch: FileWatch
  /** Undefined while the file has never been right. */
  #things: ReadonlyMap<string, JsonObject> | undefined
  #problem = 'it has not been read yet'

  constructor(options: ThingFileOptions) {
    this.#options = options
    const { path, clock } = options
    const onChange = () => this.#readAgain()
    this.#watch = new FileWatch({ paths: [path], clock, intervalMs: WATCH_MS, onChange })
  }

  /** A file that is missing or has an error is read once it has changed. */
  async start(): Promise<void> {
    await this.#watch.start()
    await this.#readAgain()
  }

  stop(): void {
    this.#watch.stop()
  }

  /** All things, whichever are asked for. @throws {ConnectorError} ThingsUnavailable */
  async find(): Promise<ReadonlyMap<string, JsonObject>> {
    if (this.#things !== undefined) return this.#things
    throw new ConnectorError('ThingsUnavailable', this.#problem)
  }

  async #readAgain(): Promise<void> {
    try {
      this.#things = await readThings(this.#options.path, this.#options.setting)
    } catch (thrown) {
      this.#problem = messageOf(thrown)
      this.#options.onProblem(this.#problem)
    }
  }
}

/** @throws {ConnectorError} InvalidConfiguration: the file is missing or has an error */
export async function readThings(
  path: string,
  setting: string,
): Promise<ReadonlyMap<string, JsonObject>> {
  const bytes = await readNamedFile(path, setting)
  try {
    return thingsOf(bytes)
  } catch (thrown) {
    const problem = `${setting}: ${path}: ${messageOf(thrown)}`
    throw new ConnectorError('InvalidConfiguration', problem, { cause: thrown })
  }
}

/** @throws {Error} if the bytes have none of the forms */
function thingsOf(bytes: Buffer): Map<string, JsonObject> {
  const value = parseJson(bytes)
  if (value === undefined) return namedThings(linesOf(bytes), 'line')
  if (Array.isArray(value)) return namedThings(value, 'element')
  if (!isJsonObject(value)) throw new Error(`expected an object, got ${kindOf(value)}`)
  const { things, thingName } = value
  if (Array.isArray(things)) return namedThings(things, 'element')
  return typeof thingName === 'string' ? namedThings([value], 'line') : byName(value)
}

function linesOf(bytes: Buffer): JsonValue[] {
  return bytes
    .toString()
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, i) => {
      const value = parseJson(Buffer.from(line))
      if (value === undefined) throw new Error(`expected JSON, or a line of JSON in line ${i + 1}`)
      return value
    })
}

function namedThings(values: readonly JsonValue[], place: string): Map<string, JsonObject> {
  return new Map(
    values.map((value, i) => {
      const { thingName, shadow } = isJsonObject(value) ? value : {}
      if (!isJsonObject(value) || typeof thingName !== 'string') {
        throw new Error(`expected an object with thingName in ${place} ${i + 1}`)
      }
      return [thingName, isJsonObject(shadow) ? shadow : value]
    }),
  )
}

function byName(things: JsonObject): Map<string, JsonObject> {
  return new Map(
    Object.entries(things).map(([name, known]) => {
      if (isJsonObject(known)) return [name, known]
      throw new Error(`expected an object for the thing ${name}, got ${kindOf(known)}`)
    }),
  )
}
