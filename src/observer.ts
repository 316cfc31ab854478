/**
 * What can happen in the pipeline, as method names. The pipeline knows neither logs nor metrics:
 * `telemetry/` turns each report into a log line *and* a metric with the same name.
 *
 * No method is called for every message, only for those that are refused or dropped. Figures per
 * message are read from the ledger on request.
 */
import type { ConnectorError } from './errors.ts'

/** The rest of a write that did not finish. */
export interface CutTail {
  readonly bytes: number
  /** The minimum number of messages in it, if that is still readable. */
  readonly messages: number | undefined
  /**
   * When the last message before it arrived, milliseconds since 1970; undefined if there was no
   * message.
   */
  readonly lastMessageAt: number | undefined
}

/** An outage that has ended, as one channel saw it. */
export interface Outage {
  /** From the first failed attempt to the first batch that got through. */
  readonly awayMs: number
  /** Failed attempts in that time. */
  readonly attempts: number
  /** Messages that waited when it ended. */
  readonly waiting: number
}

/** Who a refused client says it is. It may not have proved that. */
export interface RefusedClient {
  readonly clientId: string
  readonly userName: string | undefined
}

/** Something that a destination has found, and a person should look at. */
export interface Notice {
  /** Its kind: `ObjectDiffers`. */
  readonly code: string
  /** How often, in one batch. */
  readonly count: number
  readonly detail: string
}

/** What a conversion has done. */
export interface ConvertedRows {
  readonly rows: number
  readonly files: number
  readonly bytes: number
  /** Values that have another type than their column. */
  readonly drifted: number
  /** Rows that were not stored any more. */
  readonly gapRows: number
  readonly durationMs: number
}

/** By how much figures about a channel's tables have changed; negative if they have shrunk. */
export interface TableGrowth {
  readonly files: number
  readonly bytes: number
  /** Rows that are in no file yet. */
  readonly waitingRows: number
}

/** A file that was stored elsewhere. */
export interface TableUpload {
  readonly bytes: number
  readonly durationMs: number
}

/** What the making of content has done. */
export interface ContentFigures {
  readonly bytes: number
  readonly durationMs: number
}

/** What a job of a pipeline has done. */
export interface PipelineRun {
  readonly messages: number
  /** Of the datastore. */
  readonly rows: number
  readonly dropped: number
  /** Messages that were not stored any more. */
  readonly gap: number
  /** Values that have another type than their column. */
  readonly drifted: number
  readonly durationMs: number
  /** Whether messages were processed again. */
  readonly isAgain: boolean
}

/** Messages of one batch that an activity could not process. */
export interface PipelineFailure {
  readonly activity: string
  /** The function, if it is that of a `lambda` activity. */
  readonly lambdaName: string | undefined
  readonly count: number
  /** Of the first of them. */
  readonly reason: string
}

/** Durations, counted by how long they were. Valid until the call that it is passed to returns. */
export interface CountedDurations {
  /** Upper bounds in seconds, ascending. */
  readonly bounds: readonly number[]
  /** `counts[i]`: up to `bounds[i]`, and above the bound before. The last one: above all bounds. */
  readonly counts: Float64Array
  readonly sumSeconds: number
  readonly total: number
}

export interface PipelineObserver {
  /** A message was refused or dropped. `channel` is undefined when it named none that can exist. */
  messageDropped(channel: string | undefined, code: string, detail: string): void
  /**
   * A message can't be stored now and was not acknowledged: its sender keeps it. Reported once for
   * each message, however often its sender offers it again.
   */
  messageWithheld(source: string, code: string, detail: string): void

  /** One commit of all channels that had something to store. */
  committed(messages: number, bytes: number, durationMs: number): void
  storageFailed(channel: string, error: ConnectorError): void
  /** As `storageFailed`: of one channel, or of all of them under the journal's name. */
  storageRecovered(channel: string): void
  /** Damage was found and moved aside; the service goes on. */
  damageFound(channel: string, what: string): void
  /**
   * An unfinished write was removed from the end of a log. Nothing indicates that it was acknowledged.
   */
  tailCut(channel: string, tail: CutTail): void

  /** The PUBACKs of one commit, by how long their messages had waited. A metric alone. */
  acknowledged(source: string, waited: CountedDurations): void
  /** @param firstReceivedAt when its first message arrived, if that is known */
  batchSent(
    channel: string,
    destination: string,
    messages: number,
    durationMs: number,
    firstReceivedAt?: number,
  ): void
  /** The accepted messages of one batch, by how long ago they had arrived. A metric alone. */
  messagesDelivered(destination: string, ages: CountedDurations): void
  /** A whole batch will be sent again after `delayMs`. */
  batchRetried(channel: string, destination: string, error: ConnectorError, delayMs: number): void
  /** The destination rejected some messages of a batch. */
  messagesRejected(channel: string, destination: string, count: number, error: string): void
  /** A rejected message is not kept any more, or was not: it can't be replayed. */
  deadLetterLost(channel: string, why: string): void
  destinationRecovered(channel: string, destination: string, outage: Outage): void
  /** Delivery goes on. */
  destinationNoticed(channel: string, destination: string, notice: Notice): void
  /** The files that a destination collects batches in have grown by `bytes`, or shrunk. A metric alone. */
  spoolGrew(destination: string, bytes: number): void

