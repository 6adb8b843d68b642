"""Init: write a commented configuration to fill in."""

from __future__ import annotations

import secrets
from pathlib import Path

from connectors.personal import KEY_VARIABLE
from flows.alerting import links

TEMPLATE = '''\
# Meridian's configuration. Every setting that is commented out stands at its default.
# `meridian doctor` checks this file, the credentials and every source.

[company]
name = "Your company"
time_zone = "Europe/Berlin"          # a KPI day is a day in this zone (IANA name)
currency = "EUR"                     # amounts in the marts are in this currency
languages = ["en", "zh-CN"]          # of what people read; the first is the default
# robots = ["erp:7"]                 # accounts behind which nobody sits, <source>:<number or name of the user>: what they do is not done by hand
# suggestions = ["Suggestions"]      # queues or tags of the helpdesk whose tickets are suggestions for improvement and no customer's
# domains = ["example.com"]          # of your own people's addresses: those stay readable, all others are hashed before they land

[state]
home = "var"                         # landing, warehouse, published versions, ledger; relative to this file
# ledger = "sqlite:////srv/meridian/ledger.sqlite"   # default: ledger.sqlite in home
#     or ledger_env = "LEDGER_URL"   # in PostgreSQL, which several hosts share: postgresql://user:password@host/database; README, "Many machines"
# ledger_tls_ca = "company-ca.pem"   # where its certificate is your own company's
# ledger_allow_plain = false         # true: without TLS, only where the network is your own

#     and store = "s3://bucket/meridian" beside it: what all hosts bring from there; file:///mnt/share, too
#         store_options = {endpoint_url = "https://s3.example.com"}
#         store_secrets = {key = "STORE_KEY", secret = "STORE_SECRET"}    # names of environment variables

[night]
schedule = "30 2 * * *"              # cron, in time_zone below
# time_zone = "Europe/Berlin"        # default: the company's
# threads = 2                        # dbt's
# memory = "2GB"                     # dbt's; what does not fit is written beside the warehouse, below 400MB it may not get through
# compare_days = 7                   # so many days back every night asks the sources what they hold, and one older slice as long
# compare_requests = 60              # at most so many requests a window and stream
#     and spread = true, where several hosts share ledger and store: each source is read by whatever host has time; README, "Many machines"
# spread_seconds = 300               # so long a source waits for one; then it is read where the night runs
# read_here = ["files"]              # sources that only the night's own host reaches
# log_format = "json"                # default: readable lines

# From how much on something is work; each stands at its default.
# [worklists]
# complaint_days_before_due = 2      # a complaint is listed so long before its limit
# late_rate = 0.10                   # of a supplier's lines
# losing_weeks = 2                   # in which a campaign brought less than it cost
# surge_factor = 1.5                 # orders of a day against what is usual
# surge_lines = 10                   # teams and days named with a surge
# quiet_days = 90                    # without an order or a word of a key account
# key_accounts = 20                  # the largest customers
# skipped_days = 14                  # for which a skipped step is listed
# stale_days = 21                    # in which an opportunity did not move
# worse_weeks = 2                    # that a KPI is out of its limits
# rekey_days = 1                     # for entering an order in a partner's portal
# suggestion_days = 10               # for answering a suggestion

# How long what is written is kept; `meridian prune --dry-run` says what would go. What landed is kept for ever.
# [retention]
# versions_days = 30                 # old versions of the marts
# rejected_days = 400                # landed files that were left out, once their window was read again
# messages_days = 400                # texts of messages that were delivered
# nights_days = 400                  # reports of nights
# prefect_days = 60                  # finished runs in Prefect
# evidence_days = 30                 # what robots left of their failures
# log_megabytes = 20                 # of each log

# [publish.postgres]                 # the same tables for BI tools that read PostgreSQL; README, "BI tools"
# url_env = "MARTS_URL"              # postgresql://publisher:password@db.example.com/bi
# reader = "meridian_reader"         # role that may read everything and change nothing

# [warehouse.postgres]               # the marts worked out in a PostgreSQL of your own: `meridian warehouse build`
# url_env = "WAREHOUSE_URL"

# [warehouse.spark]                  # the same by Apache Spark, as Parquet; needs Java 17: `meridian warehouse build --engine spark`
# folder = "spark"                   # on a file system that every machine of the cluster has at this path
# master = "local[*]"                # this machine; or a cluster: "spark://host:7077"
# memory = "2g"                      # of the driver and of each executor

# Alerts: `meridian alerts list` shows what is wrong, here stands who is told. Rules of your own are files in `folder`, beside this one.
# [alerts]
# folder = "alerts"
# off = ["order_surge"]              # shipped rules that nobody here wants
# channels = {inform = ["mail"], warn = ["mail"], act = ["mail"]}
# [alerts.people.supply_lead]        # who is behind a role that rules name
# name = "Mira Okafor"
# channels = ["mail"]
# [alerts.rules.supplier_late_rate]  # another limit than shipped
# above = 0.12

# Who hears of the weekly report (Mondays) and the monthly review; both lie in <home>/reports. Default: the first channel.
# [reports]
# channels = ["mail"]
# attach_bytes = 0                   # a report printed to no more bytes than this goes along with a mail; 0: the mail says where it lies

# Automations: nothing is written anywhere before this section is there. README, "Automations"; `meridian automations check` and `meridian doctor` look at it.
# [automations]
# folder = "playbooks"               # beside this file: one there adds a playbook, or replaces the shipped one of its name
# agreement = 0.95                   # so often must people have decided as a playbook proposed before it may run by itself,
# decisions = 20                     # in at least so many decisions
# Targets: systems that may be written to, with a key of their own in .env, never the one they are read with (MERIDIAN_<TARGET>_<what the kind asks for>).
# [automations.targets.erp]
# kind = "tryton"
# url = "https://erp.example.com"
# database = "company"
# [automations.targets.helpdesk]
# kind = "zendesk"                   # or request_tracker
# url = "https://example.zendesk.com"
# email = "meridian@example.com"     # of the agent whose token it is
# tasks = "Operations"               # the group (Request Tracker: the queue) in which tasks are opened
# autoreply = "360000000000"         # the trigger that answers customers (Request Tracker: <queue>/<custom field that its template shows>)
# [automations.targets.tasks]        # where the team works, if that is not the helpdesk
# kind = "jira"                      # or asana
# url = "https://example.atlassian.net"
# email = "meridian@example.com"
# tasks = "OPS"                      # the project that gets tasks
# [automations.targets.register]     # improvement projects are registered in the drop folder
# kind = "register"
# folder = "drop"
# [automations.targets.partner]      # a portal without an interface, entered by a robot
# kind = "portal"
# url = "https://dealers.example.com"
# evidence = "var/robots/partner"
# Modes: off, shadow (written down), propose (people do it; as shipped), approve (done once somebody agreed), auto (done within its caps).
# [automations.playbooks.complaint_escalation]
# mode = "approve"
# caps = {per_run = 10}
# approvers = ["customer_service_lead"]
# Who says yes, by the roles that playbooks name; channels by default those of [alerts.people.<role>].
# [automations.approvers.customer_service_lead]
# name = "Ana Lindqvist"
# channels = ["mail"]
# users = ["ana"]                    # who this is at a terminal

# Business hours: SLA clocks run on these. 24:00 is the end of the day; a night shift is two spans.
[calendars.support]
time_zone = "Europe/Berlin"
mon = [["09:00", "17:00"]]
tue = [["09:00", "17:00"]]
wed = [["09:00", "17:00"]]
thu = [["09:00", "17:00"]]
fri = [["09:00", "17:00"]]
holidays = [2026-12-25, 2026-12-26]

# Sources. The name in brackets is yours: it names the folder in the landing and stands in every id. A key is never written
# here: `..._env` names the environment variable (or the line in .env beside this file, mode 600) that holds it.
# Several sources of one kind are fine; their ids never collide. `meridian source add <kind>` writes one and tests it.

# [sources.erp]
# kind = "tryton"
# url = "https://erp.example.com"
# database = "company"
# key_env = "TRYTON_KEY"
# stale_after_hours = 36             # older than this, its marts are marked stale

# [sources.shop]
# kind = "odoo"                      # Odoo 16 to 19
# url = "https://company.odoo.com"
# database = "company"
# login = "meridian@example.com"     # of the key's user; only users of the group Settings may read histories
# key_env = "ODOO_KEY"               # an API key of this user (Preferences, Account Security); it ends after three months at most
# companies = [1, 3]                 # ids; default: all that the user may work in
# without = ["crm_lead"]             # streams that are not wanted: here leads, because another system has them
#                                    # Odoo lacks some fields; where you add them (Settings, Technical), they are read: x_requested_on of sale.order,
#                                    # x_delivered_at of stock.picking, x_reason and x_fault ("ours", "customer") of stock.picking and account.move

# [sources.helpdesk]
# kind = "zendesk"
# url = "https://example.zendesk.com"
# email = "meridian@example.com"
# token_env = "ZENDESK_TOKEN"
# requests_per_minute = 400          # of what the vendor allows, what is ours; nightly run and backfill share it
# personal = { default = "hash", "tickets.subject" = "drop" }   # hash, drop or keep; README, "Personal data"
# requests_per_day = 50000           # in any 24 hours: a run that would exceed it stops, says how far it got, and goes on the next night

# [sources.second_helpdesk]
# kind = "freshdesk"
# url = "https://example.freshdesk.com"
# api_key_env = "FRESHDESK_API_KEY"  # of an administrator (Profile settings)
# plan = "growth"                    # growth, pro or enterprise: how many requests a minute the account has
# without = ["satisfaction_ratings"] # streams that the plan has not

# [sources.crm]
# kind = "hubspot"
# token_env = "HUBSPOT_TOKEN"        # a private app's access token, with the read scopes of what is listed in README
# requests_per_ten_seconds = 190     # what your subscription allows one app; 100 is the least
# without = ["campaigns"]            # streams whose scope the app was not given

# [sources.sales]
# kind = "salesforce"
# url = "https://example.my.salesforce.com"
# client_id = "3MVG9..."             # consumer key of an external client app with the scopes api and refresh_token
# client_secret_env = "SALESFORCE_CLIENT_SECRET"
# refresh_token_env = "SALESFORCE_REFRESH_TOKEN"     # or private_key_env and username: the app's certificate signs for us
# objects = ["Order", "Invoice__c"]  # further objects, read by what changed; fields as our user may see them
# requests_per_day = 20000           # of the organisation's day, what is ours at most

# [sources.office]
# kind = "erpnext"                   # ERPNext, on Frappe's cloud or your own server
# url = "https://example.erpnext.com"
# time_zone = "Asia/Kolkata"         # as in its System Settings: its stamps carry no offset; a wrong one is refused
# key_env = "ERPNEXT_KEY"            # of a user who may read what is listed in README, Version, Comment and Deleted Document
# secret_env = "ERPNEXT_SECRET"
# without = ["issues"]               # streams that this user may not read

# [sources.store]
# kind = "shopify"
# url = "https://example.myshopify.com"
# token_env = "SHOPIFY_TOKEN"        # of a custom app with the scopes read_orders, read_all_orders, read_customers, read_products, read_inventory,
#                                    # read_locations and read_merchant_managed_fulfillment_orders
# api_version = "2026-10"            # a version is answered for a year; the report says when it is not any more
# all_orders = false                 # orders of the last 60 days alone: without the scope read_all_orders Shopify shows no others
#                                    # Shopify lacks some fields; where you add them as metafields (Settings, Custom data, namespace custom), they are
#                                    # read: customer_number of customers, requested_on of orders

# [sources.erp_replica]
# kind = "sql"                       # tables and views of PostgreSQL, MySQL or MariaDB
# url_env = "ERP_REPLICA_URL"        # postgresql://reader:password@replica.example.com/erp
# time_zone = "Europe/Berlin"        # of columns that hold date and time without a zone
# streams.orders = { table = "public.orders", key = ["id"], cursor = "updated_at", lag_minutes = 10, deletes = "sweep" }

# Channels: where alerts and reports go. README, "Channels", has the options of each kind; `meridian channels test <name>` sends a real message.

# [channels.mail]
# kind = "email"
# host = "smtp.example.com"
# port = 587
# security = "starttls"              # starttls, tls, or none for a relay on this machine
# username = "meridian"
# password_env = "SMTP_PASSWORD"
# sender = "meridian@example.com"
# recipients = ["mira@example.com"]

# [channels.ops]
# kind = "feishu"                    # also slack, teams, wecom, dingtalk, webhook, apprise
# url_env = "FEISHU_URL"             # the bot's webhook
# secret_env = "FEISHU_SECRET"       # of its signature verification
# language = "zh-CN"                 # default: the company's first
# fallback = "mail"                  # gets what this one cannot deliver; default: the first other channel

# [serve]                            # `meridian serve` answers the links in messages; their key is MERIDIAN_LINK_KEY in .env
# public_url = "https://ops.example.com"             # how people reach it, where a proxy stands before it
# behind_proxy = true                # that proxy writes who asks into X-Forwarded-For
# port = 8787
# link_days = 7

# [watch]
# url_env = "DEAD_MAN_URL"           # of a dead man's switch outside: asked every five minutes while everything promised is delivered
# overdue_minutes = 30

# What no system holds comes as files: targets, budgets, costs, ad spend, rosters. See README, "The drop folder".
# pattern: which files; key: the columns that name a row; what cannot be guessed is declared (encoding, delimiter, date order, decimal sign).
[sources.files]
kind = "files"
folder = "drop"
streams.targets = { pattern = "targets*.csv", key = ["kpi", "segment_type", "segment", "effective_from"] }
streams.channel_days = { pattern = "channel_days*.csv", key = ["day", "channel", "campaign"] }
streams.budgets = { pattern = "budgets*.csv", key = ["month", "unit", "category"] }
streams.costs = { pattern = "costs*.csv", key = ["month", "unit", "category"] }   # , encoding = "cp1252", delimiter = ";", dates = { month = "dmy" }
streams.rosters = { pattern = "rosters*.csv", key = ["agent", "starts_at"], personal = { agent = "email" } }
streams.sla_policies = { pattern = "sla_policies*.csv", key = ["policy", "priority"] }
streams.teams = { pattern = "teams*.csv", key = ["team"] }
# streams.staff = { pattern = "staff*.csv", key = ["person", "starts_on"], personal = { person = "email" } }
# streams.sites = { pattern = "sites*.csv", key = ["site", "starts_on"] }
# streams.team_reviews = { pattern = "team_reviews*.csv", key = ["team", "reviewed_on"] }
# streams.quality_reviews = { pattern = "quality_reviews*.csv", key = ["review"], personal = { agent = "email" } }
# streams.surveys = { pattern = "surveys*.csv", key = ["answer"] }
# streams.staffing = { pattern = "staffing*.csv", key = ["team"] }
# streams.stock_counts = { pattern = "stock_counts*.csv", key = ["counted_on", "warehouse", "product"] }
# streams.suggestions = { pattern = "suggestions*.csv", key = ["suggestion"], personal = { submitter = "email" } }
'''

