/**
 * `deviceRegistryEnrich` and `deviceShadowEnrich`: add what is known of the thing that a message
 * names. A message fails if it names no thing, or one that is unknown. While things cannot be looked
 * up, all messages wait.
 */
import { asConnectorError, messageOf } from '../../../errors.ts'
import { quoted } from '../../../shown-text.ts'
import { type AttributePath, attributeAt } from '../expressions/attribute-path.ts'
import { copyOf, isJsonObject, type JsonObject, kindOf } from '../json/json-value.ts'
import type { ThingDirectory } from '../things/thing-directory.ts'
import { ActivityFailure, type BatchActivity, type Outcome } from './activity.ts'
import { setOrFail } from './set-or-fail.ts'

export interface Enrichment {
  readonly name: string
  /** Where the result goes. */
  readonly attribute: AttributePath
  /** Where the message has the thing's name. */
  readonly thingName: AttributePath
  /** Undefined if the configuration names no directory; then every message fails. */
  readonly things: ThingDirectory | undefined
  /** What the directory is called in errors. */
  readonly directoryName: string
  /** The setting that names it. */
  readonly setting: string
}

export function enrich(enrichment: Enrichment): BatchActivity {
  return {
    kind: 'batch',
    name: enrichment.name,
    takesAnyPayload: false,
    async transformAll(values) {
      const messages = values.filter(isJsonObject)
      const known = await lookUp(enrichment, messages)
      return messages.map((message) => enriched(enrichment, message, known))
    },
  }
}

/** What is known of the things that the messages name, looked up once for all of them. */
async function lookUp(
  { things, thingName, directoryName, setting }: Enrichment,
  messages: readonly JsonObject[],
): Promise<ReadonlyMap<string, JsonObject> | ActivityFailure> {
  if (things === undefined)
    return new ActivityFailure(`no ${directoryName} is configured: set ${setting}`)
  const names = messages.map((message) => attributeAt(message, thingName.steps))
  try {
    return await things.find(new Set(names.filter((name) => typeof name === 'string')))
  } catch (thrown) {
    throw asConnectorError(thrown, 'ThingsUnavailable', `looking things up in the ${directoryName}`)
  }
}

function enriched(
  { thingName, attribute, directoryName }: Enrichment,
  message: JsonObject,
  known: ReadonlyMap<string, JsonObject> | ActivityFailure,
): Outcome {
  if (known instanceof ActivityFailure) return known
  const name = attributeAt(message, thingName.steps)
  if (typeof name !== 'string') {
    return new ActivityFailure(`expected text in ${thingName.text}, got ${kindOf(name)}`)
  }
  const facts = known.get(name)
  if (facts === undefined) {
    return new ActivityFailure(`the thing ${quoted(name)} is not in the ${directoryName}`)
  }
  return outcomeOf(() => {
    setOrFail(message, attribute, copyOf(facts))
    return message
  })
}

function outcomeOf(make: () => JsonObject): Outcome {
  try {
    return [make()]
  } catch (thrown) {
    return thrown instanceof ActivityFailure ? thrown : new ActivityFailure(messageOf(thrown))
  }
}
