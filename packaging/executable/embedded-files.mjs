// Stands in for node:fs/promises where the dashboard is read: its files are in the executable.
import { getAssetKeys, getRawAsset } from 'node:sea'

export async function readdir() {
  return getAssetKeys()
}

export async function readFile(path) {
  return Buffer.from(getRawAsset(path.slice(path.lastIndexOf('/') + 1)))
}
