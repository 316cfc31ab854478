/** Figures, each in its one form, with the exact value as title. */
import { bytesText } from '../../src/format/bytes.ts'
import { countText, exactCount } from '../../src/format/count.ts'
import { rateText } from '../../src/format/rate.ts'

export function Count({ value }: { value: number }) {
  return (
    <span class="figure" title={exactCount(value)}>
      {countText(value)}
    </span>
  )
}

export function Rate({ value }: { value: number }) {
  return <span class="figure">{rateText(value)}</span>
}

export function Bytes({ value }: { value: number }) {
  return (
    <span class="figure" title={`${exactCount(value)} B`}>
      {bytesText(value)}
    </span>
  )
}

/** Such as `1 message`, `2,000 messages`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}