SECRETS = '''\
# The keys that meridian.toml names, one NAME=value a line. Only you may read this file.
# Personal data is hashed with this one, made for you: keep a copy in a safe place, for with another one everybody becomes somebody else.
{personal}={key}
# Links in messages are signed with this one, made for you as well.
{link}={link_key}
# TRYTON_KEY=
# ZENDESK_TOKEN=
# FRESHDESK_API_KEY=
# HUBSPOT_TOKEN=
# SALESFORCE_CLIENT_SECRET=
# SALESFORCE_REFRESH_TOKEN=
# ERPNEXT_KEY=
# ERPNEXT_SECRET=
# ODOO_KEY=
# SHOPIFY_TOKEN=
# ERP_REPLICA_URL=
# MERIDIAN_ERP_WRITE_KEY=
# MERIDIAN_HELPDESK_WRITE_TOKEN=
# MERIDIAN_TASKS_WRITE_TOKEN=
# MERIDIAN_PARTNER_USER=
# MERIDIAN_PARTNER_PASSWORD=
# SMTP_PASSWORD=
# MARTS_URL=
# FEISHU_URL=
# FEISHU_SECRET=
# DEAD_MAN_URL=
'''


def write(folder: Path) -> list[Path]:
    """Write meridian.toml and .env into `folder`. Raises FileExistsError before anything is written when meridian.toml is there."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration, environment = folder / "meridian.toml", folder / ".env"
    with configuration.open("x", encoding="utf-8") as file:
        file.write(TEMPLATE)
    written = [configuration]
    if not environment.exists():
        environment.touch(mode=0o600)
        made = {"personal": KEY_VARIABLE, "key": secrets.token_hex(32), "link": links.KEY_VARIABLE, "link_key": secrets.token_hex(32)}
        environment.write_text(SECRETS.format(**made), encoding="utf-8")
        written.append(environment)
    (folder / "drop").mkdir(exist_ok=True)
    return written
