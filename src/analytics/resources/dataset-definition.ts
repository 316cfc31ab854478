/** What defines a dataset: the action that makes its content, when, and what becomes of it. */
import * as z from 'zod'
import { parseSchedule, ScheduleError } from './schedule.ts'
import { tagList } from './tags.ts'
import {
  bucket,
  listOf,
  members,
  oneMember,
  oneOfTexts,
  plainName,
  presentIn,
  resourceName,
  retentionPeriod,
  roleArn,
  text,
  versioningConfiguration,
  whole,
} from './values.ts'

/** Athena's own bound; the API has none. */
const MAX_SQL_CHARACTERS = 262_144
const INT = 2 ** 31
const GLUE_NAME = { max: 150, pattern: /^[^\p{Cc}\p{Cs}]*$/u, like: 'without control characters' }

const queryAction = members({
  sqlQuery: text({ max: MAX_SQL_CHARACTERS }),
  filters: listOf(
    members({
      deltaTime: members({
        offsetSeconds: whole(-INT, INT - 1),
        timeExpression: text({ max: 1_024 }),
      }).optional(),
    }),
    0,
    1,
  ).optional(),
})

const fileName = text({ max: 255, pattern: /^[\w.-]+$/, like: 'of A-Z a-z 0-9 _ . -' })
const VALUES = ['stringValue', 'doubleValue', 'datasetContentVersionValue', 'outputFileUriValue']

const variable = members({
  name: text({ max: 256 }),
  stringValue: text({ min: 0, max: 1_024 }).optional(),
  doubleValue: z.number('expected a number').optional(),
  datasetContentVersionValue: members({ datasetName: resourceName }).optional(),
  outputFileUriValue: members({ fileName }).optional(),
}).refine(
  (value) => presentIn(value).filter((name) => VALUES.includes(name)).length === 1,
  `expected exactly one of ${VALUES.join(', ')}`,
)

const containerAction = members({
  image: text({ max: 255 }),
  executionRoleArn: roleArn,
  resourceConfiguration: members({
    computeType: oneOfTexts(['ACU_1', 'ACU_2']),
    volumeSizeInGB: whole(1, 50),
  }),
  variables: listOf(variable, 0, 50).optional(),
})

const action = members({
  actionName: plainName.optional(),
  queryAction: queryAction.optional(),
  containerAction: containerAction.optional(),
}).refine(
  (value) => (value.queryAction === undefined) !== (value.containerAction === undefined),
  'expected exactly one of queryAction, containerAction',
)

const SCHEDULE = 'expected rate(15 minutes), cron(0/15 * * * ? *) or the like'
const expression = text({ max: 256 }).superRefine((given, context) => {
  try {
    parseSchedule(given)
  } catch (error) {
    const message = error instanceof ScheduleError ? error.message : SCHEDULE
    context.addIssue({ code: 'custom', message, input: given })
  }
})

const trigger = oneMember({
  schedule: members({ expression }),
  dataset: members({ name: resourceName }),
})

const contentDeliveryRule = members({
  entryName: text({ max: 255 }).optional(),
  destination: oneMember({
    iotEventsDestinationConfiguration: members({
      inputName: text({
        max: 128,
        pattern: /^[a-zA-Z][a-zA-Z0-9_]*$/,
        like: 'of A-Z a-z 0-9 _ that begin with a letter',
      }),
      roleArn,
    }),
    s3DestinationConfiguration: members({
      bucket,
      key: text({
        max: 255,
        pattern: /^[a-zA-Z0-9!_.*'()/{}:-]*$/,
        like: "of A-Z a-z 0-9 ! _ . * ' ( ) / { } : -",
      }),
      glueConfiguration: members({
        tableName: text(GLUE_NAME),
        databaseName: text(GLUE_NAME),
      }).optional(),
      roleArn,
    }),
  }),
})

const lateDataRule = members({
  ruleName: plainName.optional(),
  ruleConfiguration: oneMember({
    deltaTimeSessionWindowConfiguration: members({ timeoutInMinutes: whole(1, 60) }),
  }),
})

const settings = {
  actions: listOf(action, 1, 1),
  triggers: listOf(trigger, 0, 5).optional(),
  contentDeliveryRules: listOf(contentDeliveryRule, 0, 20).optional(),
  retentionPeriod: retentionPeriod.optional(),
  versioningConfiguration: versioningConfiguration.optional(),
  lateDataRules: listOf(lateDataRule, 1, 1).optional(),
}

export const datasetDefinition = members(settings).superRefine(refuseContradictions)
export const newDataset = members({
  datasetName: resourceName,
  ...settings,
  tags: tagList.optional(),
}).superRefine(refuseContradictions)

export type DatasetDefinition = z.infer<typeof datasetDefinition>

/** A dataset whose content SQL makes, and no container. */
export function isSqlDataset({ actions }: DatasetDefinition): boolean {
  return actions[0]?.queryAction !== undefined
}

/** The dataset whose content makes this one run. */
export function triggeringDatasetOf({ triggers = [] }: DatasetDefinition): string | undefined {
  return triggers.flatMap(({ dataset }) => dataset?.name ?? [])[0]
}

function refuseContradictions(definition: DatasetDefinition, context: z.RefinementCtx): void {
  const message = triggerProblem(definition)
  const { triggers, lateDataRules, actions } = definition
  if (message !== undefined) {
    context.addIssue({ code: 'custom', path: ['triggers'], message, input: triggers })
  }
  const filters = actions[0]?.queryAction?.filters ?? []
  if (lateDataRules === undefined || filters.some(({ deltaTime }) => deltaTime !== undefined))
    return
  context.addIssue({
    code: 'custom',
    path: ['lateDataRules'],
    message: 'expected a queryAction with the filter deltaTime',
    input: lateDataRules,
  })
}

/** The sentences are those of AWS. */
function triggerProblem(definition: DatasetDefinition): string | undefined {
  const { triggers = [] } = definition
  const datasets = triggers.filter(({ dataset }) => dataset !== undefined).length
  if (datasets === 0) return undefined
  if (isSqlDataset(definition)) return 'Triggering dataset can only be added on a container dataset'
  if (datasets < triggers.length) return 'Exactly one trigger type should be provided'
  return datasets > 1 ? 'There can only be one triggering dataset' : undefined
}
