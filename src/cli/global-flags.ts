/** The flags of every command, and the configuration that results. */
import { type Command, Option } from 'commander'
import {
  type ConfigRequest,
  DEFAULT_CONFIG_FILE,
  type LoadedConfig,
  loadConfig,
} from '../config/load.ts'
import type { CliContext } from './context.ts'

export function addGlobalFlags(program: Command): Command {
  return program
    .addOption(
      new Option(
        '-c, --config <file>',
        `configuration file, YAML or JSON (default: ./${DEFAULT_CONFIG_FILE} if it exists)`,
      ).env('IOT_ANALYTICS_CONNECTOR_CONFIG'),
    )
    .option(
      '--connector-definition <file>',
      'JSON of aws greengrass create-connector-definition; the configuration overrides it',
    )
    .option('--data <directory>', 'data directory (storage.directory)')
    .option(
      '--set <path=value>',
      'set one value, such as http.port=8091 or inputs[0]=factory/#; can be repeated',
      (value: string, before: readonly string[] = []) => [...before, value],
    )
    .option('--log-level <level>', 'debug, info, warn, error or silent (log.level)')
}

/** Throws `InvalidConfiguration`. */
export function loadConfigOf(
  command: Command,
  context: CliContext,
  component?: ConfigRequest['component'],
): Promise<LoadedConfig> {
  const flags = command.optsWithGlobals()
  return loadConfig({
    component,
    file: flags['config'],
    connectorDefinition: flags['connectorDefinition'],
    dataDirectory: flags['data'],
    overrides: flags['set'],
    logLevel: flags['logLevel'],
    environment: context.process.env,
  })
}
