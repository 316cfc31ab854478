/** What an inspection of a data directory can find, and what each finding means. */
import type { OffsetRange } from '../../log/channel-log.ts'

/**
 * `note`: nothing to do. `repairable`: costs time or space; a repair fixes it, and mostly the next
 * start does as well. `loss`: messages are lost, or may be.
 */
export type FindingSeverity = 'note' | 'repairable' | 'loss'

interface FindingEntry {
  readonly severity: FindingSeverity
  readonly explanation: string
}

export const FINDINGS = {
  UnfinishedWrite: {
    severity: 'repairable',
    explanation:
      'The file ends in a write that never finished, as after a crash; as far as anything shows, it was not acknowledged, and the next start cuts it off.',
  },
  FailedCommit: {
    severity: 'repairable',
    explanation:
      'The file ends in a commit that failed and was reported as failed; it is never read and only takes space.',
  },
  DamagedBytes: {
    severity: 'loss',
    explanation:
      'Bytes do not match their checksum: the medium changed them after they had been stored; the messages in them are lost, all others can be read.',
  },
  MissingMessages: {
    severity: 'loss',
    explanation: 'Messages that were stored can’t be read any more; readers skip them.',
  },
  LostTail: {
    severity: 'loss',
    explanation:
      'The log is known to have been longer: its end was lost after it had been stored; the log continues behind the lost messages, so that no message id is used twice.',
  },
  JournaledMessages: {
    severity: 'note',
    explanation:
      'Messages are in the journal alone, as is usual while the connector runs; the next start reads them from there.',
  },
  MissingSlot: {
    severity: 'loss',
    explanation:
      'A file of the journal that was still needed is gone; the messages in it are lost, all others can be read.',
  },
  DamagedState: {
    severity: 'loss',
    explanation:
      'The file with the reader positions does not match its checksum; readers go on from the positions in the journal, or start over with the oldest message, and receivers may get messages twice.',
  },
  MissingIndex: {
    severity: 'repairable',
    explanation: 'A sealed file has no index; the file is scanned when it is first read.',
  },
  DamagedIndex: {
    severity: 'repairable',
    explanation: 'An index does not match its file; the file is scanned when it is first read.',
  },
  OrphanIndex: {
    severity: 'repairable',
    explanation: 'An index belongs to a file that is gone; it only takes space.',
  },
  NotAFile: {
    severity: 'loss',
    explanation:
      'A link, pipe, socket, device or directory is in the place of a file; it is not followed or opened, so what the file held is missing, and the next start renames it.',
  },
  CannotBeRead: {
    severity: 'loss',
    explanation:
      'A file of the channel can’t be opened or read, so the channel was not inspected, and a start sets it aside; check the disk, and the owner and the attributes of the file.',
  },
  LeftOver: {
    severity: 'repairable',
    explanation: 'A temporary file was left by a process that ended while writing it.',
  },
  UnknownFile: {
    severity: 'note',
    explanation: 'A file that does not belong to this log; it is left alone.',
  },
} as const satisfies Record<string, FindingEntry>

export type FindingKind = keyof typeof FINDINGS

/** Where a finding is. */
export interface FindingPlace {
  /** Its name in the channel's directory. */
  readonly file: string
  readonly position?: number
  readonly bytes?: number
  readonly offsets?: OffsetRange
  /** How many messages are affected, if that is known. */
  readonly messages?: number | undefined
  /** When the last message before it arrived, milliseconds since 1970: no older one is affected. */
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
