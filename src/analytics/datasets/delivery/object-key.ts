/** The key of an object in a bucket, with what stands for placeholders. */
import { ConnectorError } from '../../../errors.ts'
import { timeText } from '../../../iso-time.ts'
import { quoted } from '../../../shown-text.ts'
import type { VersionRecord } from '../versions/version-record.ts'

const PLACEHOLDER = /!\{([^}]*)\}?/g
const MAX_NAME_BYTES = 255

type Times = Pick<VersionRecord, 'version' | 'scheduledAt' | 'createdAt'>

/** @throws {ConnectorError} InvalidDataset for a placeholder that is none */
export function objectKey(template: string, { version, scheduledAt, createdAt }: Times): string {
  const values: Readonly<Record<string, string>> = {
    'iotanalytics:scheduleTime': timeText(scheduledAt),
    'iotanalytics:creationTime': timeText(createdAt),
    'iotanalytics:versionId': version,
  }
  return template.replace(PLACEHOLDER, (whole, name: string) => {
    const value = Object.hasOwn(values, name) && whole.endsWith('}') ? values[name] : undefined
    if (value !== undefined) return value
    const known = Object.keys(values).map((one) => `!{${one}}`)
    throw invalid(`expected ${known.join(', ')} in the key, got ${quoted(whole)}`)
  })
}

/**
 * The names of folders and of the file, none of which leads elsewhere.
 * @throws {ConnectorError} InvalidDataset
 */
export function pathInFolder(key: string): readonly string[] {
  const names = key.split('/')
  const wrong = names.find((name) => !isFileName(name))
  if (wrong === undefined) return names
  throw invalid(
    `expected a key of names with a slash between them, none of them empty, "." or "..", at most ${MAX_NAME_BYTES} bytes long, got ${quoted(key)}`,
  )
}

function isFileName(name: string): boolean {
  if (name === '' || name === '.' || name === '..') return false
  return !/[\\\0]/.test(name) && Buffer.byteLength(name) <= MAX_NAME_BYTES
}

function invalid(text: string): ConnectorError {
  return new ConnectorError('InvalidDataset', text)
}
