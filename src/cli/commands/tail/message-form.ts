/** Messages in the form that is asked for: a line for people, JSON, the payload, or values of it. */
import { printable } from '../../../shown-text.ts'
import type { Style } from '../../terminal/style.ts'
import { NO_FIGURE } from '../../terminal/table.ts'
import { type FieldPath, valueAt } from './field-path.ts'
import {
  payloadBytes,
  payloadOf,
  payloadText,
  payloadValue,
  type StoredMessage,
  timeOf,
} from './stored-message.ts'

export const MESSAGE_FORMS = ['text', 'json', 'raw', 'value'] as const
export type MessageForm = (typeof MESSAGE_FORMS)[number]

export interface Shown {
  readonly form: MessageForm
  readonly style: Style
  readonly fields: readonly FieldPath[]
  /** What is found is made bold. */
  readonly grep: RegExp | undefined
  /** Nothing may steer it; elsewhere `raw` gives the bytes as they are. */
  readonly isTerminal: boolean
}

const LINE_END = Buffer.from('\n')

/** A line with its end. */
export function formatted(message: StoredMessage, shown: Shown): string | Buffer {
  switch (shown.form) {
    case 'json':
      return `${message.line}\n`
    case 'raw':
      return shown.isTerminal
        ? `${payloadOf(message.fields)}\n`
        : Buffer.concat([payloadBytes(message), LINE_END])
    case 'value':
      return `${valuesOf(message, shown)}\n`
    case 'text':
      return `${lineFor(message, shown)}\n`
  }
}

function valuesOf(message: StoredMessage, { fields }: Shown): string {
  if (fields.length === 0) return payloadOf(message.fields)
  const payload = payloadValue(message)
  return fields.map((path) => printable(plainText(valueAt(payload, path)))).join('\t')
}

function lineFor(message: StoredMessage, shown: Shown): string {
  const { fields, offset } = message
  const { style } = shown
  const id = fields.get('id')
  const sender =
    typeof id === 'string' && id !== ''
      ? `id=${printable(id)}`
      : `messageId=${printable(String(fields.get('messageId') ?? ''))}`
  const topic = marked(printable(String(fields.get('topic'))), shown, style.cyan)
  return [
    style.dim(`${timeOf(fields.get('receivedAt'))}  #${offset}`),
    topic,
    style.dim(sender),
    shown.fields.length > 0 ? fieldsText(message, shown) : payloadFor(message, shown),
  ].join('  ')
}

function payloadFor(message: StoredMessage, shown: Shown): string {
  const text = payloadOf(message.fields)
  return payloadText(message) === undefined ? text : marked(text, shown)
}

function fieldsText(message: StoredMessage, { fields, style }: Shown): string {
  const payload = payloadValue(message)
  return fields
    .map((path) => {
      const value = valueAt(payload, path)
      const text = value === undefined ? NO_FIGURE : printable(JSON.stringify(value))
      return `${style.dim(`${printable(path.text)}=`)}${text}`
    })
    .join('  ')
}

/** A text without quotes, everything else as JSON. */
function plainText(value: unknown): string {
  if (value === undefined) return NO_FIGURE
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The text in its colour, what `--grep` has found in it in bold. */
function marked(text: string, { grep, style }: Shown, paint = (part: string) => part): string {
  if (grep === undefined || !style.hasColours) return paint(text)
  let end = 0
  let result = ''
  for (const { 0: found, index } of text.matchAll(new RegExp(grep, 'gu'))) {
    result += paint(text.slice(end, index)) + style.bold(style.red(found))
    end = index + found.length
  }
  return result + paint(text.slice(end))
}
