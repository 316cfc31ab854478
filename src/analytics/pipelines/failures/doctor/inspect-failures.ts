/** Inspects the files of messages that pipelines could not process, without changing anything. */
import { join } from 'node:path'
import { isChannelName } from '../../../../channel-name.ts'
import type { FindingPlace, FindingSeverity } from '../../../../channels/disk/doctor/finding.ts'
import type { DirectoryEntry } from '../../../../channels/disk/files/file-layer.ts'
import { nodeFileLayer } from '../../../../channels/disk/files/node-file-layer.ts'
import { readSmallFile } from '../../../../channels/disk/files/small-file.ts'
import { fileReasonOf } from '../../../../errors.ts'
import { damagedLines, type OffsetRange, parseFailureFileName } from '../failure-file.ts'
import { FAILURES_NAME, MAX_FAILURE_FILE_BYTES } from '../failure-store.ts'

interface FindingEntry {
  readonly severity: FindingSeverity
  readonly explanation: string
}

const FAILURE_FINDINGS = {
  DamagedFailures: {
    severity: 'loss',
    explanation:
      'Lines of the file can’t be read, so pipeline-failures does not list it. The messages are still in their channel: StartPipelineReprocessing finds out again which of them fail, and replaces the file; or remove it.',
  },
  LeftOver: {
    severity: 'repairable',
    explanation: 'A temporary file was left by a process that ended while writing it.',
  },
  UnknownFile: {
    severity: 'note',
    explanation: 'A file or directory that is none of a pipeline’s failures; it is left alone.',
  },
  CannotBeRead: {
    severity: 'loss',
    explanation:
      'The file can’t be read, so it was not inspected; check the disk, and its owner and attributes.',
  },
} as const satisfies Record<string, FindingEntry>

export interface FailureFinding extends FindingPlace {
  readonly kind: keyof typeof FAILURE_FINDINGS
  readonly severity: FindingSeverity
  /** The name that people know the files by. */
  readonly channel: string
  readonly explanation: string
}

export interface FailureInspection {
  readonly files: number
  readonly bytes: number
  /** Their files are named from the directory of all pipelines. */
  readonly findings: readonly FailureFinding[]
}

/** Of all pipelines. */
export async function inspectFailures(directory: string): Promise<FailureInspection> {
  const root = join(directory, FAILURES_NAME)
  const findings: FailureFinding[] = []
  let files = 0
  let bytes = 0
  for (const pipeline of await listByName(root)) {
    if (!pipeline.isDirectory || !isChannelName(pipeline.name)) {
      findings.push(explain('UnknownFile', { file: pipeline.name }))
      continue
    }
    for (const entry of await listByName(join(root, pipeline.name))) {
      const file = `${pipeline.name}/${entry.name}`
      const range = parseFailureFileName(entry.name)
      if (range === undefined || entry.isDirectory) {
        findings.push(explain(strayKind(entry), { file }))
        continue
      }
      files++
      bytes += entry.bytes
      findings.push(...(await fileFindings(root, file, range)))
    }
  }
  return { files, bytes, findings }
}

async function listByName(directory: string): Promise<DirectoryEntry[]> {
  const entries = await nodeFileLayer.list(directory)
  return [...entries].sort((one, other) => (one.name < other.name ? -1 : 1))
}

function strayKind({ name, isDirectory }: DirectoryEntry): 'LeftOver' | 'UnknownFile' {
  const isOurs = name.startsWith('.') && parseFailureFileName(name.slice(1)) !== undefined
  return isOurs && !isDirectory ? 'LeftOver' : 'UnknownFile'
}

async function fileFindings(
  root: string,
  file: string,
  range: OffsetRange,
): Promise<FailureFinding[]> {
  let content: Buffer | undefined
  try {
    content = await readSmallFile(nodeFileLayer, join(root, file), MAX_FAILURE_FILE_BYTES)
  } catch (error) {
    return [explain('CannotBeRead', { file: `${file}: ${fileReasonOf(error)}` })]
  }
  // A running connector has removed it meanwhile.
  if (content === undefined) return []
  const [damaged, ...more] = damagedLines(content, range)
  if (damaged === undefined) return []
  const { position } = damaged
  const bytes = more.reduce((sum, line) => sum + line.bytes, damaged.bytes)
  const offsets = { from: range.first, to: range.end }
  return [explain('DamagedFailures', { file, position, bytes, offsets })]
}

function explain(kind: keyof typeof FAILURE_FINDINGS, place: FindingPlace): FailureFinding {
  return { kind, ...FAILURE_FINDINGS[kind], channel: FAILURES_NAME, ...place }
}
