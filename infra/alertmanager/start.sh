#!/bin/sh
# Writes the addresses that alertmanager.yml reads, and starts Alertmanager. Where one is not set, nobody listens.
printf %s "${ALERT_PAGE_URL:-http://127.0.0.1:9/}" > /tmp/page-url
printf %s "${ALERT_TICKET_URL:-http://127.0.0.1:9/}" > /tmp/ticket-url
exec "${ALERTMANAGER:-/bin/alertmanager}" --config.file=/etc/alertmanager/alertmanager.yml --storage.path=/alertmanager
