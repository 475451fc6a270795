with

lines as (select * from {{ ref('int_sales_lines_checked') }}),

placed as (

    select
        coalesce(warehouse_sk, -1) as warehouse_sk,
        item_id,
        sold_date,
        channel,
        quantity,
        amount,
        profit

    from lines
    where check_id is null

),

daily as (

    select
        warehouse_sk,
        item_id,
        sold_date,
        {{ week_start('sold_date') }} as week_start_date,
        {% for channel in ['catalog', 'web'] %}
        {%- set of_channel = "case when channel = '" ~ channel ~ "' then" %}
        count({{ of_channel }} 1 end) as {{ channel }}_lines,
        count({{ of_channel }} 1 end) - count({{ of_channel }} quantity end) as {{ channel }}_unknown_qty_lines,
        cast(coalesce(sum({{ of_channel }} quantity end), 0) as bigint) as {{ channel }}_qty,
        cast(coalesce(sum({{ of_channel }} amount end), 0) as decimal(15, 2)) as {{ channel }}_amt,
        cast(coalesce(sum({{ of_channel }} profit end), 0) as decimal(15, 2)) as {{ channel }}_profit
        {{- ',' if not loop.last }}
        {% endfor %}

    from placed
    group by 1, 2, 3, 4

)

select * from daily
