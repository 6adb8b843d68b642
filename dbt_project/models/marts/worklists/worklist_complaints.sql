with
complaints as (
    select * from {{ ref('fct_complaints') }}
),

shifts as (
    select * from {{ ref('fct_shifts') }}
),

-- whose shift is on at the end of the day, each team's first one by name; where a team sleeps, whoever is awake
awake as (
    select
        team,
        min(agent) as agent
    from shifts
    where starts_at <= {{ end_of_as_of() }} and ends_at > {{ end_of_as_of() }}
    group by team
),

waiting as (
    select
        complaints.complaint_id,
        complaints.complaint_number,
        complaints.order_id,
        complaints.ticket_id,
        complaints.kind,
        complaints.team,
        complaints.is_major,
        complaints.due_at,
        {{ hours_between('due_at', end_of_as_of()) }} as hours_over,
        strftime({{ local_time('due_at') }}, '%Y-%m-%d %H:%M') as due_local,
        coalesce(awake.agent, (select min(agent) from awake)) as on_duty
    from complaints
    left join awake
        on complaints.team = awake.team
    where resolved_at is null
        and due_at < {{ end_of_as_of() }} + interval '{{ worklist_limit("complaint_days_before_due") }} days'
),

final as (
    {{ worklist(
        'complaints', 'waiting', key='complaint_id', subject="coalesce(complaint_number, complaint_id)",
        evidence_en="kind || case when is_major then ', major' else '' end || ', ' || team || ': due ' || due_local
            || case when hours_over >= 0 then ', ' || round(hours_over, 1) || ' hours over' else ', ' || round(-hours_over, 1) || ' hours left' end",
        evidence_zh="kind || case when is_major then ',重大' else '' end || ',' || team || ':期限 ' || due_local
            || case when hours_over >= 0 then ',已超 ' || round(hours_over, 1) || ' 小时' else ',还剩 ' || round(-hours_over, 1) || ' 小时' end",
        owner='customer_service_lead', due_at='due_at', severity="case when hours_over >= 0 or is_major then 'act' else 'warn' end",
        value='hours_over', threshold='0', more=['complaint_id', 'order_id', 'ticket_id', 'team', 'on_duty']
    ) }}
)

select * from final
