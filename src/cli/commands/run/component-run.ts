/**
 * `run --greengrass`: the nucleus has the configuration, and a changed one is applied without ending
 * the process. Messages that come meanwhile wait in memory.
 */
import type { LoadedConfig } from '../../../config/load.ts'
import { asConnectorError } from '../../../errors.ts'
import { ComponentHost } from './component-host.ts'
import type { Runner } from './runner.ts'
import { aborted } from './stop-signals.ts'

/** While a configuration is applied, messages wait in memory, so what can wait on disk does. */
const REPLACE_DEADLINE_MS = 2_000

export interface ComponentRun {
  readonly name: string
  readonly environment: NodeJS.ProcessEnv
  /** @throws {ConnectorError} InvalidConfiguration */
  readonly load: (value: unknown) => Promise<LoadedConfig>
  readonly runner: Runner
  readonly stopSignal: AbortSignal
  readonly deadlineMs: number
}

/** Runs until the signal. */
export async function runComponent(run: ComponentRun): Promise<void> {
  const { name, environment, load, runner, stopSignal, deadlineMs } = run
  const host = new ComponentHost({
    name,
    environment,
    validate: load,
    onFailed: (error) => runner.report?.componentFailed(name, error),
  })
  try {
    const value = await Promise.race([host.open(), aborted(stopSignal).then(() => undefined)])
    if (stopSignal.aborted) return
    await runner.start(await load(value), host.nucleus)
    // Not waited for: a nucleus that hangs must not keep the process from stopping.
    void host.running()
    await applyChanges(host, run)
    await runner.stop(String(stopSignal.reason), deadlineMs)
  } catch (error) {
    void host.failed()
    await runner.stop('the nucleus is lost', deadlineMs)
    throw error
  } finally {
    await host.close()
  }
}

async function applyChanges(host: ComponentHost, run: ComponentRun): Promise<void> {
  const { name, load, runner, stopSignal } = run
  for (;;) {
    const changed = await host.next(stopSignal)
    if (changed === undefined) return
    try {
      const loaded = await load(changed.value)
      runner.report?.applying(name)
      await runner.replace(loaded, host.nucleus, REPLACE_DEADLINE_MS)
    } catch (thrown) {
      const error = asConnectorError(thrown, 'Unexpected', 'applying the changed configuration')
      if (error.code === 'Unexpected' || !runner.isRunning) throw error
      runner.report?.notApplied(name, error)
    }
  }
}
