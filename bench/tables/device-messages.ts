/** Messages of 200 devices of five types, with the faults that real ones have. */
import { Random } from '../../test/support/random.ts'

/** One of a hundred has a number as text, one of a thousand is no JSON. */
export function* deviceMessages(count: number, seed = 7): Generator<string> {
  const random = new Random(seed)
  const number = (limit: number, decimals: number) =>
    Number((random.below(limit * 10 ** decimals) / 10 ** decimals).toFixed(decimals))
  for (let n = 0; n < count; n++) {
    const fields = [climate, meter, vehicle, air, motor][n % 5]?.(n, number)
    const message = { device: `dev-${n % 200}`, ts: 1_790_000_000 + n, ...fields }
    yield n % 1000 === 3 ? 'not json' : JSON.stringify(message)
  }
}

type Draw = (limit: number, decimals: number) => number

function climate(n: number, number: Draw) {
  const temp = number(40, 2)
  return { temp: n % 100 === 0 ? `${temp}` : temp, hum: number(100, 1), ok: true, bat: n % 100 }
}

function meter(n: number, number: Draw) {
  const phase = { l1: number(240, 2), l2: number(240, 2), l3: number(240, 2) }
  return { phase, energy: n * 3, state: 'run' }
}

function vehicle(n: number, number: Draw) {
  return { lat: number(90, 5), lon: number(90, 5), speed: number(90, 1), sat: n % 12, fix: true }
}

function air(n: number, number: Draw) {
  return { co2: 400 + (n % 800), voc: n % 300, pm25: number(50, 1), pm10: number(50, 1), err: 0 }
}

function motor(n: number, number: Draw) {
  const turns = { rpm: n % 3000, torque: number(50, 2), t1: number(50, 2), t2: number(50, 2) }
  return { ...turns, alarm: [1, 2], fw: '1.2.3' }
}
