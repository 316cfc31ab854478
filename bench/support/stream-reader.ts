/** Reads a stream of events of the operator's API, as a page that is open does. */

/** Reads until it is aborted. Returns how many events came. */
export async function readEvents(
  url: string,
  topics: string,
  signal: AbortSignal,
): Promise<number> {
  let events = 0
  try {
    const response = await fetch(`${url}/api/v1/events?topics=${topics}`, { signal })
    if (response.status !== 200) throw new Error(`${topics}: ${await response.text()}`)
    const decoder = new TextDecoder()
    for await (const part of response.body ?? []) {
      events += decoder.decode(part, { stream: true }).split('event: ').length - 1
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return events
}