  clientConnected(source: string, clientId: string): void
  clientDisconnected(source: string, clientId: string, reason: string): void
  /**
   * A client was disconnected without acknowledgements, because its messages can't be stored now.
   */
  clientSentAway(source: string, clientId: string, code: string, detail: string): void
  /**
   * A client was refused or disconnected because of what it sent or did.
   * @param client undefined before CONNECT
   */
  clientRefused(source: string, remote: string, reason: string, client?: RefusedClient): void
  sourceRetried(source: string, error: ConnectorError, delayMs: number): void
  sourceRecovered(source: string): void
  /** Certificates, users or rules were read again. With an error, the old ones stay in use. */
  filesReloaded(source: string, error: ConnectorError | undefined): void
  /** The settings allow more people in than is safe. Reported when the part starts. */
  settingsInsecure(part: string, detail: string): void

  receiptsDropped(source: string, count: number): void
  /** Spans of traces that were not sent. */
  spansDropped(count: number, reason: string): void

  /** Rows of a channel have become Parquet files. */
  rowsConverted(channel: string, converted: ConvertedRows): void
  /** Rows were not converted, or files not looked after; it is tried again after `delayMs`. */
  conversionFailed(channel: string, error: ConnectorError, delayMs: number): void
  /** A Parquet file of the channel is in S3. */
  tableUploaded(channel: string, upload: TableUpload): void
  /** It is tried again after `delayMs`. */
  uploadFailed(channel: string, error: ConnectorError, delayMs: number): void
  /** By how many the files that wait for their upload have grown. A metric alone. */
  uploadsWait(channel: string, files: number): void
  /** Files were removed before they were uploaded, because there was no room for them. */
  uploadsLost(channel: string, files: number): void
  /** A function of a pipeline has written a line, or a file of things can't be used. */
  pipelineLogged(source: string, line: string): void
  /** Messages that an activity of a pipeline could not process. They are kept. */
  pipelineFailed(pipeline: string, failure: PipelineFailure): void
  pipelineRan(pipeline: string, run: PipelineRun): void
  /** A pipeline could not run, or files not be looked after; it is tried again after `delayMs`. */
  pipelineDelayed(pipeline: string, error: ConnectorError, delayMs: number): void
  /** By how many the messages that wait for the pipeline have grown. A metric alone. */
  pipelineWaits(pipeline: string, messages: number): void
  /** A metric alone. */
  datastoreGrew(datastore: string, growth: Pick<TableGrowth, 'files' | 'bytes'>): void
  /** Rows of a channel can't be converted, while later ones can: they are in no file. */
  rowsLeftOut(
    channel: string,
    rows: { readonly from: number; readonly to: number },
    error: ConnectorError,
  ): void
  /** A metric alone. */
  tablesGrew(channel: string, growth: TableGrowth): void

  /** Content of a dataset is complete. A metric alone. */
  contentMade(dataset: string, figures: ContentFigures): void
  contentFailed(dataset: string, error: ConnectorError): void
  /** Content has reached its bucket or input. A metric alone. */
  contentDelivered(dataset: string, target: string): void
  /** @param delayMs until it is tried again; undefined if it is given up */
  deliveryFailed(
    dataset: string,
    target: string,
    error: ConnectorError,
    delayMs: number | undefined,
  ): void
}

/** Ignores all reports. */
export const silentObserver: PipelineObserver = {
  messageDropped() {},
  messageWithheld() {},
  committed() {},
  storageFailed() {},
  storageRecovered() {},
  damageFound() {},
  tailCut() {},
  acknowledged() {},
  batchSent() {},
  messagesDelivered() {},
  batchRetried() {},
  messagesRejected() {},
  deadLetterLost() {},
  destinationRecovered() {},
  destinationNoticed() {},
  spoolGrew() {},
  clientConnected() {},
  clientDisconnected() {},
  clientSentAway() {},
  clientRefused() {},
  sourceRetried() {},
  sourceRecovered() {},
  filesReloaded() {},
  settingsInsecure() {},
  receiptsDropped() {},
  spansDropped() {},
  rowsConverted() {},
  conversionFailed() {},
  tableUploaded() {},
  uploadFailed() {},
  uploadsWait() {},
  uploadsLost() {},
  pipelineLogged() {},
  pipelineFailed() {},
  pipelineRan() {},
  pipelineDelayed() {},
  pipelineWaits() {},
  datastoreGrew() {},
  rowsLeftOut() {},
  tablesGrew() {},
  contentMade() {},
  contentFailed() {},
  contentDelivered() {},
  deliveryFailed() {},
}
