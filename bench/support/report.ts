/** What a benchmark leaves in the file of `--json`. */
import { writeFileSync } from 'node:fs'
import { machine } from './machine.ts'

/** Writes the figures after the date and the machine, if there is a file to write to. */
export function writeReport(file: string | undefined, figures: object): void {
  if (file === undefined) return
  const date = new Date().toISOString().slice(0, 10)
  writeFileSync(file, `${JSON.stringify({ date, machine: machine(), ...figures }, null, 2)}\n`)
}
