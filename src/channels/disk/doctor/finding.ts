/**
 * What a look at a data directory can find, and what each finding means to its owner.
 */
import type { OffsetRange } from '../../log/channel-log.ts'

/**
 * `note`: nothing to do. `mendable`: costs time or space; mended by a repair, and mostly at the
 * next start. `loss`: messages are gone or may be.
 */
export type FindingSeverity = 'note' | 'mendable' | 'loss'

interface FindingEntry {
  readonly severity: FindingSeverity
  readonly explanation: string
}

export const FINDINGS = {
  UnfinishedWrite: {
    severity: 'mendable',
    explanation:
      'The file ends in a write that never finished, as after a crash; as far as anything tells, nobody was promised what was in it, and it is cut off at the next start.',
  },
  FailedCommit: {
    severity: 'mendable',
    explanation:
      'The file ends in a commit that failed and was reported as failed; it is never read and only takes space.',
  },
  DamagedBytes: {
    severity: 'loss',
    explanation:
      'Bytes do not match their checksum: the medium changed them after they had been stored; messages in them are lost, all others can be read.',
  },
  MissingMessages: {
    severity: 'loss',
    explanation: 'Messages that were stored can’t be read any more; readers step over them.',
  },
  LostTail: {
    severity: 'loss',
    explanation:
      'The log is known to have gone further than it does: its end was lost after it had been stored; the log goes on behind it, so that no message id is used twice.',
  },
  JournaledMessages: {
    severity: 'note',
    explanation:
      'Messages are in the journal alone, as always while the connector runs; the next start reads them from there.',
  },
  MissingSlot: {
    severity: 'loss',
    explanation:
      'A file of the journal that held something needed is gone; the messages in it are lost, all others can be read.',
  },
  DamagedState: {
    severity: 'loss',
    explanation:
      'The file that says where the readers are does not match its checksum; they begin anew with the oldest message, and receivers may get messages twice.',
  },
  MissingIndex: {
    severity: 'mendable',
    explanation: 'A sealed file has no index; the file is walked when it is first read.',
  },
  DamagedIndex: {
    severity: 'mendable',
    explanation: 'An index does not match its file; the file is walked when it is first read.',
  },
  OrphanIndex: {
    severity: 'mendable',
    explanation: 'An index belongs to a file that is gone; it only takes space.',
  },
  LeftOver: {
    severity: 'mendable',
    explanation: 'A temporary file was left by a process that ended while writing it.',
  },
  UnknownFile: {
    severity: 'note',
    explanation: 'A file that is not of this log; it is left alone.',
  },
} as const satisfies Record<string, FindingEntry>

export type FindingKind = keyof typeof FINDINGS

/** Where a finding is. */
export interface FindingPlace {
  /** Name in the channel's directory. */
  readonly file: string
  readonly position?: number
  readonly bytes?: number
  readonly offsets?: OffsetRange
  /** Messages concerned, where that is known. */
  readonly messages?: number | undefined
  /** When the last message before it came, milliseconds since 1970: no older one can be concerned. */
  readonly since?: number | undefined
}

export interface Finding extends FindingPlace {
  readonly kind: FindingKind
  readonly severity: FindingSeverity
  readonly channel: string
  readonly explanation: string
}

export function explain(kind: FindingKind, channel: string, place: FindingPlace): Finding {
  return { kind, ...FINDINGS[kind], channel, ...place }
}
