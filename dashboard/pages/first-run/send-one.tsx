/** Commands that send a message, with the address filled in. */
import { useSignal } from '@preact/signals'
import { CopyButton } from '../../parts/copy-button.tsx'
import type { MqttAddress } from './mqtt-address.ts'

const TOPIC = 'iotanalytics/channels/my_channel/messages/put'
const BODY = '{"request":{"message":"{\\"temp\\":23.33}"},"id":"req123"}'

interface Way {
  readonly name: string
  readonly text: (address: MqttAddress) => string
}

const WAYS: readonly Way[] = [
  {
    name: 'mosquitto',
    text: ({ host, port }) =>
      `mosquitto_pub -h ${host} -p ${port} -q 1 \\\n  -t ${TOPIC} \\\n  -m '${BODY}'`,
  },
  {
    name: 'our command',
    text: ({ url }) =>
      `npx iot-analytics-connector publish my_channel '{"temp":23.33}' \\\n  --id req123 --url ${url}`,
  },
  {
    name: 'Python',
    text: ({ host, port }) =>
      `# pip install paho-mqtt
import paho.mqtt.publish as publish
publish.single("${TOPIC}",
    '${BODY.replaceAll('\\', '\\\\')}',
    qos=1, hostname="${host}", port=${port})`,
  },
  {
    name: 'ESP32',
    text: ({ host, port }) =>
      `// Arduino, library "MQTT" 2.5 by Joel Gaehwiler; it waits until the message is on disk
#include <WiFi.h>
#include <MQTT.h>

WiFiClient net;
MQTTClient client(256);  // bytes of the largest packet

void setup() {
  WiFi.begin("network", "password");
  while (WiFi.status() != WL_CONNECTED) delay(100);
  client.begin("${host}", ${port}, net);
  client.connect("esp32-1");
  client.publish("${TOPIC}",
      "${BODY.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}",
      false, 1);
}

void loop() { client.loop(); }`,
  },
]

export function SendOne({ address }: { address: MqttAddress | undefined }) {
  const chosen = useSignal(0)
  if (address === undefined) {
    return (
      <p>
        There is no MQTT server in the configuration. Messages come from the broker or the device
        that it names; the page Clients and the log say if that is refused.
      </p>
    )
  }
  const text = WAYS[chosen.value]?.text(address) ?? ''
  return (
    <>
      <div class="choices" role="group" aria-label="With">
        {WAYS.map(({ name }, index) => (
          <button
            key={name}
            type="button"
            class="button is-small"
            aria-pressed={chosen.value === index}
            onClick={() => (chosen.value = index)}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="code-block">
        <pre>{text}</pre>
        <CopyButton text={text} label="Copy the command" />
      </div>
    </>
  )
}
