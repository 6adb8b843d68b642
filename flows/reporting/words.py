"""What reports say, in the languages that they are read in."""

from __future__ import annotations

from flows.reporting.scorecard import Language

WORDS: dict[str, tuple[str, str]] = {
    "week": ("Weekly operations report", "运营数据周报"),
    "month": ("Monthly review", "月度复盘"),
    "as_of": ("as of", "截至"),
    "version": ("version", "数据版本"),
    "on_target": ("{met} of {judged} KPIs meet their target", "{judged} 项指标中 {met} 项达标"),
    "signals": ("{count} beyond what is usual, for the worse", "{count} 项异常变差"),
    "work": ("{count} pieces of work are open", "{count} 件待办事项"),
    "stale": ("{count} streams are stale", "{count} 个数据流过期"),
    "scorecard": ("Balanced scorecard", "平衡计分卡"),
    "financial": ("Financial", "财务"), "customer": ("Customers", "客户"), "process": ("Processes", "内部流程"),
    "learning": ("People and learning", "学习与成长"),
    "met_of": ("{met} of {judged} met", "{met}/{judged} 达标"),
    "kpi": ("KPI", "指标"), "value": ("value", "数值"), "before": ("before", "上期"), "year_before": ("a year ago", "去年同期"), "target": ("target", "目标"),
    "status": ("status", "状态"), "trend": ("trend", "趋势"), "owner": ("owner", "负责人"),
    "provisional": ("not settled yet", "尚未定值"),
    "changes": ("What moved, and why", "变化与归因"),
    "change_line": ("{before} → {value} ({change})", "{before} → {value}({change})"),
    "points": ("points", "个百分点"),
    "rest": ("all others together", "其余合计"),
    "quiet": ("Nothing that can be split moved beyond a hundredth.", "没有可分解的显著变化。"),
    "charts": ("Signals", "异常信号"),
    "chart_note": ("The band is what the weeks before led to expect (three sigma); beyond it, marked, is a signal.",
                   "灰带为此前数据推出的正常范围(三倍标准差),带外标记为异常信号。"),
    "no_signals": ("No value left its control limits.", "没有数值超出控制限。"),
    "segments": ("In parts of the whole", "细分异常"),
    "worse": ("worse", "变差"), "better": ("better", "变好"), "expected": ("expected {value}", "预期 {value}"),
    "worklists": ("Work that the numbers call for", "数据提示的待办"),
    "nothing_to_do": ("Nothing.", "无。"),
    "more": ("and {count} more", "另有 {count} 件"),
    "due": ("due {day}", "期限 {day}"),
    "projects": ("Improvement projects", "改进项目"), "no_projects": ("None is registered.", "没有登记的改进项目。"), "since": ("since {day}", "自 {day}"),
    "effect": ("{effect} ({low} to {high})", "{effect}({low} 至 {high})"),
    "verified": ("verified", "效果已验证"), "not shown": ("not shown", "效果未显现"), "too early": ("too early to say", "为时尚早"),
    "registered too late": ("registered too late", "登记过晚"), "cannot be judged": ("cannot be judged", "无法判断"),
    "automations": ("Automations and their effect", "自动化及其效果"), "no_automations": ("Nothing was done by itself or agreed to.", "本期没有自动化操作。"),
    "did": ("{done} of {attempted} done", "完成 {done}/{attempted}"), "handed": ("{count} handed to a person", "{count} 项转人工"),
    "taken_back": ("{count} taken back", "{count} 项已撤销"),
    "alerts": ("Alerts", "预警"),
    "no_alerts": ("Nobody was alerted.", "本期没有预警。"),
    "quality": ("Data quality", "数据质量"),
    "fresh": ("Every source is fresh.", "所有数据源均为最新。"),
    "complete": ("What the sources hold has landed: {figure} of {rows} records compared.", "已比对 {rows} 条记录,完整率 {figure}。"),
    "missing_in": ("{stream}: {count} missing", "{stream}:缺失 {count} 条"),
    "restated": ("Restated", "数据更正"),
    "restated_line": ("{title}, {period}: {old} → {new} ({reason})", "{title},{period}:{old} → {new}({reason})"),
    "none_restated": ("No past number of this period has changed.", "本期没有更正过去的数字。"),
    "complaints": ("Complaints past or near their limit", "逾期或临近期限的投诉"),
    "late_suppliers": ("Open lines of late suppliers", "延迟供应商的未到货行"),
    "losing_campaigns": ("Losing campaigns", "亏损的推广活动"),
    "orders_to_rekey": ("Orders to be entered in a partner's portal", "待录入合作伙伴门户的订单"),
    "order_surges": ("Order surges", "订单激增"),
    "quiet_key_accounts": ("Key accounts gone quiet", "沉寂的大客户"),
    "skipped_steps": ("Steps of procedures left out", "被跳过的流程步骤"),
    "stale_opportunities": ("Opportunities that do not move", "停滞的商机"),
    "uncovered_shifts": ("Hours nobody is rostered for", "无人排班的时段"),
    "late_data": ("late data", "数据迟到"), "definition_changed": ("definition changed", "口径变更"),
}


def word(key: str, language: Language, **values: object) -> str:
    """The phrase of that key; a key without one is itself, so that a new worklist shows under its name."""
    english, chinese = WORDS.get(key, (key, key))
    phrase = chinese if language == "zh-CN" else english
    return phrase.format(**values) if values else phrase
