/**
 * The functions of AWS IoT Analytics' math activity, with its types.
 *
 * NaN stands for Undefined, which the result also is if it is imaginary, infinite or no number.
 */

export interface MathFunction {
  /** How many arguments it takes. */
  readonly arity: 1 | 2
  /** Its result is an Int: never, always, if the first argument is one, or if all are. */
  readonly isInt: 'never' | 'always' | 'ifFirst' | 'ifAll'
  /** The second argument is Undefined if it is text; all others are converted. */
  readonly isSecondStrict?: boolean
  apply(first: number, second: number): number
}

const MAX_PLACES = 34

/** A Decimal, whatever the argument. */
function decimal(apply: (value: number) => number): MathFunction {
  return { arity: 1, isInt: 'never', apply }
}

export const MATH_FUNCTIONS: ReadonlyMap<string, MathFunction> = new Map<string, MathFunction>([
  ['abs', { arity: 1, isInt: 'ifFirst', apply: Math.abs }],
  ['acos', decimal(Math.acos)],
  ['asin', decimal(Math.asin)],
  ['atan', decimal(Math.atan)],
  ['atan2', { arity: 2, isInt: 'never', apply: Math.atan2 }],
  ['ceil', { arity: 1, isInt: 'always', apply: Math.ceil }],
  ['cos', decimal(Math.cos)],
  ['cosh', decimal(Math.cosh)],
  ['exp', decimal(Math.exp)],
  ['ln', decimal(Math.log)],
  ['log', decimal(Math.log10)],
  ['mod', { arity: 2, isInt: 'ifAll', apply: (left, right) => left % right }],
  ['power', { arity: 2, isInt: 'never', apply: (base, exponent) => base ** exponent }],
  ['round', { arity: 1, isInt: 'always', apply: roundedHalfAway }],
  ['sign', { arity: 1, isInt: 'always', apply: Math.sign }],
  ['sin', decimal(Math.sin)],
  ['sinh', decimal(Math.sinh)],
  ['sqrt', decimal(Math.sqrt)],
  ['tan', decimal(Math.tan)],
  ['tanh', decimal(Math.tanh)],
  ['trunc', { arity: 2, isInt: 'ifFirst', isSecondStrict: true, apply: truncated }],
])

/** AWS's examples round -1.5 to -2, while `Math.round` rounds it up. */
function roundedHalfAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value))
}

/**
 * Cuts decimal digits off, as the number is written: multiplying by a power of ten would make
 * 4.34 of `trunc(4.35, 2)`.
 */
function truncated(value: number, places: number): number {
  if (Number.isNaN(places)) return Number.NaN
  const kept = Math.min(Math.max(Math.floor(places), 0), MAX_PLACES)
  if (Number.isInteger(value) || Number.isNaN(value)) return value
  const [digits = '', exponent = '0'] = String(value).split('e')
  const [whole = '', fraction = ''] = digits.split('.')
  // Only numbers below 1e-6 are written with an exponent and have a fraction.
  const room = kept + Number(exponent)
  if (room < 0) return 0
  return Number(`${whole}.${fraction.slice(0, room)}e${exponent}`)
}
