with
suggestions as (
    select * from {{ ref('fct_suggestions') }}
),

unread as (
    select
        suggestion_id,
        coalesce(subject, number) as title,
        unit,
        submitted_on,
        age_days
    from suggestions
    where state = 'submitted' and age_days > {{ worklist_limit('suggestion_days') }}
),

final as (
    {{ worklist(
        'suggestions', 'unread', key='suggestion_id', subject='title',
        evidence_en="'Submitted on ' || submitted_on || ', nobody has answered for ' || age_days || ' days'",
        evidence_zh="submitted_on || ' 提交，已 ' || age_days || ' 天无人答复'",
        owner='operations_lead', due_at='submitted_on + ' ~ worklist_limit('suggestion_days'), severity="'inform'", value='age_days',
        threshold=worklist_limit('suggestion_days'), more=['suggestion_id', 'unit']
    ) }}
)

select * from final
