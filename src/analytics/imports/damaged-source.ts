/** A file that can't be imported; nothing of it is. The message says where and why. */
export class DamagedSource extends Error {
  override readonly name = 'DamagedSource'
}
