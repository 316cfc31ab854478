// The manual page of the program, from the commands' own help, in the macros of man(7).

/** Fields of a page's first line: the date is that of the release, so that builds repeat. */
export function manPage(program, { version, date }) {
  const name = program.name()
  const helper = program.createHelp()
  const commands = program.commands.flatMap((command) => withInner(command, command.name()))
  return [
    `.TH ${name.toUpperCase()} 1 ${date} "${name} ${version}" "User Commands"`,
    // A name with a hyphen must not be divided at it, and words are not divided at all.
    '.nh',
    '.ad l',
    // One line, for apropos.
    `.SH NAME\n${name} \\- keep messages from devices in durable logs and forward them`,
    section(
      'SYNOPSIS',
      `.B ${escaped(name)}\n${escaped(helper.commandUsage(program).slice(name.length + 1))}`,
    ),
    section('DESCRIPTION', `${paragraph(program.description())}\n${ABOUT_RUN}`),
    section('OPTIONS', options(helper, program)),
    section('COMMANDS', commands.map(([title, command]) => entry(title, command)).join('\n')),
    section('EXIT STATUS', tagged(exitCodes(program))),
    section('ENVIRONMENT', tagged(ENVIRONMENT)),
    section('FILES', tagged(FILES)),
    section('SEE ALSO', SEE_ALSO),
    '',
  ].join('\n')
}

/** The page of a second name of the program. */
export function manPageAlias(name) {
  return `.so man1/${name}.1\n`
}

const ABOUT_RUN = `.PP
Without a command, the program runs the connector with the configuration in the current directory,
or with the defaults. It stops gracefully at SIGTERM and SIGINT, and reads certificates, users and
access rules again at SIGHUP.`

const ENVIRONMENT = [
  ['IOT_ANALYTICS_CONNECTOR_CONFIG', 'The configuration file, if --config is not given.'],
  [
    'IOT_ANALYTICS_CONNECTOR__SECTION__KEY',
    'One value of the configuration, such as IOT_ANALYTICS_CONNECTOR__HTTP__PORT=8091.',
  ],
  [
    'NOTIFY_SOCKET, WATCHDOG_USEC',
    'Set by systemd: run reports its start and stop there, and that its disk answers.',
  ],
]

const FILES = [
  ['./iot-analytics-connector.yaml', 'The configuration, if no other is named.'],
  ['/etc/iot-analytics-connector/connector.yaml', 'The configuration of the system’s service.'],
  ['/var/lib/iot-analytics-connector', 'The messages of the system’s service.'],
]

const SEE_ALSO = '.BR systemctl (1),\n.BR journalctl (1)'

function section(title, text) {
  return `.SH ${title}\n${text}`
}

/** The commands in a command too, with their whole names. */
function withInner(command, title) {
  return [
    [title, command],
    ...command.commands.flatMap((inner) => withInner(inner, `${title} ${inner.name()}`)),
  ]
}

function entry(title, command) {
  const helper = command.createHelp()
  const args = command.registeredArguments.map((argument) => ` ${argumentTerm(argument)}`).join('')
  const parts = [`.SS "${escaped(`${title}${args}`)}"`, paragraph(command.description())]
  if (helper.visibleOptions(command).length > 1) parts.push(options(helper, command))
  parts.push(...explanation(command))
  return parts.join('\n')
}

function argumentTerm(argument) {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`
  return argument.required ? `<${name}>` : `[${name}]`
}

/** The rows at the end of the help. */
function exitCodes(program) {
  const [, text = ''] = textAfterOptions(program).split('\nExit codes:')
  return [...text.matchAll(/^ +(\d+) +(.+)$/gm)].map(([, code, meaning]) => [code, meaning])
}

/** Every command has --help, so it is explained once. */
function options(helper, command) {
  const isInner = command.parent !== null
  return helper
    .visibleOptions(command)
    .filter(({ long }) => !(isInner && long === '--help'))
    .map(
      (option) => `.TP\n.B ${escaped(option.flags)}\n${escaped(helper.optionDescription(option))}`,
    )
    .join('\n')
}

/** What the help says after the options, but for the exit codes, which have a section. */
function explanation(command) {
  const [text] = textAfterOptions(command).split('\nExit codes:')
  const blocks = text.split(/\n{2,}/).map((block) => block.replace(/^\n+|\s+$/g, ''))
  return blocks.filter((block) => block !== '').map(shown)
}

/** Lines that are indented or are examples stay as they are; others are prose. */
function shown(block) {
  const [first, ...rest] = block.split('\n')
  if (/^\S.*:$/.test(first) && rest.length > 0) return `.PP\n${escaped(first)}\n${verbatim(rest)}`
  return block.startsWith(' ') ? `.PP\n${verbatim(block.split('\n'))}` : paragraph(block)
}

function verbatim(lines) {
  return `.RS 4\n.nf\n${lines.map((line) => escaped(line.replace(/^ {2}/, ''))).join('\n')}\n.fi\n.RE`
}

function paragraph(text) {
  return `.PP\n${escaped(text)}`
}

function tagged(rows) {
  return rows.map(([term, text]) => `.TP\n.B ${escaped(term)}\n${escaped(text)}`).join('\n')
}

function textAfterOptions(command) {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
    getOutHelpWidth: () => 80,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text.slice(command.helpInformation().length)
}

/** A backslash, a hyphen that is to be copied, and a dot or quote that would begin a request. */
function escaped(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^(?=[.'])/gm, '\\&')
}
