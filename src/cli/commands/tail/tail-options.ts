/** The flags of `tail`: where it begins, which messages it shows, and how. */
import { type Command, Option } from 'commander'
import type { ConnectorFlags } from '../../connector-flags.ts'
import { usageError } from '../../exit-code.ts'
import { wholeNumber } from '../../number-argument.ts'
import { parseStartPoint } from '../../start-point.ts'
import { type Condition, parseCondition, parsePattern } from './condition.ts'
import { type FieldPath, parseFieldPath } from './field-path.ts'
import { MESSAGE_FORMS, type MessageForm } from './message-form.ts'

export interface TailFlags extends ConnectorFlags {
  readonly from?: string
  readonly follow?: true
  readonly json?: true
  readonly output?: MessageForm
  readonly grep?: RegExp
  readonly where?: readonly Condition[]
  readonly field?: readonly FieldPath[]
  readonly rate?: number
  readonly limit?: number
}

export function addTailOptions(command: Command): Command {
  return command
    .option(
      '--from <point>',
      'where to begin: earliest, now, an offset, a time or 15m for 15 minutes ago (default: earliest; with --follow: now)',
      (text: string) => parseStartPoint(text),
    )
    .option('-f, --follow', 'wait for messages that arrive, until stopped')
    .option('--grep <pattern>', 'only messages whose topic or payload matches', parsePattern)
    .option(
      '--where <condition>',
      'only messages whose payload fulfils this, such as temp>30; can be repeated',
      appended(parseCondition),
    )
    .option(
      '--field <path>',
      'show this field, such as motor.temp or readings[0], in place of the payload; can be repeated',
      appended(parseFieldPath),
    )
    .option(
      '--rate <n>',
      'with --follow: show at most this many messages a second, and say how many were skipped',
      wholeNumber(1, 1_000_000),
    )
    .addOption(
      new Option(
        '-o, --output <form>',
        'text, json, raw (the payload as it is) or value (of --field) (default: text)',
      ).choices(MESSAGE_FORMS),
    )
    .option('--json', 'the same as --output json: one line per message, including the payload')
    .option(
      '-n, --limit <n>',
      'stop after this many messages',
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
    )
}

/** Throws a usage error for flags that can't be used together. */
export function refuseContradictions({ json, output, rate, follow }: TailFlags): void {
  if (json === true && output !== undefined && output !== 'json') {
    throw usageError(`--json and --output ${output} contradict each other`)
  }
  if (rate !== undefined && follow !== true) {
    throw usageError('--rate is for --follow: without it, tail shows all messages and ends')
  }
}

/** For an option that can be repeated. */
function appended<Value>(parse: (text: string) => Value) {
  return (text: string, before: readonly Value[] = []): readonly Value[] => [...before, parse(text)]
}
