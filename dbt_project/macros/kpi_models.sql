{#
    The KPI models, one name a line, in the order of the alphabet: kpi_<name>.sql. dbt wants to see every ref while parsing, so the
    union cannot look into the folder; a test compares this list with it. kpi_goal_attainment, kpi_improvement_projects and
    kpi_efficiency_gain are left out: they read the union.
#}
{% macro kpi_models() %}
    {{ return([
        'automation_success_rate',
        'average_order_value',
        'budget_variance',
        'channel_roi',
        'complaint_on_time_rate',
        'core_staff_retention',
        'coverage_rate',
        'cross_team_resolution_hours',
        'cross_team_satisfaction',
        'csat',
        'customer_growth',
        'dispute_resolution_rate',
        'first_contact_resolution',
        'first_response_minutes',
        'incident_on_time_rate',
        'lead_conversion_rate',
        'major_complaint_rate',
        'manual_touch_rate',
        'on_time_delivery_rate',
        'operating_cost_ratio',
        'order_cycle_hours',
        'order_error_rate',
        'order_throughput',
        'perfect_order_rate',
        'process_compliance_rate',
        'quality_score',
        'reassignment_rate',
        'reopen_rate',
        'repurchase_rate',
        'resolution_hours',
        'resolution_rate',
        'revenue',
        'revenue_per_head',
        'revenue_per_sqm',
        'rework_rate',
        'risk_incidence_rate',
        'sales_cycle_days',
        'sla_attainment',
        'staffing_gap',
        'stockout_rate',
        'supplier_late_rate',
        'supplier_lead_days',
        'team_review_pass_rate',
        'ticket_backlog',
        'training_completion',
        'win_rate',
        'workload_balance',
    ]) }}
{% endmacro %}

{# The core KPIs of efficiency, whose change against the year before is efficiency_gain. #}
{% macro efficiency_kpis() %}
    {{ return(['first_response_minutes', 'order_cycle_hours', 'order_throughput', 'resolution_hours', 'revenue_per_head']) }}
{% endmacro %}
