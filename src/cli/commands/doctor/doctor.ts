/** `doctor`: checks a data directory, explains what it finds, and repairs what can be repaired. */

import type { Command } from 'commander'
import type { FailureInspection } from '../../../analytics/pipelines/failures/doctor/inspect-failures.ts'
import type { TableInspection } from '../../../analytics/tables/doctor/inspect-tables.ts'
import type { FindingPlace, FindingSeverity } from '../../../channels/disk/doctor/finding.ts'
import type { ChannelInspection, Inspection } from '../../../channels/disk/doctor/inspect.ts'
import { accessAdvice } from '../../../channels/disk/files/directory-access.ts'
import { systemClock } from '../../../clock.ts'
import { asConnectorError } from '../../../errors.ts'
import { timeText } from '../../../iso-time.ts'
import { printable, safeJson } from '../../../shown-text.ts'
import { counted } from '../../../units.ts'
import type { CliContext } from '../../context.ts'
import { EXIT_FAILED } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'
import { assertDataDirectory } from './data-directory.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector doctor                          the directory of the configuration
  $ iot-analytics-connector doctor --data /var/lib/connector
  $ iot-analytics-connector doctor --data /var/lib/connector --repair
  $ iot-analytics-connector doctor --json | jq .channels

Reads every byte and changes nothing, without --repair; the connector may be running, what it is just
writing may look unfinished then. --repair needs it stopped, and loses no message that can be read.
Exit code 0 when all is well, 1 when something was found that is left.`

/** A finding in logs, tables or failures of pipelines. */
interface ShownFinding extends FindingPlace {
  readonly kind: string
  readonly severity: FindingSeverity
  readonly channel: string
  readonly explanation: string
}

interface Report extends Inspection {
  /** Empty if there are no Parquet files. */
  readonly tables: readonly TableInspection[]
  /** The messages that pipelines could not process. */
  readonly pipelineFailures: FailureInspection
}

interface DoctorFlags {
  readonly repair?: true
  readonly json?: true
}

export function addDoctorCommand(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .description('check the data directory, explain what is wrong with it, and repair it')
    .option('--repair', 'repair what can be repaired without losing a message that can be read')
    .option('--json', 'what was found, as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: DoctorFlags, command: Command) => {
      const { directory } = (await loadConfigOf(command, context)).config.storage
      await assertDataDirectory(directory)
      const { process } = context
      // What was done goes aside where the report is for a program.
      const aside = flags.json === true ? process.stderr : process.stdout
      if (flags.repair === true) aside.write(await repair(directory))
      const inspection = await inspect(directory)
      const text =
        flags.json === true ? safeJson(JSON.stringify(inspection, null, 2)) : reportOf(inspection)
      process.stdout.write(`${text}\n`)
      const advice = await accessAdvice(directory)
      if (advice !== undefined) process.stderr.write(`Note: ${advice}\n`)
      const isWell = findingsOf(inspection).every(isHarmless)
      if (!isWell) process.exitCode = EXIT_FAILED
    })
}

async function inspect(directory: string): Promise<Report> {
  const { inspectDirectory } = await import('../../../channels/disk/doctor/inspect.ts')
  const { inspectTables } = await import('../../../analytics/tables/doctor/inspect-tables.ts')
  const { inspectFailures } = await import(
    '../../../analytics/pipelines/failures/doctor/inspect-failures.ts'
  )
  try {
    return {
      ...(await inspectDirectory(directory)),
      tables: await inspectTables(directory),
      pipelineFailures: await inspectFailures(directory),
    }
  } catch (error) {
    throw asConnectorError(error, 'StorageFailed', `reading ${directory}`)
  }
}

async function repair(directory: string): Promise<string> {
  const { repairDirectory } = await import('../../../channels/disk/doctor/repair.ts')
  const { repairTables } = await import('../../../analytics/tables/doctor/repair-tables.ts')
  const { repairFailures } = await import(
    '../../../analytics/pipelines/failures/doctor/repair-failures.ts'
  )
  const repairs: { readonly finding: ShownFinding; readonly done: string }[] = [
    ...(await repairDirectory({ directory, clock: systemClock })),
    ...(await repairTables(directory)),
    ...(await repairFailures(directory)),
  ]
  if (repairs.length === 0) return 'Nothing to repair.\n\n'
  const lines = repairs.map(({ finding, done }) => {
    return `repaired: ${printable(finding.channel)}/${printable(finding.file)}: ${done}`
  })
  return `${lines.join('\n')}\n\n`
}

function findingsOf(report: Report): readonly ShownFinding[] {
  const { channels, journal, tables, pipelineFailures } = report
  return [journal, ...channels, ...tables, pipelineFailures].flatMap(
    ({ findings }): readonly ShownFinding[] => findings,
  )
}

/** What has nothing to do with messages leaves a directory well. */
function isHarmless({ severity }: ShownFinding): boolean {
  return severity === 'note'
}

function reportOf(inspection: Report): string {
  const { directory, usedBy, channels, journal, tables, quarantinedFiles, bytes } = inspection
  const user = usedBy === undefined ? 'not in use' : `in use by process ${usedBy.pid}`
  const lines = [`${directory}: ${logsText(channels)}, ${counted(bytes, 'byte')}, ${user}`]
  if (quarantinedFiles > 0) {
    lines.push(`quarantine/ keeps ${counted(quarantinedFiles, 'damaged piece')} found earlier`)
  }
  const alone =
    journal.messages === 0 ? '' : `, ${counted(journal.messages, 'message')} in it alone`
  lines.push(
    '',
    `the journal: ${counted(journal.slots, 'file')}, ${counted(journal.bytes, 'byte')}${alone}`,
  )
  lines.push(...journal.findings.flatMap(findingLines))
  for (const channel of channels) lines.push(...channelLines(channel))
  for (const table of tables) lines.push(...tableLines(table))
  lines.push(...failureLines(inspection.pipelineFailures))
  const findings = findingsOf(inspection).filter((one) => !isHarmless(one))
  const repairable = findings.filter(({ severity }) => severity === 'repairable').length
  lines.push('', conclusion(findings.length, repairable))
  return lines.join('\n')
}

/** Logs that are no channels, and the names people know them by. */
const INTERNAL_LOGS: Readonly<Record<string, string>> = {
  __sessions: 'MQTT sessions',
  __dead_letters: 'dead letters',
}

/** Such as `2 channels, MQTT sessions`. */
function logsText(logs: readonly ChannelInspection[]): string {
  const internal = logs.flatMap(({ channel }) => INTERNAL_LOGS[channel] ?? [])
  const count = logs.length - internal.length
  return [counted(count, 'channel'), ...internal].join(', ')
}

function channelLines(inspection: ChannelInspection): string[] {
  const { channel, messages, start, end, segments, bytes, positions, findings } = inspection
  const readers = Object.entries(positions ?? {}).map(
    ([reader, position]) => `${reader} at ${position}`,
  )
  const held =
    messages === 0 ? 'no messages' : `${counted(messages, 'message')}, ${rangeText(start, end)}`
  return [
    '',
    `${INTERNAL_LOGS[channel] ?? printable(channel)}: ${held}, ${counted(segments, 'file')}, ${counted(bytes, 'byte')}`,
    ...(readers.length === 0 ? [] : [`  readers: ${printable(readers.join(', '))}`]),
    ...findings.flatMap(findingLines),
  ]
}

function tableLines({ channel, rows, files, bytes, findings }: TableInspection): string[] {
  return [
    '',
    `the table of ${printable(channel)}: ${counted(rows, 'row')}, ${counted(files, 'file')}, ${counted(bytes, 'byte')}`,
    ...findings.flatMap(findingLines),
  ]
}

/** Nothing if no message has failed in a pipeline. */
function failureLines({ files, bytes, findings }: FailureInspection): string[] {
  if (files === 0 && findings.length === 0) return []
  return [
    '',
    `failures of pipelines: ${counted(files, 'file')}, ${counted(bytes, 'byte')}`,
    ...findings.flatMap(findingLines),
  ]
}

function conclusion(found: number, repairable: number): string {
  if (found === 0) return 'All is well.'
  const repair =
    repairable === 0 ? 'none of them can be repaired' : `--repair fixes ${repairable} of them`
  return `${counted(found, 'finding')}; ${repair}. A running connector repairs or skips all of them by itself.`
}

function findingLines(finding: ShownFinding): string[] {
  const { kind, severity, file, position, bytes, offsets, messages, since, explanation } = finding
  const where = [
    printable(file),
    ...(position === undefined ? [] : [`at byte ${position}`]),
    ...(bytes === undefined ? [] : [counted(bytes, 'byte')]),
    ...(offsets === undefined ? [] : [rangeText(offsets.from, offsets.to)]),
    ...(messages === undefined ? [] : [counted(messages, 'message')]),
    ...(since === undefined ? [] : [`from after ${timeText(since)}`]),
  ]
  return [`  ${severity}: ${kind} in ${where.join(', ')}`, `    ${explanation}`]
}

/** Offsets `from ≤ x < to`. */
function rangeText(from: number, to: number): string {
  return to - from === 1 ? `offset ${from}` : `offsets ${from} to ${to - 1}`
}
