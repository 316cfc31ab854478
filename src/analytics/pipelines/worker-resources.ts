/**
 * What pipelines use in the worker process: functions, and what is known of things. It stays between
 * jobs, so that a function's process does too, and ends with the worker.
 */
import { systemClock } from '../../clock.ts'
import { sendLog } from '../worker/job-runner.ts'
import { LocalFunctions } from './functions/local-functions.ts'
import { LogRate } from './functions/log-rate.ts'
import type { ActivityResources } from './make-activity.ts'
import type { PipelineSettings, ThingSource } from './pipeline-settings.ts'
import type { ThingKind } from './things/aws-things.ts'
import { ThingFile } from './things/thing-file.ts'

/** By their settings, as JSON. A worker gets the settings of one connector: usually there is one. */
const known = new Map<string, Promise<ActivityResources>>()

/** Never rejects: what cannot be used now says so when it is asked. */
export function resourcesFor(settings: PipelineSettings): Promise<ActivityResources> {
  const key = JSON.stringify(settings)
  const before = known.get(key)
  if (before !== undefined) return before
  const opened = open(settings)
  known.set(key, opened)
  return opened
}

async function open({
  functions,
  registry,
  shadows,
}: PipelineSettings): Promise<ActivityResources> {
  const clock = systemClock
  const rate = new LogRate({ clock, write: sendLog })
  return {
    functions: new LocalFunctions({
      functions,
      clock,
      onLog: (name, line) => rate.log(`function ${name}`, line),
    }),
    registry: await openThings(registry, 'registry'),
    shadows: await openThings(shadows, 'shadows'),
  }
}

async function openThings(source: ThingSource | undefined, kind: ThingKind) {
  if (source === undefined) return undefined
  const setting = `analytics.pipelines.${kind}`
  if (source.aws !== undefined) {
    const { AwsThings } = await import('./things/aws-things.ts')
    return new AwsThings({
      settings: source.aws,
      kind,
      place: `${setting}.aws`,
      clock: systemClock,
      random: Math.random,
    })
  }
  const things = new ThingFile({
    path: source.file,
    setting: `${setting}.file`,
    clock: systemClock,
    onProblem: (problem) => sendLog(setting, problem),
  })
  await things.start()
  return things
}
