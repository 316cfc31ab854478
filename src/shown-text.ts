/**
 * Text from clients, brokers and destinations, made fit to be shown and remembered: short, and
 * without characters that steer a terminal or change the order of what is read.
 */

/** How much of a name is shown: of a topic, a filter, a channel. */
const NAME_CHARACTERS = 128
/** Control and format characters, lone surrogates, and separators of lines and paragraphs. */
const STEERING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
/** What they become. There are about 2,500 of them, and a message may consist of nothing else. */
const ESCAPES = new Map<string, string>()

/**
 * The first `maxCharacters` of the text. It has memory of its own, while a slice of a long string
 * keeps all of it in memory, and so does a text put together from such slices.
 */
export function startOf(text: string, maxCharacters: number): string {
  return Buffer.from(text.slice(0, maxCharacters)).toString()
}

/** The same, with `…` if there is more. */
export function cut(text: string, maxCharacters: number): string {
  const start = startOf(text, maxCharacters)
  return text.length <= maxCharacters ? start : startOf(`${start}…`, maxCharacters + 1)
}

/** The text, cut, with characters that steer a terminal escaped. */
export function shown(text: string, maxCharacters = NAME_CHARACTERS): string {
  return printable(cut(text, maxCharacters))
}

/** The same between quotes, as in JSON. */
export function quoted(text: string, maxCharacters = NAME_CHARACTERS): string {
  return safeJson(JSON.stringify(cut(text, maxCharacters)))
}

/** The same JSON, with characters escaped that steer a terminal; JSON escapes only a few of them. */
export function safeJson(json: string): string {
  return json.replace(STEERING, (character) =>
    isWhite(character) ? character : escaped(character),
  )
}

/** The text with its control and format characters escaped as in JSON. */
export function printable(text: string): string {
  return text.replace(STEERING, (character) => {
    const json = JSON.stringify(character)
    return json === `"${character}"` ? escaped(character) : json.slice(1, -1)
  })
}

/** White space between the values of a JSON text. Inside of strings it is escaped already. */
function isWhite(character: string): boolean {
  return character === '\n' || character === '\r' || character === '\t'
}

function escaped(character: string): string {
  let text = ESCAPES.get(character)
  if (text !== undefined) return text
  text = ''
  for (let i = 0; i < character.length; i++) {
    text += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`
  }
  ESCAPES.set(character, text)
  return text
}
