/** A destination that spools its batches in memory and keeps objects by their names. */
import type {
  BatchOutcome,
  Spool,
  SpoolingDestination,
} from '../../../src/destinations/destination.ts'
import { ConnectorError } from '../../../src/errors.ts'
import type { Message } from '../../../src/message.ts'
import { makeBatchRule } from './batch-rule.ts'

export class InMemorySpoolingDestination implements SpoolingDestination {
  readonly name: string
  readonly description = 'keeps objects'
  batchRule = makeBatchRule({ maxMessages: 4, isPlanned: true, hasDistinctIds: false })
  /** Payloads by `<log id> <from>-<to>`. */
  readonly objects = new Map<string, string[]>()
  /** Names of all attempts. */
  readonly attempts: string[] = []
  /** While set, sending fails after the object was stored, or before. */
  failure: 'before' | 'after' | undefined
  /** A batch ends before a message whose payload begins with it. */
  boundary = '\n'
  openSpools = 0
  /** Called at each attempt. */
  onAttempt: () => void = () => {}

  constructor(name: string) {
    this.name = name
  }

  async open(): Promise<void> {}
  async close(): Promise<void> {}

  async send(): Promise<BatchOutcome> {
    throw new ConnectorError('Unexpected', 'its batches are spooled')
  }

  async spool(_channel: string, logId: string): Promise<Spool> {
    this.openSpools += 1
    const payloads: string[] = []
    return {
      take: (message: Message) => {
        const payload = message.payload.toString()
        if (payloads.length > 0 && payload.startsWith(this.boundary)) return false
        payloads.push(payload)
        return true
      },
      flush: async () => {},
      send: async ({ from, to }) => {
        const name = `${logId} ${from}-${to}`
        this.attempts.push(name)
        this.onAttempt()
        if (this.failure === 'before') throw new ConnectorError('DestinationUnavailable', 'away')
        if (!this.objects.has(name)) this.objects.set(name, payloads)
        if (this.failure === 'after') throw new ConnectorError('DestinationUnavailable', 'cut')
      },
      discard: async () => {
        this.openSpools -= 1
      },
    }
  }

  /** Everything it has, in the order of the objects. */
  get payloads(): string[] {
    return [...this.objects.values()].flat()
  }
}
