{#
    The sales region of a country written in English, for sources that know countries only. What is neither American nor
    Asian-Pacific is EMEA; a country that is not told is null.
#}
{% macro region_of_country_name(country) -%}
    case
        when {{ country }} is null then null
        when {{ country }} in ('USA', 'United States', 'Canada', 'Mexico', 'Brazil', 'Argentina', 'Chile', 'Colombia') then 'AMER'
        when {{ country }} in (
            'Australia', 'New Zealand', 'Japan', 'China', 'Hong Kong', 'Taiwan', 'South Korea', 'Singapore', 'Malaysia',
            'Thailand', 'Vietnam', 'Philippines', 'Indonesia', 'India'
        ) then 'APAC'
        else 'EMEA'
    end
{%- endmacro %}

{# The same for sources that know a country by its ISO 3166 code. #}
{% macro region_of_country_code(code) -%}
    case
        when {{ code }} is null then null
        when upper({{ code }}) in (
            'US', 'CA', 'MX', 'BR', 'AR', 'BO', 'CL', 'CO', 'CR', 'CU', 'DO', 'EC', 'GT', 'HN', 'HT', 'JM', 'NI', 'PA', 'PE', 'PR', 'PY', 'SV', 'TT', 'UY', 'VE'
        ) then 'AMER'
        when upper({{ code }}) in (
            'AU', 'NZ', 'JP', 'CN', 'HK', 'MO', 'TW', 'KR', 'SG', 'MY', 'TH', 'VN', 'PH', 'ID', 'IN', 'BD', 'LK', 'NP', 'PK', 'KH', 'LA', 'MM', 'MN', 'BN', 'FJ', 'PG'
        ) then 'APAC'
        else 'EMEA'
    end
{%- endmacro %}
