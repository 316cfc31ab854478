#!/bin/bash
# Runs in a Debian of its own, started by its systemd: installs, uses, upgrades, removes and purges
# the package. Each step prints a line of what it found; the test compares them.
set -u
cd /trial
export DEBIAN_FRONTEND=noninteractive
unit=iot-analytics-connector
state() { systemctl show "$unit" --property "$1" --value; }
say() { echo "$*" >>/trial/found; }
# Waits up to 60 s until the command succeeds.
await() { for _ in $(seq 240); do "$@" >/dev/null 2>&1 && return; sleep 0.25; done; say "no success: $*"; }
healthy() { curl -fsS http://127.0.0.1:8090/health | grep -q '"ready":true'; }
messages() { iotac tail trial --from earliest 2>>/trial/log | wc -l; }

exec >>/trial/log 2>&1
mkdir -p /etc/systemd/system/$unit.service.d
printf '[Service]\nWatchdogSec=6\n' >/etc/systemd/system/$unit.service.d/quick.conf

dpkg -i first.deb
await healthy
say "installed: $(state ActiveState), enabled: $(systemctl is-enabled $unit), reports: $(state StatusText)"
user=$(ps -o user= -p "$(state MainPID)")
say "user is root: $([ "$user" = root ] && echo yes || echo no)"
say "data: $(stat -c %a /var/lib/private/$unit)"

iot-analytics-connector publish trial '{"temp":23.33}'
say "messages: $(messages)"
iot-analytics-connector check --while-running >/dev/null
say "check: $?"
say "dashboard: $(curl -s --compressed http://127.0.0.1:8090/ | grep -c '<title>iot-analytics-connector</title>')"
say "manual page: $([ -e /usr/share/man/man1/iotac.1.gz ] && echo there)"

systemctl reload $unit
await eval '[ "$(state ActiveState)" = active ]'
say "reloaded: $(state ActiveState), $(state NRestarts) restarts"

# A program that hangs: the watchdog hears nothing more.
before=$(state MainPID)
kill -STOP "$before"
await eval '[ "$(state NRestarts)" = 1 ]'
await healthy
say "watchdog: $(state NRestarts) restart, messages: $(messages)"

kill -9 "$(state MainPID)"
await eval '[ "$(state NRestarts)" = 2 ]'
await healthy
say "kill -9: $(state NRestarts) restarts, messages: $(messages)"

echo '# changed here' >>/etc/iot-analytics-connector/connector.yaml
dpkg -i second.deb
await healthy
say "upgraded: $(dpkg-query -W -f '${Version}' $unit), $(state ActiveState), messages: $(messages)"
say "configuration: $(tail -n 1 /etc/iot-analytics-connector/connector.yaml)"

echo 'storage: nonsense' >/etc/iot-analytics-connector/connector.yaml
systemctl restart $unit
await eval '[ "$(state ActiveState)" = failed ]'
say "faulty configuration: $(state ActiveState), exit code $(state ExecMainStatus), $(state NRestarts) restarts"
echo '{}' >/etc/iot-analytics-connector/connector.yaml

systemctl stop $unit
dpkg -r $unit
say "removed: $([ -e /usr/bin/iotac ] && echo still there || echo gone), data: $([ -d /var/lib/private/$unit ] && echo kept)"
dpkg -P $unit
for path in /var/lib/$unit /var/lib/private/$unit /etc/iot-analytics-connector /usr/lib/$unit; do
	say "purged $path: $([ -e $path ] && echo still there || echo gone)"
done
say end
systemctl poweroff
