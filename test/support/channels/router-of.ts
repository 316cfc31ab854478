/** A router to a rig's channels that sends no receipts. */
import { Router, type RouterOptions } from '../../../src/routing/router.ts'
import type { ChannelSetRig } from './channel-set-rig.ts'

export function routerOf(rig: ChannelSetRig, options: Partial<RouterOptions> = {}): Router {
  return new Router({
    channels: rig.set,
    receipts: { expectReply() {}, failure() {} },
    clock: rig.clock,
    inputs: [],
    defaultChannel: undefined,
    binaryEncoding: 'raw',
    ...options,
  })
}
