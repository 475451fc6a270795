with

promotions as (select * from {{ source('sales', 'promotion') }}),

cleaned as (

    select
        promotions.p_promo_sk as promotion_sk,
        trim(promotions.p_promo_id) as promotion_id,
        promotions.p_start_date_sk as start_date_sk,
        promotions.p_end_date_sk as end_date_sk,
        promotions.p_item_sk as item_sk,
        {{ money('promotions.p_cost', 'decimal(15, 2)') }} as promotion_cost,
        promotions.p_response_target as response_target,
        trim(promotions.p_promo_name) as promotion_name,
        trim(promotions.p_channel_dmail) as channel_dmail,
        trim(promotions.p_channel_email) as channel_email,
        trim(promotions.p_channel_catalog) as channel_catalog,
        trim(promotions.p_channel_tv) as channel_tv,
        trim(promotions.p_channel_radio) as channel_radio,
        trim(promotions.p_channel_press) as channel_press,
        trim(promotions.p_channel_event) as channel_event,
        trim(promotions.p_channel_demo) as channel_demo,
        trim(promotions.p_channel_details) as channel_details,
        trim(promotions.p_purpose) as purpose,
        trim(promotions.p_discount_active) as discount_active

    from promotions

)

select * from cleaned
