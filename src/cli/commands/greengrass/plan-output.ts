/** A plan for Greengrass v2, for people or as JSON. */
import { readConfigDocument } from '../../../config/inputs/config-file.ts'
import { type GreengrassPlan, planFor } from '../../../greengrass/plan/plan.ts'
import { readGroup } from '../../../greengrass/plan/read-group.ts'
import { printable, safeJson } from '../../../shown-text.ts'

/** @throws {ConnectorError} InvalidConfiguration if the files are no definitions of one group */
export async function planOutput(
  files: readonly string[],
  component: string,
  isJson: boolean,
): Promise<string> {
  const group = readGroup(await Promise.all(files.map(readConfigDocument)))
  const plan = planFor(group, component)
  return isJson ? `${safeJson(JSON.stringify(plan, null, 2))}\n` : planText(plan)
}

/** The JSON in it can be pasted into the console's "Configuration to merge". */
function planText({ merge, subscriptions, todo, notKept }: GreengrassPlan): string {
  const configurations = Object.entries(merge).flatMap(([component, configuration]) => [
    `Configuration to merge for ${printable(component)}:`,
    safeJson(JSON.stringify(configuration, null, 2)),
    '',
  ])
  const routes = subscriptions.flatMap(({ id, source, subject, target, becomes }) => [
    `  ${printable(`${id}: ${source} → ${subject} → ${target}`)}`,
    `    ${printable(becomes)}`,
  ])
  return [
    ...configurations,
    ...section('Subscriptions:', routes),
    ...section(
      'To do:',
      todo.map((one) => `  - ${printable(one)}`),
    ),
    ...section(
      'Cannot be kept:',
      notKept.map(({ what, why }) => `  - ${printable(`${what}: ${why}.`)}`),
    ),
  ]
    .join('\n')
    .concat('\n')
    .replace(/\n+$/, '\n')
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [heading, ...lines, '']
}
