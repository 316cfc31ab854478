/** Numbers and durations on the command line, checked by commander, so that its errors name the flag. */
import { InvalidArgumentError } from 'commander'
import { formatDuration, parseDuration } from '../units.ts'

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^[0-9]+$/.test(text) && number >= min && number <= max) return number
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  }
}

export function decimal(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^[0-9]+(\.[0-9]+)?$/.test(text) && number >= min && number <= max) return number
    throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`)
  }
}

/** Milliseconds, from a duration such as `30s`; a number without a unit counts seconds. */
export function duration(maxMs: number): (text: string) => number {
  return (text) => {
    const isBare = /^[0-9]+(\.[0-9]+)?$/.test(text)
    const milliseconds = parseDuration(isBare ? `${text}s` : text)
    if (milliseconds !== undefined && milliseconds <= maxMs) return milliseconds
    throw new InvalidArgumentError(
      `Expected a duration such as 30s or 5m, at most ${formatDuration(maxMs)}.`,
    )
  }
}
