/** A plan for Greengrass v2, for people. */
import type { GreengrassPlan } from '../../../greengrass/plan/plan.ts'
import { printable, safeJson } from '../../../shown-text.ts'

/** The JSON in it can be pasted into the console's "Configuration to merge". */
export function planText({ merge, subscriptions, todo, notKept }: GreengrassPlan): string {
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
