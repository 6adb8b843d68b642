{#
    The KPI models, one name a line, in the order of the alphabet: kpi_<name>.sql. dbt wants to see every ref while parsing, so the
    union cannot look into the folder; a test compares this list with it. kpi_goal_attainment and kpi_improvement_projects are left out:
    they read the union.
#}
{% macro kpi_models() %}
    {{ return([
        'automation_success_rate',
        'average_order_value',
        'budget_variance',
        'channel_roi',
        'complaint_on_time_rate',
        'coverage_rate',
        'cross_team_resolution_hours',
        'csat',
        'customer_growth',
        'first_contact_resolution',
        'first_response_minutes',
        'lead_conversion_rate',
        'major_complaint_rate',
        'on_time_delivery_rate',
        'operating_cost_ratio',
        'order_cycle_hours',
        'order_error_rate',
        'order_throughput',
        'perfect_order_rate',
        'process_compliance_rate',
        'reassignment_rate',
        'reopen_rate',
        'repurchase_rate',
        'resolution_hours',
        'resolution_rate',
        'revenue',
        'rework_rate',
        'risk_incidence_rate',
        'sales_cycle_days',
        'sla_attainment',
        'supplier_late_rate',
        'supplier_lead_days',
        'ticket_backlog',
        'training_completion',
        'win_rate',
    ]) }}
{% endmacro %}
