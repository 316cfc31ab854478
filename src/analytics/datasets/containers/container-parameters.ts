/**
 * The parameters of a program, in the form that IoT Analytics gives them to a container:
 *
 *     {"Context":{"OutputUris":{"html":"file:///…/out/result.html","ipynb":"file:///…"}},
 *      "Variables":{"plant":"north","limit":4.5,"report":"file:///…/out/report.csv"}}
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { DatasetDefinition } from '../../resources/dataset-definition.ts'

export type ContainerSettings = NonNullable<DatasetDefinition['actions'][number]['containerAction']>
export type ContainerVariable = NonNullable<ContainerSettings['variables']>[number]

export interface ParameterPlaces {
  /** For what the program makes. */
  readonly outputs: string
  /** By the name of a dataset: the file with its content. */
  readonly inputs: ReadonlyMap<string, string>
}

export function containerParameters(
  { variables = [] }: ContainerSettings,
  { outputs, inputs }: ParameterPlaces,
): string {
  const outputUri = (name: string) => pathToFileURL(join(outputs, name)).href
  const valueFor = (variable: ContainerVariable): unknown => {
    const { stringValue, doubleValue, outputFileUriValue, datasetContentVersionValue } = variable
    if (outputFileUriValue !== undefined) return outputUri(outputFileUriValue.fileName)
    if (datasetContentVersionValue === undefined) return stringValue ?? doubleValue
    return pathToFileURL(inputs.get(datasetContentVersionValue.datasetName) ?? '').href
  }
  // Members, not assignments: a variable may be called __proto__.
  const named = variables.map((variable) => member(variable.name, valueFor(variable)))
  const uris = ['html', 'ipynb'].map((kind) => member(kind, outputUri(`result.${kind}`)))
  const declared = variables.flatMap(({ name, outputFileUriValue }) =>
    outputFileUriValue === undefined ? [] : member(name, outputUri(outputFileUriValue.fileName)),
  )
  return `{"Context":{"OutputUris":{${[...uris, ...declared].join(',')}}},"Variables":{${named.join(',')}}}\n`
}

function member(name: string, value: unknown): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`
}
