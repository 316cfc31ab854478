/** The settings of pipelines as the worker process gets them: plain data, with absolute paths. */
import { resolve } from 'node:path'
import type { FunctionOptions } from './functions/local-functions.ts'
import type { PipelinesOptions } from './options.ts'
import type { AwsThingsSettings } from './things/aws-things.ts'

export interface PipelineSettings {
  readonly functions: Readonly<Record<string, FunctionOptions>>
  readonly registry?: ThingSource | undefined
  readonly shadows?: ThingSource | undefined
  /** Of the failures that are kept of each pipeline. */
  readonly maxFailureBytes: number
}

/** Where things are looked up. */
export type ThingSource =
  | { readonly file: string; readonly aws?: never }
  | { readonly aws: AwsThingsSettings; readonly file?: never }

/** Relative paths are those of this process. */
export function pipelineSettings(options: PipelinesOptions): PipelineSettings {
  const functions = Object.entries(options.functions).map(
    ([name, { module, handler, command, timeout, environment }]) => {
      const shared = { timeoutMs: timeout, environment }
      return [
        name,
        command === undefined
          ? { ...shared, module: resolve(module ?? ''), handler }
          : { ...shared, command },
      ] as const
    },
  )
  return {
    functions: Object.fromEntries(functions),
    registry: sourceOf(options.registry),
    shadows: sourceOf(options.shadows),
    maxFailureBytes: options.maxFailureBytes,
  }
}

function sourceOf(given: PipelinesOptions['registry']): ThingSource | undefined {
  if (given?.aws !== undefined) return { aws: given.aws }
  return given?.file === undefined ? undefined : { file: resolve(given.file) }
}
