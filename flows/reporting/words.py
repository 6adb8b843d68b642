"""What reports say, in the languages that they are read in."""

from __future__ import annotations

from flows.reporting.scorecard import Language, show

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
    "no_split": ("No exact split exists: these are medians or the like, or their parts do not add up to them",
                 "没有精确的分解:下列指标是中位数一类的数值,或各部分之和不等于整体"),
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
    "verified": ("verified", "效果已验证"), "verified at a cost": ("verified, at a cost", "效果已验证,但有代价"),
    "guard_rail_worse": ("guard rail worse: {kpi} {effect}", "护栏指标变差:{kpi} {effect}"),
    "not shown": ("not shown", "效果未显现"), "too early": ("too early to say", "为时尚早"),
    "registered too late": ("registered too late", "登记过晚"), "cannot be judged": ("cannot be judged", "无法判断"),
    "suggested": ("Suggestions", "改进建议"), "none_suggested": ("Nobody has suggested anything.", "尚无改进建议。"),
    "suggested_now": ("{came} came in. Of all there are:", "本期新增 {came} 条。全部建议目前:"),
    "days_old": ("{days} days old", "已提交 {days} 天"),
    "suggestion_submitted": ("submitted", "已提交"), "suggestion_assessed": ("assessed", "已评估"),
    "suggestion_registered": ("registered as a project", "已立项"),
    "suggestion_judged": ("judged", "已有结论"), "suggestion_declined": ("declined", "未采纳"),
    "automations": ("Automations and their effect", "自动化及其效果"), "no_automations": ("Nothing was done by itself or agreed to.", "本期没有自动化操作。"),
    "did": ("{done} of {attempted} done", "完成 {done}/{attempted}"), "handed": ("{count} handed to a person", "{count} 项转人工"),
    "taken_back": ("{count} taken back", "{count} 项已撤销"),
    "alerts": ("Alerts", "预警"),
    "no_alerts": ("Nobody was alerted.", "本期没有预警。"),
    "quality": ("Data quality", "数据质量"),
    "fresh": ("Every source is fresh.", "所有数据源均为最新。"),
    "complete": ("What the sources hold has landed: {figure} of {rows} records compared.", "已比对 {rows} 条记录,完整率 {figure}。"),
    "missing_in": ("{stream}: {count} missing", "{stream}:缺失 {count} 条"),
    "left_out": ("In quarantine, {source}: {count} of {of} rows of {entity} left out – {reason} ({new} new this week)",
                 "隔离数据,{source}:{entity} 共 {of} 行中 {count} 行不计入指标——{reason}(本周新增 {new} 行)"),
    "set_aside": ("In quarantine, {source}: {count} of {of} rows of {entity} count without the value – {reason} ({new} new this week)",
                  "隔离数据,{source}:{entity} 共 {of} 行中 {count} 行剔除异常值后计入——{reason}(本周新增 {new} 行)"),
    "no_quarantine": ("No row is in quarantine.", "没有隔离数据。"),
    "restated": ("Restated", "数据更正"),
    "restated_line": ("{title}, {period}: {old} → {new} ({reason})", "{title},{period}:{old} → {new}({reason})"),
    "none_restated": ("No past number of this period has changed.", "本期没有更正过去的数字。"),
    "complaints": ("Complaints past or near their limit", "逾期或临近期限的投诉"),
    "improvements": ("KPIs out of control that nobody works on", "失控且无人改进的指标"),
    "late_suppliers": ("Open lines of late suppliers", "延迟供应商的未到货行"),
    "losing_campaigns": ("Losing campaigns", "亏损的推广活动"),
    "movable_orders": ("Drafts at late suppliers that another could take", "可改向的延迟供应商采购草稿"),
    "orders_to_rekey": ("Orders to be entered in a partner's portal", "待录入合作伙伴门户的订单"),
    "order_surges": ("Order surges", "订单激增"),
    "quiet_key_accounts": ("Key accounts gone quiet", "沉寂的大客户"),
    "skipped_steps": ("Steps of procedures left out", "被跳过的流程步骤"),
    "stale_opportunities": ("Opportunities that do not move", "停滞的商机"),
    "suggestions": ("Suggestions that nobody has answered", "无人答复的改进建议"),
    "uncovered_shifts": ("Hours nobody is rostered for", "无人排班的时段"),
    "by_month": ("KPIs by month", "月度指标"), "catalogue": ("Catalogue", "指标目录"), "about": ("About", "说明"),
    "period": ("period from", "期初"), "period_end": ("to", "期末"), "month_start": ("month", "月份"), "perspective": ("perspective", "维度"),
    "sample": ("sample", "样本量"), "unit": ("unit", "单位"), "direction": ("better is", "方向"), "definition": ("definition", "口径"),
    "question": ("question", "回答的问题"), "warn_at": ("warns at", "预警值"), "act_at": ("acts at", "行动值"), "id": ("id", "编号"),
    "source_note": ("source", "数据来源"), "grain": ("periods", "周期"), "company": ("company", "公司"), "published": ("published (UTC)", "发布时间(UTC)"),
    "higher": ("higher", "越高越好"), "lower": ("lower", "越低越好"), "range": ("near the target", "接近目标"), "any": ("day, week, month", "日、周、月"),
    "fresh_data": ("data", "数据"), "is_stale": ("stale", "过期"), "is_fresh": ("fresh", "最新"), "currency": ("currency", "货币"),
    "handbook": ("KPI handbook", "指标手册"), "search": ("Search by name, question, owner, table", "按名称、问题、负责人、数据表搜索"),
    "raci": ("Who to ask", "找谁"), "responsible": ("does it", "执行"), "accountable": ("answers for it", "负责"), "consulted": ("is asked", "咨询"),
    "informed": ("is told", "知会"), "formula": ("Formula (SQL)", "计算公式(SQL)"), "lineage": ("Where it comes from", "数据血缘"),
    "reads": ("streams read", "来源数据流"), "tables": ("models on the way", "经过的模型"), "used_by": ("Used by", "使用方"),
    "targets": ("Targets", "目标沿革"), "none_set": ("none was ever set", "从未设定"), "since_start": ("from the first day", "自首日起"),
    "latest": ("latest", "最新值"), "nothing_found": ("No KPI fits.", "没有符合的指标。"), "other_language": ("中文", "English"),
    "late_data": ("late data", "数据迟到"), "definition_changed": ("definition changed", "口径变更"),
}


def word(key: str, language: Language, **values: object) -> str:
    """The phrase of that key; a key without one is itself, so that a new worklist shows under its name."""
    phrase = in_language(WORDS.get(key, (key, key)), language)
    return phrase.format(**values) if values else phrase


def in_language(pair: tuple[str, str], language: Language) -> str:
    """Of (English, Chinese) the one that is read."""
    return pair[language == "zh-CN"]


def difference(value: float, unit: str, currency: str, language: Language) -> str:
    """A change as a person writes it, with its sign; that of two ratios in percentage points."""
    amount = f"{100 * abs(value):.1f} {word('points', language)}" if unit == "ratio" else show(abs(value), unit, currency, language)
    return ("+" if value > 0 else "−" if value < 0 else "±") + amount
