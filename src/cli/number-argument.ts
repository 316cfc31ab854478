/** Numbers on the command line, checked by commander, so that its errors name the flag. */
import { InvalidArgumentError } from 'commander'

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
