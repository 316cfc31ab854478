/** `pipeline-failures`: lists the messages that pipelines could not process, and why. */
import { isUtf8 } from 'node:buffer'
import type { Command } from 'commander'
import type { MessageFailure } from '../../../analytics/pipelines/failures/failure-file.ts'
import { isChannelName } from '../../../channel-name.ts'
import { asConnectorError } from '../../../errors.ts'
import { timeText } from '../../../iso-time.ts'
import { printable, safeJson } from '../../../shown-text.ts'
import { counted } from '../../../units.ts'
import type { CliContext } from '../../context.ts'
import { EXIT_FAILED, usageError } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'
import { writeLines } from '../../output.ts'
import { assertDataDirectory } from '../doctor/data-directory.ts'
import { payloadOf } from '../tail/stored-message.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector pipeline-failures                    of all pipelines, by offset
  $ iot-analytics-connector pipeline-failures my_pipeline --data /var/lib/connector
  $ iot-analytics-connector pipeline-failures my_pipeline --json | jq -r .reason | sort | uniq -c

Reads the data directory, whether or not the connector runs, and changes nothing. The messages are
still in their channel: after the cause is fixed, StartPipelineReprocessing processes them again.`

interface Flags {
  readonly json?: true
}

export function addPipelineFailuresCommand(program: Command, context: CliContext): void {
  program
    .command('pipeline-failures')
    .description('list messages that pipelines could not process, and why')
    .argument('[pipeline]', 'the pipeline (default: all)')
    .option('--json', 'print one JSON line per message, including the payload')
    .addHelpText('after', EXAMPLES)
    .action(async (pipeline: string | undefined, { json }: Flags, command: Command) => {
      if (pipeline !== undefined && !isChannelName(pipeline)) {
        throw usageError(`${pipeline} is not the name of a pipeline`)
      }
      const { directory } = (await loadConfigOf(command, context)).config.storage
      await assertDataDirectory(directory)
      const listing = new FailureListing(directory, json === true ? jsonOf : textOf)
      await writeLines(context, listing.lines(pipeline))
      if (listing.isEmpty && json !== true) listing.notes.push('There are no failures.')
      for (const note of listing.notes) context.process.stderr.write(`${note}\n`)
      if (listing.isDamaged) context.process.exitCode = EXIT_FAILED
    })
}

type Form = (pipeline: string, failure: MessageFailure) => string

class FailureListing {
  /** What is to be said beside the lines. */
  readonly notes: string[] = []
  isEmpty = true
  isDamaged = false
  readonly #directory: string
  readonly #form: Form

  constructor(directory: string, form: Form) {
    this.#directory = directory
    this.#form = form
  }

  async *lines(pipeline: string | undefined): AsyncGenerator<string> {
    const { pipelinesWithFailures } = await import(
      '../../../analytics/pipelines/failures/failure-store.ts'
    )
    try {
      const names =
        pipeline === undefined ? await pipelinesWithFailures(this.#directory) : [pipeline]
      for (const name of names) yield* this.#linesOf(name)
    } catch (error) {
      throw asConnectorError(error, 'StorageFailed', `reading ${this.#directory}`)
    }
  }

  async *#linesOf(pipeline: string): AsyncGenerator<string> {
    const { readFailures } = await import('../../../analytics/pipelines/failures/failure-store.ts')
    let leftOut = 0
    for await (const file of readFailures(this.#directory, pipeline)) {
      this.isEmpty = false
      if (file.problem === undefined) {
        leftOut += file.leftOut
        for (const failure of file.failures) yield this.#form(pipeline, failure)
      } else {
        this.isDamaged = true
        this.notes.push(`${file.path} can’t be read: ${file.problem}`)
      }
    }
    if (leftOut === 0) return
    this.notes.push(
      `${pipeline}: ${counted(leftOut, 'more failure')} had no room (analytics.pipelines.maxFailureBytes).`,
    )
  }
}

function jsonOf(pipeline: string, failure: MessageFailure): string {
  const { offset, messageId, topic, arrivedAt, activity, reason } = failure
  const receivedAt = timeText(arrivedAt)
  const about = { pipeline, offset, messageId, topic, receivedAt, activity, reason }
  return safeJson(JSON.stringify({ ...about, ...payloadFields(failure) }))
}

function textOf(pipeline: string, failure: MessageFailure): string {
  const { offset, messageId, arrivedAt, activity, reason } = failure
  return [
    timeText(arrivedAt),
    `#${offset}`,
    pipeline,
    printable(`${activity}: ${reason}`),
    `messageId=${printable(messageId)}`,
    payloadOf(new Map(Object.entries(payloadFields(failure)))),
  ].join('  ')
}

/** As `tail --json` has them. */
function payloadFields({ payload }: MessageFailure): object {
  return isUtf8(payload)
    ? { payload: payload.toString() }
    : { payloadBase64: payload.toString('base64') }
}
