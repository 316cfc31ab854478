/**
 * The client library. Its connections (TCP, TLS, SASL) and its codecs of the protocol are used, but
 * not its producer: that one takes the numbers of records when a request is built and counts them
 * when it is answered, so two requests at once lose messages (platformatic/kafka#326), and it does
 * not recover from errors 45 and 59 (platformatic/kafka#309).
 */
import { loadPackage } from '../../optional-package.ts'

export type KafkaLibrary = typeof import('@platformatic/kafka')
export type KafkaConnection = InstanceType<KafkaLibrary['Connection']>

const PACKAGE = '@platformatic/kafka@1.35.0'

export async function loadLibrary(place: string): Promise<KafkaLibrary> {
  return await loadPackage(PACKAGE, place, () => import('@platformatic/kafka'))
}
