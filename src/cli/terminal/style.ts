/**
 * Colours of a terminal: the base colours, bold and dim, which every theme makes readable. White,
 * black and backgrounds are never set, for they are right in one theme only.
 */

/** How a piece of text is shown. */
export type Paint = (text: string) => string

export interface Style {
  readonly hasColours: boolean
  readonly bold: Paint
  readonly dim: Paint
  readonly red: Paint
  readonly green: Paint
  readonly yellow: Paint
  readonly cyan: Paint
}

export type Environment = Readonly<Record<string, string | undefined>>

/** The style for what is written to `output`. */
export function styleFor(output: { readonly isTTY?: boolean }, env: Environment): Style {
  return hasColours(output, env) ? COLOURED : PLAIN
}

/** As Node does: FORCE_COLOR overrides NO_COLOR, and both override the terminal. */
function hasColours({ isTTY }: { readonly isTTY?: boolean }, env: Environment): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: refused, TERM: terminal } = env
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  if (refused !== undefined && refused !== '') return false
  return isTTY === true && terminal !== 'dumb'
}

/** ECMA-48, 8.3.117 (SGR): each ends with the code that undoes it alone, so that they can be nested. */
function sgr(begin: number, end: number): Paint {
  return (text) => (text === '' ? '' : `\u001B[${begin}m${text}\u001B[${end}m`)
}

const COLOURED: Style = {
  hasColours: true,
  bold: sgr(1, 22),
  dim: sgr(2, 22),
  red: sgr(31, 39),
  green: sgr(32, 39),
  yellow: sgr(33, 39),
  cyan: sgr(36, 39),
}

const same: Paint = (text) => text

export const PLAIN: Style = {
  hasColours: false,
  bold: same,
  dim: same,
  red: same,
  green: same,
  yellow: same,
  cyan: same,
}
