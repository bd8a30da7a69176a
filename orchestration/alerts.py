"""Tells people that a night is red or a run crashed: webhook (JSON) and e-mail. Silent when neither is
configured.

What goes wrong while alerting is logged and returned; it never hides what the alert was about.
"""

from __future__ import annotations

import json
import logging
import smtplib
import socket
import urllib.error
import urllib.request
from email.message import EmailMessage

from ingestion.settings import Settings

TIMEOUT_SECONDS = 10.0
_log = logging.getLogger(__name__)


def is_configured(settings: Settings) -> bool:
    return bool(settings.alert_webhook_url or settings.alert_email_to)


def send_alert(settings: Settings, subject: str, text: str, *, kind: str, run_id: str = "") -> list[str]:
    """Send to every configured target. `kind`: red, crash or orphan. Returns what went wrong, one line a
    target.
    """
    errors = []
    for name, ready, send in (
        ("webhook", settings.alert_webhook_url, _send_webhook),
        ("e-mail", settings.alert_email_to, _send_mail),
    ):
        if not ready:
            continue
        try:
            send(settings, subject, text, kind, run_id)
        except Exception as error:  # noqa: BLE001 - an alert that fails must not replace what it tells of
            # the type only: a message may hold the address, and a webhook's address is its secret
            reason = f"status {error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
            errors.append(f"the {name} alert could not be sent: {reason}")
            _log.error(errors[-1])
    return errors


def _send_webhook(settings: Settings, subject: str, text: str, kind: str, run_id: str) -> None:
    assert settings.alert_webhook_url
    body = {
        "text": _with_subject(subject, text),  # what Slack, Teams and Mattermost show
        "subject": subject,
        "kind": kind,
        "run_id": run_id,
        "host": socket.gethostname(),
    }
    request = urllib.request.Request(
        settings.alert_webhook_url.get_secret_value(),
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
        pass


def _with_subject(subject: str, text: str) -> str:
    """The subject, then the text; a text that opens with the subject's words does not say them twice."""
    first, _, rest = text.partition("\n")
    return f"{subject}\n{rest if subject.endswith(first) else text}".rstrip("\n")


def _send_mail(settings: Settings, subject: str, text: str, kind: str, run_id: str) -> None:
    assert settings.alert_email_to
    message = EmailMessage()
    message["Subject"] = subject.splitlines()[0][:200]
    message["From"] = settings.alert_email_from
    message["To"] = settings.alert_email_to
    message["X-Warehouse-Alert"] = kind
    message.set_content(f"{text}\n\nrun {run_id} on {socket.gethostname()}\n")
    with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_SECONDS) as server:
        if settings.smtp_starttls:
            server.starttls()
        if settings.smtp_user and settings.smtp_password:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(message)
