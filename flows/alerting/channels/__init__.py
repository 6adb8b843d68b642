"""The kinds of channels."""

from __future__ import annotations

from collections.abc import Mapping

from flows.alerting.channels import dingtalk, email, feishu, other, slack, teams, webhook, wecom
from flows.alerting.channels.contract import Kind

KINDS: Mapping[str, Kind] = {
    "email": email.KIND, "slack": slack.KIND, "teams": teams.KIND, "feishu": feishu.KIND, "wecom": wecom.KIND, "dingtalk": dingtalk.KIND,
    "webhook": webhook.KIND, "apprise": other.KIND,
}
