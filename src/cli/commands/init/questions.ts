/** The six questions of `init`. The one file that knows `@clack/prompts`. */
import { isCancel, select, text } from '@clack/prompts'
import { faultOfTopicFilter } from '../../../topics.ts'
import { parseDuration, parseSize } from '../../../units.ts'
import { usageError } from '../../exit-code.ts'
import {
  type Answers,
  DEFAULT_ANSWERS,
  type DestinationAnswer,
  type SourceAnswer,
} from './first-config.ts'

const MIN_STORE_BYTES = 4 * 1024 * 1024
const DAY_MS = 86_400_000
const BROKER_URL = /^(mqtts?|wss?):\/\/[^/\s]+/
const HTTP_URL = /^https?:\/\/[^/\s]+/

/** Throws a usage error if the person stops. */
export async function askAnswers(passwordFile: string): Promise<Answers> {
  return {
    source: await askSource(passwordFile),
    input: await askText({
      message: 'Which other topics have messages? A filter, or nothing',
      placeholder: 'factory/#',
      fallback: '',
      fault: (filter) => (filter === '' ? undefined : faultOfTopicFilter(filter)),
    }),
    destination: await askDestination(),
    directory: await askText({
      message: 'In which directory is the store?',
      placeholder: DEFAULT_ANSWERS.directory,
      fallback: DEFAULT_ANSWERS.directory,
      fault: () => undefined,
    }),
    maxBytes: await askText({
      message: 'How large may it become?',
      placeholder: DEFAULT_ANSWERS.maxBytes,
      fallback: DEFAULT_ANSWERS.maxBytes,
      fault: (size) =>
        (parseSize(size) ?? 0) >= MIN_STORE_BYTES
          ? undefined
          : 'expected a size such as 1GiB, at least 4MiB',
    }),
    tables: await askText({
      message: 'How long are readings kept for queries, beyond delivery? Nothing: not at all',
      placeholder: '30d',
      fallback: '',
      fault: (duration) =>
        duration === '' || (parseDuration(duration) ?? 0) >= DAY_MS
          ? undefined
          : 'expected a duration such as 30d, at least 1d',
    }),
  }
}

/** Whether a file that exists may be replaced. */
export async function askToReplace(file: string): Promise<boolean> {
  return await askChoice(`${file} exists. Replace it?`, [
    { value: false, label: 'No, leave it as it is' },
    { value: true, label: 'Yes, replace it' },
  ])
}

async function askSource(passwordFile: string): Promise<SourceAnswer> {
  const kind = await askChoice<SourceAnswer['kind']>('Where do messages come from?', [
    { value: 'local', label: 'Devices and programs on this machine connect to the connector' },
    { value: 'network', label: 'Devices on the network connect to it, with passwords' },
    { value: 'broker', label: 'An MQTT broker that is there already' },
  ])
  if (kind === 'local') return { kind }
  if (kind === 'network') return { kind, passwordFile }
  const url = await askUrl('At which address is the broker?', 'mqtt://127.0.0.1:1883', BROKER_URL)
  return { kind, url }
}

async function askDestination(): Promise<DestinationAnswer> {
  const kind = await askChoice<DestinationAnswer['kind']>('Where do messages go?', [
    { value: 'none', label: 'They stay here' },
    { value: 'iotAnalytics', label: 'Another connector, or a service with BatchPutMessage' },
    { value: 'http', label: 'An HTTP service, as lines of JSON' },
    { value: 's3', label: 'A bucket in S3' },
  ])
  switch (kind) {
    case 'none':
      return { kind }
    case 'iotAnalytics': {
      const endpoint = await askUrl('At which address?', 'http://headquarters:8090', HTTP_URL)
      return { kind, endpoint }
    }
    case 'http':
      return { kind, url: await askUrl('At which URL?', 'https://ingest.example/v1', HTTP_URL) }
    case 's3': {
      const bucket = await askName('Which bucket?', 'plant-3-telemetry')
      return { kind, bucket, region: await askName('In which region?', 'eu-west-1') }
    }
  }
}

function askUrl(message: string, example: string, pattern: RegExp): Promise<string> {
  return askText({
    message,
    placeholder: example,
    fault: (url) => (pattern.test(url) ? undefined : `expected a URL such as ${example}`),
  })
}

function askName(message: string, example: string): Promise<string> {
  return askText({
    message,
    placeholder: example,
    fault: (name) => (/^\S+$/.test(name) ? undefined : `expected a name such as ${example}`),
  })
}

interface TextQuestion {
  readonly message: string
  readonly placeholder: string
  /** Without it an answer is required. */
  readonly fallback?: string
  /** What is wrong with an answer. */
  readonly fault: (answer: string) => string | undefined
}

async function askText({ message, placeholder, fallback, fault }: TextQuestion): Promise<string> {
  const answer = await text({
    message,
    placeholder,
    ...(fallback === undefined ? {} : { defaultValue: fallback }),
    validate: (value = '') => {
      const isDefault = value.trim() === '' && fallback !== undefined
      return isDefault ? undefined : fault(value.trim())
    },
  })
  return answered(answer).trim()
}

async function askChoice<Value extends string | boolean>(
  message: string,
  options: readonly { readonly value: Value; readonly label: string }[],
): Promise<Value> {
  const answer = await select<string>({
    message,
    options: options.map(({ value, label }) => ({ value: String(value), label })),
  })
  const chosen = answered(answer)
  const found = options.find(({ value }) => String(value) === chosen)
  if (found === undefined) throw new Error(`no option ${chosen}`)
  return found.value
}

/** Ctrl-C and Esc. */
function answered(answer: string | symbol): string {
  if (isCancel(answer)) throw usageError('stopped; nothing was written')
  return String(answer)
}
