/** How every object is stored, and what the service can be relied on for. */
import type { S3StorageOptions } from './options.ts'

const AWS_HOST = /\.amazonaws\.com(?:\.cn)?(?::\d+)?\/?$/

/** Storage class and encryption. */
export function headersOf({ storageClass, encryption }: S3StorageOptions): Record<string, string> {
  return {
    ...(storageClass !== undefined && { 'x-amz-storage-class': storageClass }),
    ...(encryption !== undefined && { 'x-amz-server-side-encryption': encryption.type }),
    ...(encryption?.keyId !== undefined && {
      'x-amz-server-side-encryption-aws-kms-key-id': encryption.keyId,
    }),
  }
}

/** Amazon S3 honours `If-None-Match`; other services may ignore it without an error. */
export function mayIgnoreConditions({ endpoint }: S3StorageOptions): boolean {
  return endpoint !== undefined && !AWS_HOST.test(endpoint)
}
