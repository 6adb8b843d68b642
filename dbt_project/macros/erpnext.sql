{# Stamps of a Frappe site: text of its own wall clock, without an offset; the connector lands the zone beside them. → TIMESTAMP in UTC. #}
{% macro site_instant(text) -%}
    ((try_cast({{ text }} as timestamp) at time zone _time_zone) at time zone 'UTC')
{%- endmacro %}

{# The rows in `items` of documents, as `item` with the columns named; a document without rows keeps one that is null. #}
{% macro rows_of_documents(documents, columns) -%}
    {%- set shape = {} -%}
    {%- for column in columns -%}{%- do shape.update({column: 'VARCHAR'}) -%}{%- endfor -%}
    select
        *,
        unnest(coalesce(nullif(json_transform(items, '{{ tojson([shape]) }}'), []), [null])) as item
    from {{ documents }}
{%- endmacro %}

{# A date as a document's history shows it: in the format of the site's settings, of which only the order of day and month is not to be seen. #}
{% macro date_of_history(text, is_month_first) -%}
    {%- set plain = "replace(replace(" ~ text ~ ", '/', '-'), '.', '-')" -%}
    cast(
        case
            when {{ text }} like '____-%' then try_cast({{ text }} as timestamp)
            when {{ is_month_first }} then try_strptime({{ plain }}, '%m-%d-%Y')
            else try_strptime({{ plain }}, '%d-%m-%Y')
        end as date
    )
{%- endmacro %}

{# A territory → the sales region: one of ours by its name, or that of the country that it is called after. #}
{% macro region_of_territory(territory) -%}
    case
        when upper({{ territory }}) in ('EMEA', 'AMER', 'APAC') then upper({{ territory }})
        when {{ territory }} not in ('All Territories', 'Rest Of The World') then {{ region_of_country_name(territory) }}
    end
{%- endmacro %}

{# The state of an opportunity (`status`, and `sales_stage` while it is open) → the stage of a lead. A site names its sales stages as it likes. #}
{% macro erpnext_lead_stage(status, sales_stage) -%}
    case
        when {{ status }} = 'Converted' then 'won'
        when {{ status }} = 'Lost' then 'lost'
        when {{ status }} = 'Closed' then 'cancelled'
        when {{ status }} = 'Quotation' or {{ erpnext_sales_stage(sales_stage) }} = 'offer' then 'offer'
        else coalesce({{ erpnext_sales_stage(sales_stage) }}, 'lead')
    end
{%- endmacro %}

{# A sales stage alone; what a new site begins with is Prospecting. #}
{% macro erpnext_sales_stage(sales_stage) -%}
    case
        when regexp_matches(lower({{ sales_stage }}), 'offer|proposal|quot|contract|negotiat') then 'offer'
        when regexp_matches(lower({{ sales_stage }}), 'prospect|lead|new') then 'lead'
        when {{ sales_stage }} is not null then 'opportunity'
    end
{%- endmacro %}
