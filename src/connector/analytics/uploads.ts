/** Starts what uploads Parquet files, if the configuration asks for it. */
import type { TableUploads } from '../../analytics/uploads/table-uploads.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import type { PartContext } from '../parts.ts'

/** Undefined if files are not uploaded. */
export async function startUploads(
  { analytics: { tables }, storage: { directory } }: ConnectorConfig,
  context: PartContext & { readonly connectorId: string },
): Promise<TableUploads | undefined> {
  const options = tables?.upload
  if (options === undefined) return undefined
  const { TableUploads } = await import('../../analytics/uploads/table-uploads.ts')
  const place = 'analytics.tables.upload'
  const uploads = new TableUploads({ ...context, directory, options, place })
  uploads.start()
  return uploads
}
