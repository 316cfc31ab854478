/**
 * What `run` reports of its start and stop: log lines with the events `notices`, `started`,
 * `stopping` and `stopped`, and the banner with the last words on standard output.
 */
import { resolve } from 'node:path'
import type { ConnectorDescription } from '../../../connector/connector-options.ts'
import type { StopReport } from '../../../connector/draining.ts'
import type { Logger } from '../../../telemetry/log/logger.ts'
import { formatDuration } from '../../../units.ts'
import { type StartUp, startUpText } from './start-up.ts'

const LATE_TEXT =
  'Ended at the deadline: the disk or a connection did not answer in time, so some files were not written and connections not closed. No message that was acknowledged and is kept on disk is lost. Messages delivered in the last moments may be delivered again, and the next start takes longer.'

export interface RunReportParts {
  /** Undefined where the banner says it all on the same terminal. */
  readonly logger: Logger | undefined
  /** Undefined without the banner. */
  readonly banner: Pick<NodeJS.WriteStream, 'write'> | undefined
}

export class RunReport {
  readonly #logger: Logger | undefined
  readonly #banner: RunReportParts['banner']

  constructor({ logger, banner }: RunReportParts) {
    this.#logger = logger
    this.#banner = banner
  }

  started(startUp: StartUp, connector: ConnectorDescription): void {
    for (const notice of startUp.notices) this.#logger?.warn({ event: 'notices' }, notice)
    const { sources, destinations, http, dataDirectory, channels } = connector
    const { version, files } = startUp
    const directory = dataDirectory === undefined ? undefined : resolve(dataDirectory)
    this.#logger?.info(
      {
        event: 'started',
        version,
        pid: process.pid,
        sources,
        destinations,
        http,
        dataDirectory: directory,
        channels,
        configuration: files,
      },
      'started',
    )
    this.#banner?.write(startUpText(startUp, connector))
  }

  /** A deployment has changed the configuration. */
  applying(component: string): void {
    this.#logger?.info({ event: 'applying', component }, 'applying the changed configuration')
    this.#banner?.write(`\nApplying the changed configuration of ${component}.\n`)
  }

  /** The connector goes on with the configuration before. */
  notApplied(component: string, { message }: Error): void {
    this.#logger?.error({ event: 'configuration_refused', component }, message)
    this.#banner?.write(`The changed configuration is not used: ${message}\n`)
  }

  /** What the nucleus should do beside messages, such as telling of changes. */
  componentFailed(component: string, { message }: Error): void {
    this.#logger?.warn({ event: 'component_failed', component }, message)
  }

  notSentToServiceManager(reason: string): void {
    this.#logger?.warn(
      { event: 'notify_failed', reason },
      `systemd could not be informed by systemd-notify: ${reason}. It may end the program, which it believes to hang.`,
    )
  }

  diskHangs(pendingMs: number): void {
    this.#logger?.error(
      { event: 'disk_hangs', pendingMs: Math.round(pendingMs) },
      `The disk has left a commit unanswered for ${formatDuration(Math.round(pendingMs / 1000) * 1000)}. If it does not answer soon, systemd restarts the program. No acknowledged message is lost. Look at the kernel’s log and check the disk.`,
    )
  }

  stopping(signal: string, deadlineMs: number): void {
    this.#logger?.info({ event: 'stopping', signal, deadlineMs }, 'stopping')
    this.#banner?.write(
      `\n${signal}: the intake is stopped; delivering for up to ${formatDuration(deadlineMs)}. Send the signal again to end at once.\n`,
    )
  }

  stopped({ delivered, kept, lost }: StopReport): void {
    this.#logger?.info({ event: 'stopped', delivered, kept, lost }, 'stopped')
    const parts = [`delivered ${delivered}`, `kept ${kept} for the next start`]
    if (lost > 0) parts.push(`lost ${lost} that were only in memory`)
    this.#banner?.write(`Stopped. While stopping: ${parts.join(', ')}.\n`)
  }

  /** The deadline has passed, and the process ends without having stopped. */
  late(): void {
    this.#logger?.error({ event: 'stop_deadline_exceeded' }, LATE_TEXT)
    this.#banner?.write(`${LATE_TEXT}\n`)
  }
}
