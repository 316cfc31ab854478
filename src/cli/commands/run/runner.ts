/** Starts connectors one after the other, stops them, and reports both. */
import { relative } from 'node:path'
import { systemClock } from '../../../clock.ts'
import type { LoadedConfig } from '../../../config/load.ts'
import { shownSettings } from '../../../config/shown-settings.ts'
import { traceOptionsOf } from '../../../config/trace-environment.ts'
import type { Nucleus } from '../../../sources/greengrass/nucleus.ts'
import type { LogFile } from '../../../telemetry/log/log-file.ts'
import type { LogOutput } from '../../../telemetry/log/logger.ts'
import { VERSION } from '../../../version.ts'
import type { CliContext, RunnableConnector } from '../../context.ts'
import { awsAdvice } from './aws-advice.ts'
import { RunReport } from './run-report.ts'
import { ServiceManager } from './service-manager.ts'
import type { StartUp } from './start-up.ts'

export interface RunnerFlags {
  /** Undefined: on a terminal only. */
  readonly banner?: boolean
}

interface Running {
  readonly loaded: LoadedConfig
  readonly connector: RunnableConnector
  readonly nucleus: Nucleus | undefined
  readonly report: RunReport
}

export class Runner {
  readonly #flags: RunnerFlags
  readonly #context: CliContext
  readonly #serviceManager: ServiceManager
  #running: Running | undefined
  /** Of a configuration with `sources.greengrass` that the nucleus does not have itself. */
  #nucleus: Nucleus | undefined
  /** For the connector's lines and for those of `run`. */
  #logFile: LogFile | undefined
  /** Also valid while nothing runs. */
  #report: RunReport | undefined

  constructor(flags: RunnerFlags, context: CliContext) {
    this.#flags = flags
    this.#context = context
    const { pid, env } = context.process
    this.#serviceManager = new ServiceManager({
      pid,
      environment: env,
      clock: systemClock,
      commitPendingMs: () => this.#running?.connector.commitPendingMs ?? 0,
      onFailed: (reason) => this.#report?.notSentToServiceManager(reason),
      onDiskHangs: (pendingMs) => this.#report?.diskHangs(pendingMs),
    })
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  get report(): RunReport | undefined {
    return this.#report
  }

  /** @throws {ConnectorError} with everything that keeps the connector from starting */
  async start(loaded: LoadedConfig, given?: Nucleus): Promise<void> {
    const { process, loadConnector } = this.#context
    const createConnector = await loadConnector()
    const nucleus = given ?? (await this.#ownNucleus(loaded))
    const logFile = await this.#openLogFile(loaded)
    const output = logFile ?? process.stderr
    const connector = createConnector(loaded.config, {
      nucleus,
      logOutput: output,
      traces: traceOptionsOf(process.env),
      settings: () => shownSettings(loaded),
    })
    const report = await reportOf(this.#flags, loaded, { stdout: process.stdout, output })
    this.#report = report
    const { startErrorOf } = await import('../../../connector/checks/start-check.ts')
    const { problems, notices } = await connector.check()
    const problem = startErrorOf(problems)
    if (problem !== undefined) throw problem
    await connector.start()
    this.#running = { loaded, connector, nucleus, report }
    report.started(startUpOf(loaded, notices, process.argv[1]), connector.describe())
    this.#serviceManager.ready()
  }

  /**
   * Runs with another configuration from now on. What waits to be delivered is kept.
   * @throws {ConnectorError} if that can't start: then it runs with the one before
   */
  async replace(loaded: LoadedConfig, nucleus: Nucleus, deadlineMs: number): Promise<void> {
    const before = this.#running
    await before?.connector.stop({ deadlineMs })
    this.#running = undefined
    try {
      await this.start(loaded, nucleus)
    } catch (error) {
      if (before !== undefined) await this.start(before.loaded, nucleus)
      throw error
    }
  }

  async reload(): Promise<void> {
    this.#logFile?.reopen()
    if (this.#running === undefined) return
    this.#serviceManager.reloading()
    await this.#running.connector.reload()
    // It may have been stopped meanwhile.
    if (this.isRunning) this.#serviceManager.ready()
  }

  /** @param signal for people: its name */
  async stop(signal: string, deadlineMs: number): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    running.report.stopping(signal, deadlineMs)
    this.#serviceManager.stopping()
    running.nucleus?.bus.unsubscribe()
    running.report.stopped(await running.connector.stop({ deadlineMs }))
    await this.#nucleus?.close()
    this.#serviceManager.close()
    await this.#logFile?.close()
  }

  /** Closes that of the configuration before. */
  async #openLogFile({ config }: LoadedConfig): Promise<LogFile | undefined> {
    await this.#logFile?.close()
    this.#logFile = undefined
    const { file } = config.log
    if (file === undefined) return undefined
    const { LogFile } = await import('../../../telemetry/log/log-file.ts')
    const logFile = new LogFile(file)
    await logFile.open()
    this.#logFile = logFile
    return logFile
  }

  async #ownNucleus({ config }: LoadedConfig): Promise<Nucleus | undefined> {
    const { greengrass } = config.sources
    if (greengrass === undefined) return undefined
    const { Nucleus } = await import('../../../sources/greengrass/nucleus.ts')
    const nucleus = new Nucleus({
      component: greengrass.component,
      environment: this.#context.process.env,
      clock: systemClock,
      random: Math.random,
    })
    // It goes on trying, and reports what fails.
    void nucleus.start().catch(() => {})
    this.#nucleus = nucleus
    return nucleus
  }

  /** The deadline for the stop has passed. */
  late(): void {
    this.#report?.late()
  }
}

/** Where the banner and readable log lines share a terminal, the banner is enough. */
async function reportOf(
  flags: RunnerFlags,
  { config }: LoadedConfig,
  { stdout, output }: { readonly stdout: NodeJS.WriteStream; readonly output: LogOutput },
): Promise<RunReport> {
  const { createLogger } = await import('../../../telemetry/log/logger.ts')
  const hasBanner = flags.banner ?? stdout.isTTY === true
  const isShared = stdout.isTTY === true && output.isTTY === true && config.log.format !== 'json'
  return new RunReport({
    logger: hasBanner && isShared ? undefined : createLogger(config.log, output),
    banner: hasBanner ? stdout : undefined,
  })
}

function startUpOf(
  { config, files, notices }: LoadedConfig,
  openFiles: readonly string[],
  script: string | undefined,
): StartUp {
  return {
    command: commandOf(script),
    version: VERSION,
    files,
    notices: [...notices, ...awsAdvice(config)],
    openFiles,
    config,
  }
}

/**
 * In a clone of the repository the program is not on the PATH; the printed commands work there too.
 */
function commandOf(script: string | undefined): string {
  if (script === undefined || !script.endsWith('.js')) return 'iot-analytics-connector'
  return `node ${relative('', script)}`
}
