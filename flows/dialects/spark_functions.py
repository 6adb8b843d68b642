"""Functions of DuckDB, or of ours, that Spark lacks or that print otherwise, as expressions of Spark's SQL with a place {0} for each argument.

Nothing is made in the session for them, and no Python runs on the machines of a cluster.
"""

EXPONENT = "cast(substring_index(format_string('%.16e', {0}), 'e', -1) as int)"
JAVAS_EXPONENT = "abs(cast(split_part(cast({0} as string), 'E', 2) as int))"
# A double as C prints it: Java's own words turn to 1.2E7 at ten million and below a thousandth.
TEXT = """case
    when {0} is null then null
    when isnan({0}) then 'nan'
    when abs({0}) = double('infinity') then if({0} > 0, 'inf', '-inf')
    when {0} = 0 or abs({0}) between 0.001D and 9999999D then cast({0} as string)
    when abs({0}) >= 0.0001D and abs({0}) < 1e16D
        then regexp_replace(cast(cast(cast({0} as string) as decimal(38, 21)) as string), '(\\\\.\\\\d)?(\\\\d*?)0+$', '$1$2')
    else concat(regexp_replace(split_part(cast({0} as string), 'E', 1), '\\\\.0$', ''), 'e', if(abs({0}) < 1, '-', '+'),
                lpad(""" + JAVAS_EXPONENT + """, greatest(2, length(""" + JAVAS_EXPONENT + """)), '0'))
end"""
# C's %g: {1} digits ({2} of them after the first), without the zeros behind them.
GENERAL = """case
    when {0} is null then null
    when {0} = 0 then '0'
    when """ + EXPONENT + """ < -4 or """ + EXPONENT + """ >= {1}
        then concat(regexp_replace(split_part(format_string('%.{2}e', {0}), 'e', 1), '\\\\.?0+$', ''), 'e', split_part(format_string('%.{2}e', {0}), 'e', 2))
    else regexp_replace(regexp_replace(cast(cast(format_string('%.{2}e', {0}) as decimal(38, 18)) as string), '0+$', ''), '\\\\.$', '')
end"""
# flows/analysis/erlang.py, step by step; so many people are enough for any share below 1 - 1e-12.
LOAD = "({0} * {1} / 60D)"
AGENTS = """case when """ + LOAD + """ >= 0 and {1} > 0 and {2} >= 0 and {2} < 1 and {3} >= 0 then
    case when """ + LOAD + """ = 0 then 0 else aggregate(
        sequence(1, cast(ceil(""" + LOAD + """ + 10 * sqrt(""" + LOAD + """) + 50) as int)),
        named_struct('blocked', 1D, 'found', cast(null as int)),
        (so_far, agents) -> if(so_far.found is not null, so_far, get(transform(
            array(""" + LOAD + """ * so_far.blocked / (agents + """ + LOAD + """ * so_far.blocked)),
            blocked -> named_struct('blocked', blocked, 'found', case when agents > """ + LOAD + """
                and 1 - agents * blocked / (agents - """ + LOAD + """ * (1 - blocked)) * exp(-(agents - """ + LOAD + """) * {3} / {1}) >= {2}
                then agents end)), 0)),
        so_far -> so_far.found) end end"""
